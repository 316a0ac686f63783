import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { type Labels, selects } from './label-selector.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'webhooks', title: 'admission webhooks' };
const SLICES: Resource = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};

/** A webhook that blocks what it cannot judge. */
export interface StrictWebhook {
  /** Configuration and name of the webhook. */
  readonly name: string;
  /** namespace/name; absent for one outside the cluster. */
  readonly service?: string;
  readonly endpoints: number;
  /** Groups and kinds that it wants to see: `apps/deployments`. */
  readonly about: readonly string[];
  /** Belongs to a release of ours, which replaces it. */
  readonly ours: boolean;
}

export const webhooksCheck: Check = {
  row: ROW,
  run: async ({ client, bundle, signal }) => [
    judgeWebhooks(
      await readWebhooks(client, {
        releases: bundle.manifest.charts.map(({ release }) => release),
        namespaces: bundle.manifest.charts.map(({ namespace }) => namespace),
        signal,
      }),
    ),
  ],
};

interface WebhookScope {
  readonly releases: readonly string[];
  /** Namespaces that the release applies objects in. */
  readonly namespaces: readonly string[];
  readonly signal: AbortSignal;
}

export async function readWebhooks(
  client: KubeClient,
  { releases, namespaces, signal }: WebhookScope,
): Promise<StrictWebhook[]> {
  const found: StrictWebhook[] = [];
  const places = await labelsOf(client, namespaces, signal);
  for (const resource of [RESOURCES.validatingWebhooks, RESOURCES.mutatingWebhooks]) {
    for (const configuration of await client.list(resource, { signal })) {
      const ours = releases.includes(configuration.metadata.annotations?.['meta.helm.sh/release-name'] ?? '');
      for (const hook of listAt(configuration, ['webhooks'])) {
        if (valueAt(hook, ['failurePolicy']) === 'Ignore') continue;
        // It is never asked about what we apply.
        const selector = valueAt(hook, ['namespaceSelector']);
        if (!places.some((labels) => selects(selector, labels))) continue;
        const [namespace, name] = ['namespace', 'name'].map((key) =>
          valueAt(hook, ['clientConfig', 'service', key]),
        );
        const service = typeof name === 'string' ? `${String(namespace)}/${name}` : undefined;
        found.push({
          name: `${configuration.metadata.name}: ${String(valueAt(hook, ['name']))}`,
          ...(service === undefined ? {} : { service }),
          endpoints: service === undefined ? 1 : await countEndpoints(client, service, signal),
          about: listAt(hook, ['rules']).flatMap(aboutOf),
          ours,
        });
      }
    }
  }
  return found;
}

/** Labels of the namespaces; one that is still to be made has its name only. */
async function labelsOf(
  client: KubeClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Labels[]> {
  const live = await client.list(RESOURCES.namespaces, { signal });
  return [...new Set(names)].map((name) => {
    const found = live.find((namespace) => namespace.metadata.name === name);
    return { 'kubernetes.io/metadata.name': name, ...found?.metadata.labels };
  });
}

/** One that nobody answers for refuses every object it is asked about (threats 107). */
export function judgeWebhooks(hooks: readonly StrictWebhook[]): Finding {
  const dead = hooks.filter(({ endpoints }) => endpoints === 0);
  if (dead.length === 0)
    return { ...ROW, outcome: 'pass', seen: `${hooks.length} that must answer, all have endpoints` };
  const list = dead.map(
    ({ name, service, about }) => `${name} (${service} has no endpoints; about ${about.join(', ')})`,
  );
  const foreign = dead.filter(({ ours, about }) => !ours && about.some(concernsUs));
  return {
    ...ROW,
    outcome: foreign.length > 0 ? 'fail' : 'warn',
    seen: list.join('; '),
    expected: 'endpoints behind every webhook whose failurePolicy is Fail',
    advice: 'bring its pods up, or delete the configuration when nobody uses it any more',
  };
}

/** Kinds that every chart of the product has. */
function concernsUs(about: string): boolean {
  return /^(\*|v1|core|apps|batch|networking\.k8s\.io|)\/(\*|pods|services|configmaps|secrets|deployments|statefulsets|ingresses|namespaces|jobs)$/.test(
    about,
  );
}

function aboutOf(rule: unknown): string[] {
  const groups = listAt(rule, ['apiGroups']).map(String);
  return groups.flatMap((group) =>
    listAt(rule, ['resources']).map((resource) => `${group}/${String(resource).replace(/^\*\/\*$/, '*')}`),
  );
}

async function countEndpoints(client: KubeClient, service: string, signal: AbortSignal): Promise<number> {
  const [namespace = '', name = ''] = service.split('/');
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = await client.list<KubeObject>(SLICES, { namespace, labelSelector, signal });
  return slices
    .flatMap((slice) => listAt(slice, ['endpoints']))
    .filter((endpoint) => valueAt(endpoint, ['conditions', 'ready']) !== false).length;
}

function listAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
