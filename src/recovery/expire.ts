import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { keptOf, listBackups } from './list.js';
import { removeMark } from './marks.js';
import { chooseExpired, type KeptBackup, type RetentionPolicy } from './retention.js';
import { removeSnapshot } from './snapshot-expire.js';

export interface ExpireOptions {
  readonly client: Pick<KubeClient, 'get' | 'delete'>;
  readonly clusterUid: string;
  readonly emit: Emit;
}

/**
 * Deletes the backups of a folder that a policy lets go. Neither the newest verified backup of a cluster nor any newer
 * one goes, whatever the policy says; one that holds less does not replace one that holds more.
 * What a backup keeps as VolumeSnapshots goes after its file, where it is of the cluster that is reached.
 * @returns the files that are gone
 */
export async function expireBackups(
  folder: string,
  policy: RetentionPolicy,
  { client, clusterUid, emit }: ExpireOptions,
): Promise<string[]> {
  const kept = keptOf(await listBackups(folder));
  const expired = chooseExpired(kept, policy);
  for (const text of tellSpared(kept, expired, policy)) emit({ type: 'note', level: 'info', text });
  const gone: string[] = [];
  for (const { path, createdAt, clusterUid: of, snapshots = [] } of expired) {
    try {
      await rm(path);
      gone.push(path);
      if (of === clusterUid)
        for (const snapshot of snapshots) await removeSnapshot(snapshot, { client, emit });
      await removeMark(path);
      emit({
        type: 'note',
        level: 'info',
        text: `deleted ${path}, made ${new Date(createdAt).toISOString()}`,
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      emit({ type: 'note', level: 'warn', text: `${path} is over its time and cannot be deleted: ${text}` });
    }
  }
  return gone;
}

/** Room that is not given free needs its reason. */
function tellSpared(
  kept: readonly KeptBackup[],
  expired: readonly KeptBackup[],
  policy: RetentionPolicy,
): string[] {
  const whatever = chooseExpired(
    kept.map((backup) => ({ ...backup, holds: [] })),
    policy,
  );
  const gone = new Set(expired.map(({ path }) => path));
  const spared = whatever.filter(({ path }) => !gone.has(path)).map(({ path }) => basename(path));
  if (spared.length === 0) return [];
  return [
    `over their time, but no newer verified backup is known to hold all that they do: ${spared.join(', ')}`,
  ];
}
