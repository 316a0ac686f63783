import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { printable } from '../../redact.js';
import type { StepContext } from '../../run/types.js';
import { bashCall, execText } from '../exec-stream.js';
import type { HelperPod } from '../helper-pod.js';
import type { RestoreAction } from '../plan.js';
import { textAt } from '../value-at.js';
import { LOOK_SCRIPT } from '../volume-script.js';
import type { RestoreWork } from './types.js';

/** Says on a claim which run made it or fills its volume; gone when that is done. */
export const FILLING = 'airgap/filling';

type Context = Pick<StepContext, 'runId' | 'runFolder' | 'guard' | 'signal'>;

/** Marks a claim as made by this run: what its volume holds then is in no safety backup. */
export function madeHere(claim: KubeObject, context: Pick<StepContext, 'runId'>): KubeObject {
  const annotations = { ...claim.metadata.annotations, [FILLING]: made(context) };
  return { ...claim, metadata: { ...claim.metadata, annotations } };
}

/**
 * A volume may be emptied when it is empty, when what was on it is in the safety backup, or when this run began to fill
 * it. A fresh claim proves nothing: storage may hand a directory back that outlived its cluster. Nor does a claim that
 * was there: of two that may be the database's, one of each era, a backup saves the one that is in use.
 * @throws AirgapError RESTORE_REFUSED
 */
export async function demandErasable(
  { client, safety }: Pick<RestoreWork, 'client' | 'safety'>,
  { namespace, claim, replaces }: Extract<RestoreAction, { kind: 'volume' }>,
  { pod, context }: { readonly pod: HelperPod; readonly context: Context },
): Promise<void> {
  const { guard, signal, runFolder } = context;
  const path = { name: claim, namespace };
  const live = await client.get(RESOURCES.claims, path, { signal });
  const note = live?.metadata.annotations?.[FILLING];
  if (note === filling(context)) return;
  const isSaved = async (): Promise<boolean> => (await safety.claims(runFolder)).has(`${namespace}/${claim}`);
  if (replaces !== true || note === made(context) || !(await isSaved())) {
    const { command, input } = bashCall({ script: LOOK_SCRIPT, args: [] });
    const file = await execText(
      { client, target: { ...pod.target, command }, input, signal },
      { code: 'RESTORE_FAILED', what: `volume ${namespace}/${claim} cannot be looked at` },
    );
    if (file !== '') throw notEmpty(`${namespace}/${claim}`, file, textAt(live, ['spec', 'volumeName']));
  }
  await guard();
  const annotations = { [FILLING]: filling(context) };
  await client.patch(RESOURCES.claims, path, { metadata: { annotations } }, { signal });
}

function notEmpty(claim: string, file: string, volume = 'unknown'): AirgapError {
  return new AirgapError(
    'RESTORE_REFUSED',
    `the volume of ${claim} holds files that this run did not write`,
    {
      expected: 'an empty volume: what is on it is in no backup of this run',
      found: `${printable(file.trimEnd(), 300)}, and perhaps more, on PersistentVolume ${volume}`,
      hint: `keep these files elsewhere and empty the volume, then give the same command again; to have them instead of the copy: kubectl patch pv ${volume} -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}', delete the claim, and begin with --new-run --rebind ${claim}`,
    },
  );
}

function made({ runId }: Pick<StepContext, 'runId'>): string {
  return `${runId} made it`;
}

function filling({ runId }: Pick<StepContext, 'runId'>): string {
  return `${runId} fills it`;
}
