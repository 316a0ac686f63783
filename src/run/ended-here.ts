import { join } from 'node:path';
import type { MirroredRun } from './mirror.js';
import { runsFolder } from './paths.js';
import { isOver, readRun } from './store.js';

/**
 * True when this host recorded the end of a run whose copy in the cluster still calls it open: the process that gave
 * it up died before it wrote the copy of its own run. What another host did since has a greater fencing number.
 */
export async function endedHere(root: string, { identity, fence }: MirroredRun): Promise<boolean> {
  const folder = join(runsFolder(root, identity.clusterUid), identity.runId);
  const run = await readRun(folder).catch(() => undefined);
  return run !== undefined && isOver(run.records) && (run.records.at(-1)?.fence ?? 0) >= fence;
}
