import { endedHere } from '../run/ended-here.js';
import type { RunIdentity } from '../run/identity.js';
import { parseMirror } from '../run/mirror.js';
import { hasOpenIntent, stepStates } from '../run/progress.js';
import type { ClusterSide } from '../run/session.js';
import { findUnfinished, isOver, listRunFolders, readRun } from '../run/store.js';
import type { Plan } from '../run/types.js';
import type { Remembered } from './open-registry.js';

/** A run that was begun and not finished, here or on another host. */
export interface Unfinished {
  readonly identity: RunIdentity;
  readonly plan: Plan;
  /** Ids of the steps that are done, as far as its record says. */
  readonly committed: readonly string[];
  /** Ids of the steps that were begun and are not known to have ended. */
  readonly open: readonly string[];
}

/** Looks for a run to go on with; takes no lock and changes nothing. @throws AirgapError JOURNAL_DAMAGED */
export async function peekUnfinished(
  root: string,
  clusterUid: string,
  side: Pick<ClusterSide, 'mirror'>,
): Promise<Unfinished | undefined> {
  const local = await findUnfinished(root, clusterUid);
  if (local) {
    const states = stepStates(local.plan, local.records);
    const committed = states.filter(({ state }) => state === 'committed').map(({ id }) => id);
    const open = local.plan.steps.flatMap(({ id }) => (hasOpenIntent(id, local.records) ? [id] : []));
    return { identity: local.identity, plan: local.plan, committed, open };
  }
  const data = await side.mirror.read();
  const remote = data === undefined ? undefined : parseMirror(data);
  if (remote?.identity.clusterUid !== clusterUid) return undefined;
  if (remote.phase === 'finished' || remote.phase === 'given-up') return undefined;
  return (await endedHere(root, remote)) ? undefined : remote;
}

/** What the newest readable run on this cluster was told about the registry. */
export async function remembered(root: string, clusterUid: string): Promise<Remembered> {
  const folders = await listRunFolders(root, clusterUid);
  for (const folder of folders.reverse()) {
    const run = await readRun(folder).catch(() => undefined);
    if (run === undefined || (run.identity.kind !== 'install' && !isOver(run.records))) continue;
    const { registry, 'plain-http': plainHttp } = run.identity.inputs;
    if (registry !== undefined) return { registry, plainHttp: plainHttp === 'true' };
  }
  return {};
}

/** The inputs of a run as what it was told about the registry. */
export function rememberedBy({ identity }: Unfinished): Remembered {
  const { registry, 'plain-http': plainHttp } = identity.inputs;
  return registry === undefined ? {} : { registry, plainHttp: plainHttp === 'true' };
}
