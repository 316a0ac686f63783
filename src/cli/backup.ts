import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isAirgapError } from '../errors.js';
import { addBackupCreate } from './backup-create.js';
import { addBackupKeygen } from './backup-keygen.js';
import { addUnlockOptions, readUnlock, type UnlockFlags } from './backup-keys.js';
import { addBackupResume } from './backup-resume.js';
import { addBackupSchedule } from './backup-schedule.js';
import type { CliContext, Verb } from './context.js';

interface ReadFlags extends UnlockFlags {
  readonly output: 'text' | 'json';
}

const HELP = `
Examples:
  airgap backup create -o runai.backup
  airgap backup verify runai-backup.tar.age --identity runai-backup.key
  airgap backup inspect runai-backup.tar.age --passphrase-file pass.txt -o json
  airgap backup list /backups

Without airgap: age -d -i KEYFILE FILE | tar x, and backup.json says what the parts are.`;

/** `backup`: what can be done with backups. */
export const backupVerb: Verb = (program, context) => {
  const group = program
    .command('backup')
    .summary('make, check and look into backups')
    .addHelpText('after', HELP);
  addBackupCreate(group, context);
  addBackupResume(group, context);
  addBackupSchedule(group, context);
  addBackupKeygen(group, context);
  addVerify(group, context);
  addInspect(group, context);
  addList(group, context);
};

function addVerify(group: Command, context: CliContext): void {
  const command = group
    .command('verify')
    .argument('<file>', 'backup')
    .summary('check every byte of a backup and what its database dumps hold; needs no cluster')
    .description(
      'Checks every byte, and reads each dump to its end: every entry of its table of contents with its data. Where ' +
        'pg_restore is on PATH, pg_restore --list must take it too. A backup found whole is marked by FILE.verified.json; retention never deletes the newest of those.',
    );
  addUnlockOptions(addOutput(command)).action((file: string, flags: ReadFlags) =>
    verify(resolve(context.cwd, file), flags, context),
  );
}

function addInspect(group: Command, context: CliContext): void {
  const command = group
    .command('inspect')
    .argument('<file>', 'backup')
    .summary('show what a backup holds, what it lacks, where it came from')
    .description('Reads the manifest at the end of a backup. The content is not checked: see backup verify.');
  addUnlockOptions(addOutput(command)).action(async (file: string, flags: ReadFlags) => {
    const [{ openBackup }, { inspectBackup }, unlock] = await Promise.all([
      import('../recovery/archive/open.js'),
      import('../recovery/inspect.js'),
      readUnlock(flags, context),
    ]);
    const backup = await openBackup(resolve(context.cwd, file), { ...unlock, signal: context.signal });
    try {
      const report = await inspectBackup(backup);
      const { formatBackup } = await import('../term/backup.js');
      print(flags, context, { value: report, text: () => formatBackup(report) });
    } finally {
      await backup.close();
    }
  });
}

function addList(group: Command, context: CliContext): void {
  const command = group
    .command('list')
    .argument('[folder]', 'where the backups are', '.')
    .summary('list the backups of a folder by reading their ends')
    .description('Encrypted backups show more when a key that opens them is given.');
  addUnlockOptions(addOutput(command)).action(async (folder: string, flags: ReadFlags) => {
    const [{ listBackups }, unlock] = await Promise.all([
      import('../recovery/list.js'),
      readUnlock(flags, context),
    ]);
    const backups = await listBackups(resolve(context.cwd, folder), { ...unlock, signal: context.signal });
    const { formatBackupList } = await import('../term/backup.js');
    print(flags, context, { value: { backups }, text: () => formatBackupList(backups) });
  });
}

async function verify(path: string, flags: ReadFlags, context: CliContext): Promise<void> {
  const { emit, env, signal, now } = context;
  const unlock = await readUnlock(flags, context);
  const [{ verifyBackupFile, requireBackupOk }, { removeMark }, { markVerified }] = await Promise.all([
    import('../recovery/verify.js'),
    import('../recovery/marks.js'),
    import('../recovery/mark-verified.js'),
  ]);
  emit({ type: 'stage-started', stage: 'verify', title: `verify ${path}` });
  const report = await verifyBackupFile(path, {
    ...unlock,
    env,
    signal,
    onProgress: (done, total) => emit({ type: 'progress', stage: 'verify', done, total, unit: 'bytes' }),
  }).catch(async (error: unknown) => {
    emit({ type: 'stage-ended', stage: 'verify', outcome: 'failed' });
    if (isAirgapError(error, 'BACKUP_INVALID')) await removeMark(path);
    throw error;
  });
  emit({ type: 'stage-ended', stage: 'verify', outcome: report.ok ? 'ok' : 'failed' });
  if (report.ok) {
    await markVerified(path, report, { now: now(), emit });
  } else await removeMark(path);
  const { formatBackupVerify } = await import('../term/backup.js');
  if (report.ok || flags.output === 'json') {
    print(flags, context, { value: report, text: () => formatBackupVerify(report) });
  }
  requireBackupOk(report);
}

function addOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'),
  );
}

interface Result {
  readonly value: unknown;
  readonly text: () => string;
}

function print(flags: ReadFlags, { stdout }: CliContext, { value, text }: Result): void {
  stdout.write(flags.output === 'json' ? `${JSON.stringify(value, null, 2)}\n` : text());
}
