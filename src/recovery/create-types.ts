import type { Emit } from '../events.js';
import type { Connection } from '../kube/client.js';
import type { Encryption } from './archive/encryption.js';
import type { BackupFacts } from './archive/types.js';
import type { VerifyBackupReport } from './types.js';

/** Parts of a backup that can be chosen or left out, in the order in which they are written. */
export const CHOICES = [
  'config',
  'values',
  'secrets',
  'ingress',
  'rbac',
  'assets',
  'storage',
  'database',
  'metrics',
] as const;
export type Choice = (typeof CHOICES)[number];

/** Data that the site's own solution saves; airgap records the solution's name instead of the data. */
export interface SiteSolutions {
  readonly database?: string;
  readonly metrics?: string;
}

export interface CreateOptions {
  readonly client: Connection;
  /** The file to write. */
  readonly output: string;
  readonly encryption: Encryption;
  readonly choices: ReadonlySet<Choice>;
  readonly bySite: SiteSolutions;
  readonly toolVersion: string;
  /** The bundle that the releases were installed from, where the caller knows it. */
  readonly bundleId?: string;
  /** Image for a pod that reads volumes; that of the running database when absent. */
  readonly helperImage?: string;
  /** Where PATH comes from, for pg_restore --list. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface CreatedBackup {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** SHA-256 of backup.json. */
  readonly backupId: string;
  readonly encryption: Encryption['kind'];
  readonly facts: BackupFacts;
  readonly parts: number;
  readonly verified: VerifyBackupReport;
}
