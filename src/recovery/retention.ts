import type { KeptSnapshot } from './snapshot-expire.js';

/** What retention needs to know of a backup. */
export interface KeptBackup {
  readonly path: string;
  /** Milliseconds since the epoch: when the backup was begun. */
  readonly createdAt: number;
  /** All of it was found right, and the file is still the same. */
  readonly isVerified: boolean;
  /** Backups of different clusters do not replace each other. */
  readonly clusterUid: string;
  /** Snapshots that hold data of it. */
  readonly snapshots?: readonly KeptSnapshot[];
}

/** What is kept; a backup that any rule keeps stays. Without any rule all stay. */
export interface RetentionPolicy {
  /** So many of the newest verified ones of each cluster. */
  readonly keepLast?: number;
  /** Everything younger than so many milliseconds. */
  readonly keepWithin?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Chooses what may be deleted, oldest first. Of each cluster the newest verified backup and everything newer than it
 * stay, whatever the policy says: without a verified one nothing is deleted (threats 134).
 */
export function chooseExpired<T extends KeptBackup>(backups: readonly T[], policy: RetentionPolicy): T[] {
  if (policy.keepLast === undefined && policy.keepWithin === undefined) return [];
  const clusters = new Map<string, T[]>();
  for (const backup of backups) {
    const own = clusters.get(backup.clusterUid);
    if (own) own.push(backup);
    else clusters.set(backup.clusterUid, [backup]);
  }
  return [...clusters.values()]
    .flatMap((own) => expiredOf(own, policy))
    .sort((a, b) => a.createdAt - b.createdAt);
}

function expiredOf<T extends KeptBackup>(backups: readonly T[], policy: RetentionPolicy): T[] {
  const verified = backups.filter(({ isVerified }) => isVerified).map(({ createdAt }) => createdAt);
  const newestFirst = verified.sort((a, b) => b - a);
  const newest = newestFirst[0];
  if (newest === undefined) return [];
  // A backup as old as the last one that is kept stays too: equal times have no order.
  const byCount =
    policy.keepLast === undefined
      ? Number.POSITIVE_INFINITY
      : (newestFirst[Math.max(1, policy.keepLast) - 1] ?? Number.NEGATIVE_INFINITY);
  const byAge =
    policy.keepWithin === undefined ? Number.POSITIVE_INFINITY : policy.now - Math.max(0, policy.keepWithin);
  const oldestKept = Math.min(newest, byCount, byAge);
  return backups.filter(({ createdAt }) => createdAt < oldestKept);
}
