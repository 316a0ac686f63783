import { applyCrds, isEstablished, readLiveCrds } from '../../kube/crd-apply.js';
import { sameSpec, specDifferences } from '../../kube/crd-check.js';
import type { StepExecutor } from '../../run/types.js';
import { ADDED_CRDS_NAME, CRDS_NAME } from '../saved-names.js';
import type { Work } from './types.js';

/** Applies the CRDs exactly as the file has them; done when every live spec is the file's and is served. */
export function crdsStep({ client, crds, results }: Work): StepExecutor {
  return {
    observe: async ({ signal }) => {
      const live = await readLiveCrds(client, crds, signal);
      const byName = new Map(live.map((crd) => [crd.metadata.name, crd]));
      const open = crds.filter((crd) => {
        const there = byName.get(crd.metadata.name);
        return there === undefined || !sameSpec(crd.spec, there.spec) || !isEstablished(there);
      });
      const [first] = open;
      if (first === undefined) return { state: 'done', detail: `${crds.length} definitions` };
      const there = byName.get(first.metadata.name);
      const where = there === undefined ? 'not there' : specDifferences(first.spec, there.spec, 1).join('');
      const detail = `${open.length} of ${crds.length} to apply (${first.metadata.name}: ${where || 'not served'})`;
      return { state: 'ready', detail };
    },
    save: async ({ saved, signal }) => {
      const live = await readLiveCrds(client, crds, signal);
      if (live.length > 0) await saved.put(CRDS_NAME, JSON.stringify(live));
      const there = new Set(live.map(({ metadata }) => metadata.name));
      const added = crds.map(({ metadata }) => metadata.name).filter((name) => !there.has(name));
      await saved.put(ADDED_CRDS_NAME, JSON.stringify(added));
    },
    perform: async ({ signal, emit, guard }) => {
      results.crds = await applyCrds(client, crds, { signal, emit, guard });
    },
  };
}
