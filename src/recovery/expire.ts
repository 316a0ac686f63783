import { rm } from 'node:fs/promises';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { keptOf, listBackups } from './list.js';
import { removeMark } from './marks.js';
import { chooseExpired, type RetentionPolicy } from './retention.js';
import { removeSnapshot } from './snapshot-expire.js';

export interface ExpireOptions {
  readonly client: Pick<KubeClient, 'get' | 'delete'>;
  readonly clusterUid: string;
  readonly emit: Emit;
}

/**
 * Deletes the backups of a folder that a policy lets go. Neither the newest verified backup of a cluster nor any newer
 * one goes, whatever the policy says.
 * What a backup keeps as VolumeSnapshots goes after its file, where it is of the cluster that is reached.
 * @returns the files that are gone
 */
export async function expireBackups(
  folder: string,
  policy: RetentionPolicy,
  { client, clusterUid, emit }: ExpireOptions,
): Promise<string[]> {
  const expired = chooseExpired(keptOf(await listBackups(folder)), policy);
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
