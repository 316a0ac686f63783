import { RESOURCES } from '../../kube/resources.js';
import type { StepExecutor } from '../../run/types.js';
import type { Work } from './types.js';

/** The product's pods need more than the restricted profile gives; namespaces of others are left as they are. */
const LABELS = { 'pod-security.kubernetes.io/enforce': 'privileged' };

/** Creates namespaces that are not there. */
export function namespacesStep({ client }: Work, names: readonly string[]): StepExecutor {
  const missing = async (signal: AbortSignal): Promise<string[]> => {
    const found = await Promise.all(
      names.map((name) => client.get(RESOURCES.namespaces, { name }, { signal })),
    );
    return names.filter((_name, index) => found[index] === undefined);
  };
  return {
    observe: async ({ signal }) => {
      const absent = await missing(signal);
      return absent.length === 0
        ? { state: 'done' }
        : { state: 'ready', detail: `${absent.join(', ')} not there` };
    },
    perform: async ({ signal, guard }) => {
      const { apiVersion, kind } = RESOURCES.namespaces;
      for (const name of await missing(signal)) {
        await guard();
        await client.create({ apiVersion, kind, metadata: { name, labels: LABELS } }, { signal });
      }
    },
  };
}
