import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../errors.js';
import type { BackupChoice, BackupOptions } from '../install/backup-types.js';
import type { InstallOptions } from '../install/types.js';
import { addUnlockOptions, readUnlock, type UnlockFlags } from './backup-keys.js';
import type { CliContext } from './context.js';

/** Flags of install and preflight about the backup before the first step that risks data. */
export interface InstallBackupFlags extends UnlockFlags {
  /** The file; false for --no-backup; absent or true when nothing was said. */
  readonly backup?: string | boolean;
  readonly backupDir?: string;
  readonly databaseBy?: string;
  readonly metricsBy?: string;
}

export function addInstallBackupOptions(command: Command): Command {
  command
    .option('--backup <file>', 'this backup of the last 24 hours serves; it is checked whole')
    .option('--no-backup', 'make no backup before the first step that risks data')
    .option('--backup-dir <dir>', 'folder for the backup (default: that of the run)')
    .option('--database-by <name>', 'the site saves the database itself, with this')
    .option('--metrics-by <name>', 'the site saves the volumes of metrics itself, with this');
  return addUnlockOptions(command);
}

/** What was chosen, with recovery to do it. @throws AirgapError USAGE and those of the keys */
export async function installBackup(
  flags: InstallBackupFlags,
  { stateRoot, toolVersion, env, clock, random, emit }: Omit<InstallOptions, 'mode' | 'approve'>,
  context: CliContext,
): Promise<BackupOptions> {
  const choice = choiceOf(flags, context);
  const [{ backupsForInstall }, { USUAL }] = await Promise.all([
    import('../recovery/for-install.js'),
    import('../recovery/create-types.js'),
  ]);
  const { databaseBy, metricsBy } = flags;
  const stage = backupsForInstall({
    stateRoot,
    toolVersion,
    savings: {
      ...USUAL,
      ...(databaseBy === undefined ? {} : { database: { by: databaseBy } }),
      ...(metricsBy === undefined ? {} : { metrics: { by: metricsBy }, prometheus: { by: metricsBy } }),
    },
    unlock: await readUnlock(flags, context),
    env,
    now: clock.now,
    random,
    emit,
  });
  return { choice, stage };
}

function choiceOf({ backup, backupDir }: InstallBackupFlags, { cwd }: CliContext): BackupChoice {
  if (backupDir !== undefined && typeof backup !== 'undefined' && backup !== true) {
    throw new AirgapError('USAGE', '--backup-dir is the place of a backup that is made here', {
      expected: 'one of --backup FILE, --no-backup and --backup-dir DIR',
    });
  }
  if (backup === false) return { kind: 'none' };
  if (typeof backup === 'string') return { kind: 'use', file: resolve(cwd, backup) };
  return { kind: 'take', ...(backupDir === undefined ? {} : { folder: resolve(cwd, backupDir) }) };
}
