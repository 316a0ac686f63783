import { applyCrds, readLiveCrds } from '../../../kube/crd-apply.js';
import { sameSpec } from '../../../kube/crd-check.js';
import type { Crd } from '../../../kube/crd-file.js';
import { RESOURCES } from '../../../kube/resources.js';
import type { StepExecutor } from '../../../run/types.js';
import { CRDS_NAME } from '../../saved-names.js';
import type { RollbackWork } from '../executors.js';
import { savedCrds } from '../observe.js';

/** Puts definitions back as a run found them; what is stored decides again whether the server takes them. */
export function restoreCrdsStep(work: RollbackWork, names: readonly string[]): StepExecutor {
  const { client, origin, results } = work;
  const wanted = async (): Promise<Crd[]> =>
    (await savedCrds(origin))
      .filter(({ metadata }) => names.includes(metadata.name))
      .map(({ metadata, spec }) => ({ ...RESOURCES_OF_CRD, metadata: { name: metadata.name }, spec }));
  return {
    observe: async ({ signal }) => {
      const old = await wanted();
      const live = new Map(
        (await readLiveCrds(client, old, signal)).map((crd) => [crd.metadata.name, crd.spec]),
      );
      const open = old.filter(({ metadata, spec }) => {
        const now = live.get(metadata.name);
        return now === undefined || !sameSpec(spec, now);
      });
      return open.length === 0
        ? { state: 'done', detail: `${old.length} definitions` }
        : { state: 'ready', detail: `${open.length} of ${old.length} to put back` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(CRDS_NAME, JSON.stringify(await readLiveCrds(client, await wanted(), signal)));
    },
    perform: async ({ signal, emit, guard }) => {
      results.crds = await applyCrds(client, await wanted(), { signal, emit, guard });
    },
  };
}

const RESOURCES_OF_CRD = { apiVersion: RESOURCES.crds.apiVersion, kind: RESOURCES.crds.kind };
