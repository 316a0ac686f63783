import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepExecutor } from '../../run/types.js';
import { asNewClaim } from '../objects.js';
import type { Rebind } from '../plan.js';
import { textAt, valueAt } from '../value-at.js';
import { savedClaim } from './claims.js';
import type { RestoreWork } from './types.js';

const BOUND_MS = 60_000;

/** Gives a volume that is there its claim back: the stale part of its claimRef is cleared, the claim names it. */
export function rebindStep(work: RestoreWork, { namespace, claim, volume, volumeUid }: Rebind): StepExecutor {
  const { client } = work;
  const name = { name: claim, namespace };
  const readVolume = (signal: AbortSignal): Promise<KubeObject | undefined> =>
    client.get(RESOURCES.persistentVolumes, { name: volume }, { signal });
  return {
    observe: async ({ signal }) => {
      const live = await client.get(RESOURCES.claims, name, { signal });
      const bound = textAt(live, ['spec', 'volumeName']);
      if (live && bound !== undefined && bound !== volume)
        return { state: 'impossible', detail: `claim ${namespace}/${claim} is bound to ${bound}` };
      if (live && textAt(live, ['status', 'phase']) === 'Bound') return { state: 'done', detail: volume };
      const found = await readVolume(signal);
      if (found?.metadata.uid !== volumeUid)
        return {
          state: 'impossible',
          detail: found ? `${volume} is another volume by now` : `${volume} is gone`,
        };
      return { state: 'ready', detail: `${volume} is ${textAt(found, ['status', 'phase']) ?? 'there'}` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(`volumes/${volume}.json`, JSON.stringify(await readVolume(signal)));
    },
    perform: async ({ signal, guard }) => {
      await guard();
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claim };
      const live = await client.get(RESOURCES.claims, name, { signal });
      const own = valueAt(await readVolume(signal), ['spec', 'claimRef', 'uid']);
      if (own !== live?.metadata.uid) {
        const cleared = { ...claimRef, uid: null, resourceVersion: null };
        await client.patch(
          RESOURCES.persistentVolumes,
          { name: volume },
          { spec: { claimRef: cleared } },
          { signal },
        );
      }
      if (!live) {
        const fresh = asNewClaim(await savedClaim(work, { namespace, claim }));
        const spec = { ...(fresh['spec'] as object), volumeName: volume };
        await client.create({ ...fresh, spec }, { signal });
      }
      const isBound = async (): Promise<true | undefined> =>
        textAt(await client.get(RESOURCES.claims, name, { signal }), ['status', 'phase']) === 'Bound'
          ? true
          : undefined;
      if (await waitFor(isBound, { timeout: BOUND_MS, every: 500, signal })) return;
      throw new AirgapError('RESTORE_FAILED', `claim ${namespace}/${claim} does not get volume ${volume}`, {
        expected: 'a claim that is bound to it',
        found: textAt(await readVolume(signal), ['status', 'phase']) ?? 'no such volume',
        hint: `compare class, size and access modes: kubectl describe pv ${volume}; kubectl -n ${namespace} describe pvc ${claim}`,
      });
    },
  };
}
