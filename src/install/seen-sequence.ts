import { parseMirror } from '../run/mirror.js';
import type { ClusterSide } from '../run/session.js';
import { listRunFolders, readRun } from '../run/store.js';
import type { SeenSequence } from './preflight-bundle.js';

/** Input of a run that carries the highest sequence on, so that the last run knows it. */
const INPUT = 'highest-sequence';

/**
 * The highest sequence that a run on this cluster accepted, by the records of this host and by the copy in the cluster;
 * the greater one counts (threats 30).
 */
export async function readSeenSequence(
  root: string,
  clusterUid: string,
  side: Pick<ClusterSide, 'mirror'>,
): Promise<SeenSequence | undefined> {
  const data = await side.mirror.read();
  const remote = data === undefined ? undefined : parseMirror(data);
  const folders = await listRunFolders(root, clusterUid);
  const local = await Promise.all(folders.map((folder) => readRun(folder).catch(() => undefined)));
  const known = [...local.map((run) => run?.identity), remote?.identity]
    .filter((identity) => identity?.clusterUid === clusterUid)
    .map((identity) => Number(identity?.inputs[INPUT]))
    .filter(Number.isSafeInteger);
  return known.length === 0 ? undefined : { sequence: Math.max(...known) };
}

/** The inputs of a run with what it accepts. */
export function withSequence(
  inputs: Readonly<Record<string, string>>,
  own: number | undefined,
  seen: SeenSequence | undefined,
): Record<string, string> {
  const highest = Math.max(own ?? -1, seen?.sequence ?? -1);
  return highest < 0 ? { ...inputs } : { ...inputs, [INPUT]: String(highest) };
}
