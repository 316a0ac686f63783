import { rm } from 'node:fs/promises';
import type { Emit } from '../events.js';
import { keptOf, listBackups } from './list.js';
import { removeMark } from './marks.js';
import { chooseExpired, type RetentionPolicy } from './retention.js';

/**
 * Deletes the backups of a folder that a policy lets go. Neither the newest verified backup of a cluster nor any newer
 * one goes, whatever the policy says.
 * @returns the files that are gone
 */
export async function expireBackups(folder: string, policy: RetentionPolicy, emit: Emit): Promise<string[]> {
  const expired = chooseExpired(keptOf(await listBackups(folder)), policy);
  const gone: string[] = [];
  for (const { path, createdAt } of expired) {
    try {
      await rm(path);
      await removeMark(path);
      gone.push(path);
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
