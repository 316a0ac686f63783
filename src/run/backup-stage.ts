import type { Connection } from '../kube/client.js';
import type { DatabaseCount } from './database-count.js';

/** What a backup says of itself. */
export interface BackupSeen {
  readonly path: string;
  /** SHA-256 of its manifest. */
  readonly backupId: string;
  /** ISO time. */
  readonly createdAt: string;
  readonly clusterUid: string;
  /** Bytes. */
  readonly size: number;
  /** Parts that the operator had left out when it was made. */
  readonly leftOut: readonly string[];
  /** In words: databases with tables and rows. */
  readonly summary: string;
}

/** How much room a backup takes at most. */
export interface BackupNeed {
  /** Bytes, with a fifth on top. */
  readonly bytes: number;
  /** What it is made up of, in words. */
  readonly parts: readonly string[];
}

export interface BackupTaking {
  readonly client: Connection;
  readonly path: string;
  readonly keyFile: string;
  /** What an earlier process of this run left in the cluster is taken away first. */
  readonly runId: string;
  readonly signal: AbortSignal;
}

/** Makes and checks backups, and counts what they are of. Handed in by cli/: install and recovery do not know each other. */
export interface BackupStage {
  /** @throws AirgapError BACKUP_FAILED when the database does not open, and those of the cluster */
  measure(client: Connection, signal: AbortSignal): Promise<BackupNeed>;
  /** Counts the rows of every database. @throws AirgapError BACKUP_FAILED when it does not open, and those of the cluster */
  count(client: Connection, signal: AbortSignal): Promise<DatabaseCount>;
  /** Makes a key of its own for one backup and gives the path of its file (0600). */
  newKey(runId: string): Promise<string>;
  /** Makes a backup and reads all of it again. Nothing is left under its name when it fails. */
  take(request: BackupTaking): Promise<BackupSeen>;
  /** Reads what a backup says of itself. @throws AirgapError BACKUP_INVALID, BACKUP_KEY, FILE_NOT_FOUND */
  look(path: string, signal: AbortSignal): Promise<BackupSeen>;
  /** Reads every byte. @throws AirgapError BACKUP_INVALID, BACKUP_KEY, FILE_NOT_FOUND */
  verify(
    path: string,
    options: { readonly keyFile?: string; readonly signal: AbortSignal },
  ): Promise<BackupSeen>;
}
