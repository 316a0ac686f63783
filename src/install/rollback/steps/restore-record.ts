import { RESOURCES } from '../../../kube/resources.js';
import type { StepExecutor } from '../../../run/types.js';
import { uninstalledName } from '../../saved-names.js';
import { readRevisions } from '../../steps/helm-record.js';
import { asNew } from '../../steps/objects.js';
import type { RollbackWork } from '../executors.js';
import { savedRevisions } from '../observe.js';

/** Puts helm's own memory of an uninstalled release back: the Secrets of its revisions, as they were. */
export function restoreRecordStep(
  { client, origin }: RollbackWork,
  target: { readonly release: string; readonly namespace: string },
): StepExecutor {
  const look = async (signal: AbortSignal) => {
    const saved = await savedRevisions(origin, uninstalledName(target.release));
    const live = new Set((await readRevisions(client, target, signal)).map(({ metadata }) => metadata.name));
    return { saved, missing: saved.filter(({ metadata }) => !live.has(metadata.name)) };
  };
  return {
    observe: async ({ signal }) => {
      const { saved, missing } = await look(signal);
      if (saved.length === 0)
        return { state: 'impossible', detail: `run ${origin.runId} saved no record of ${target.release}` };
      return missing.length === 0
        ? { state: 'done', detail: `${saved.length} revisions` }
        : { state: 'ready', detail: `${missing.length} of ${saved.length} revisions are gone` };
    },
    perform: async ({ signal, guard }) => {
      const { apiVersion, kind } = RESOURCES.secrets;
      for (const secret of (await look(signal)).missing) {
        await guard();
        await client.create({ ...asNew(secret), apiVersion, kind }, { signal });
      }
    },
  };
}
