import { isAirgapError } from '../errors.js';
import { endedHere } from '../run/ended-here.js';
import type { RunIdentity } from '../run/identity.js';
import { type MirroredRun, parseMirror } from '../run/mirror.js';
import { hasOpenIntent, stepStates } from '../run/progress.js';
import type { ClusterSide } from '../run/session.js';
import { findUnfinished, isOver, listRunFolders, readRun } from '../run/store.js';
import type { Plan } from '../run/types.js';
import type { Remembered } from './open-registry.js';

/** A run that was begun and not finished, here or on another host. */
export interface Unfinished {
  readonly identity: RunIdentity;
  readonly plan: Plan;
  /** Ids of the steps that are done, as far as its record and the cluster's copy of it say. */
  readonly committed: readonly string[];
  /** Ids of the steps that were begun and are not known to have ended. */
  readonly open: readonly string[];
}

type Mirror = Pick<ClusterSide, 'mirror'>;

/** Looks for a run to go on with; takes no lock and changes nothing. @throws AirgapError JOURNAL_DAMAGED */
export async function peekUnfinished(
  root: string,
  clusterUid: string,
  side: Mirror,
): Promise<Unfinished | undefined> {
  const local = await readLocal(root, clusterUid);
  const remote = await readRemote(clusterUid, side);
  if (local === undefined) return remote && (await isOpen(root, remote)) ? remote : undefined;
  if (remote?.identity.runId !== local.identity.runId) return local;
  return isOverPhase(remote) ? undefined : together(local, remote);
}

/**
 * All that is unfinished, for who wants to give it up: of this host, whose record may be damaged, and of the
 * cluster's copy, which may be of another run. Takes no lock and changes nothing.
 */
export async function listUnfinished(root: string, clusterUid: string, side: Mirror): Promise<Unfinished[]> {
  const local = await readLocal(root, clusterUid).catch((error: unknown) => {
    // It is put aside whole; what the cluster's copy knows of it counts.
    if (!isAirgapError(error, 'JOURNAL_DAMAGED')) throw error;
    return undefined;
  });
  const remote = await readRemote(clusterUid, side);
  const open = remote && (await isOpen(root, remote)) ? remote : undefined;
  if (local === undefined) return open ? [open] : [];
  // A later run that finished elsewhere ended this one.
  if (remote?.phase === 'finished' && remote.identity.runId > local.identity.runId) return [];
  if (remote?.identity.runId === local.identity.runId) return open ? [together(local, open)] : [];
  return open ? [local, open] : [local];
}

async function readLocal(root: string, clusterUid: string): Promise<Unfinished | undefined> {
  const local = await findUnfinished(root, clusterUid);
  if (local === undefined) return undefined;
  const { identity, plan, records } = local;
  const states = stepStates(plan, records);
  return {
    identity,
    plan,
    committed: states.filter(({ state }) => state === 'committed').map(({ id }) => id),
    open: plan.steps.flatMap(({ id }) => (hasOpenIntent(id, records) ? [id] : [])),
  };
}

async function readRemote(clusterUid: string, { mirror }: Mirror): Promise<MirroredRun | undefined> {
  const data = await mirror.read();
  const remote = data === undefined ? undefined : parseMirror(data);
  return remote?.identity.clusterUid === clusterUid ? remote : undefined;
}

async function isOpen(root: string, remote: MirroredRun): Promise<boolean> {
  return !isOverPhase(remote) && !(await endedHere(root, remote));
}

function isOverPhase({ phase }: MirroredRun): boolean {
  return phase === 'finished' || phase === 'given-up';
}

/** One run, of which this host and the cluster's copy each may know more: another host can have gone on with it. */
function together(local: Unfinished, remote: MirroredRun): Unfinished {
  const committed = [...new Set([...local.committed, ...remote.committed])];
  const open = [...new Set([...local.open, ...remote.open])].filter((id) => !committed.includes(id));
  return { ...local, committed, open };
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
