import type { BackupStage } from '../run/backup-stage.js';

/** What an install does about a backup before it puts data at risk. */
export type BackupChoice =
  /** A fresh one, into this folder; that of the run when absent. */
  | { readonly kind: 'take'; readonly folder?: string }
  /** One that was made not long ago. */
  | { readonly kind: 'use'; readonly file: string }
  /** The operator wants none. */
  | { readonly kind: 'none' };

/** The choice as the plan carries it: a file is bound to its content. */
export type PlannedBackup =
  | Exclude<BackupChoice, { readonly kind: 'use' }>
  | { readonly kind: 'use'; readonly file: string; readonly backupId: string; readonly createdAt: string };

/** What was chosen, and who does it. */
export interface BackupOptions {
  readonly choice: BackupChoice;
  readonly stage: BackupStage;
}
