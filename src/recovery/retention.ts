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
  /** Parts that it can bring back by itself; unknown when absent. */
  readonly holds?: readonly string[];
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
 * stay, whatever the policy says: without a verified one nothing is deleted (threats 134). A backup is replaced only by
 * those that hold every part that it holds; one whose parts are not known stays, and replaces nothing. Pure.
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
  const verified = backups.filter(({ isVerified }) => isVerified);
  // Few sets of parts occur among many backups.
  const limits = new Map<string, number>();
  return backups.filter(({ createdAt, holds }) => {
    if (holds === undefined) return false;
    const key = [...holds].sort().join();
    const known = limits.get(key);
    const limit =
      known ??
      oldestKept(
        verified.filter((other) => covers(other, holds)),
        policy,
      );
    limits.set(key, limit);
    return createdAt < limit;
  });
}

function covers({ holds }: KeptBackup, wanted: readonly string[]): boolean {
  return holds !== undefined && wanted.every((part) => holds.includes(part));
}

/** Whatever was made before this time goes, when these are what replaces it. */
function oldestKept(verified: readonly KeptBackup[], { keepLast, keepWithin, now }: RetentionPolicy): number {
  const newestFirst = verified.map(({ createdAt }) => createdAt).sort((a, b) => b - a);
  const newest = newestFirst[0];
  if (newest === undefined) return Number.NEGATIVE_INFINITY;
  // A backup as old as the last one that is kept stays too: equal times have no order.
  const byCount =
    keepLast === undefined
      ? Number.POSITIVE_INFINITY
      : (newestFirst[Math.max(1, keepLast) - 1] ?? Number.NEGATIVE_INFINITY);
  const byAge = keepWithin === undefined ? Number.POSITIVE_INFINITY : now - Math.max(0, keepWithin);
  return Math.min(newest, byCount, byAge);
}
