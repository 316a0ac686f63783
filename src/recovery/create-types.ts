import type { AirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { Connection } from '../kube/client.js';
import type { Encryption } from './archive/encryption.js';
import type { BackupFacts } from './archive/types.js';
import type { BackupView } from './backup-view.js';
import type { Stopped } from './stop-steps.js';
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
  'metrics',
  'prometheus',
  'database',
] as const;
export type Choice = (typeof CHOICES)[number];

/** Why a part is missing that the operator did not want. */
export const LEFT_OUT = 'left out by the operator';

/** Parts that are data, with the ways in which each can be saved, the usual one first. */
export const WAYS = {
  database: ['dump', 'cold-copy', 'snapshot'],
  metrics: ['copy', 'cold-copy', 'snapshot'],
  prometheus: ['copy', 'snapshot'],
} as const;
export type DataChoice = keyof typeof WAYS;
export type Way = (typeof WAYS)[DataChoice][number];

/** How one kind of data is saved: in one of its ways, or by the site's own solution, whose name is recorded. */
export type Saving = { readonly way: Way } | { readonly by: string };
export type Savings = Readonly<Record<DataChoice, Saving>>;

/** A dump of the database, copies of the volumes. */
export const USUAL: Savings = {
  database: { way: 'dump' },
  metrics: { way: 'copy' },
  prometheus: { way: 'copy' },
};

export interface CreateOptions {
  readonly client: Connection;
  /** The file to write. */
  readonly output: string;
  readonly encryption: Encryption;
  readonly choices: ReadonlySet<Choice>;
  /** USUAL when absent. */
  readonly savings?: Savings;
  /** Class of volume snapshots; the only one of the volume's driver when absent. */
  readonly snapshotClass?: string;
  /** Shows what an outage is needed for, before it; throws when the answer is no. Not asked without an outage. */
  readonly approve?: (view: BackupView) => Promise<void>;
  /** Runs work while a workload is stopped; without it nothing is copied cold. */
  readonly whileStopped?: WhileStopped;
  readonly toolVersion: string;
  /** The bundle that a release was installed from, by the run that its revision names, where that is known. */
  readonly bundleIdOf?: (runId: string) => Promise<string | undefined>;
  /** Image for pods of ours; that of the database when absent. */
  readonly helperImage?: string;
  /** What the database must at least hold; nothing is asked when absent. */
  readonly least?: Least;
  /** Where PATH comes from, for pg_restore --list. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export type WhileStopped = <T>(
  stopped: readonly Stopped[],
  work: () => Promise<T>,
) => Promise<{
  readonly result: T;
  /** Why what was stopped is not as it was before. */
  readonly problem?: AirgapError;
}>;

/** What the databases of an earlier backup held. */
export interface DatabaseTotals {
  readonly name: string;
  readonly tables: number;
  readonly rows: number;
}

/** What a database must hold to count as the product's. */
export interface Least {
  /** The last verified backup of the same cluster in the same folder. */
  readonly last?: { readonly path: string; readonly databases: readonly DatabaseTotals[] };
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
  /** The backup is whole, yet something that was stopped for it did not come back as it was. */
  readonly problem?: AirgapError;
}
