import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { BackupView } from '../recovery/backup-view.js';
import {
  addDataOptions,
  chosenParts,
  chosenRetention,
  chosenSavings,
  DATA_HELP,
  type DataFlags,
} from './backup-data.js';
import { addRecipientOptions, encryptionOf, type RecipientFlags } from './backup-encryption.js';
import type { CliContext } from './context.js';
import { runPlace } from './run-place.js';

interface Flags extends DataFlags, RecipientFlags {
  readonly out: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly stateDir?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly takeover?: string;
  readonly format: 'text' | 'json';
}

const HELP = `${DATA_HELP}

The backup is encrypted unless --plain is given: for --recipient, for a passphrase, or for a key that is made for it
and written below the state folder. Keep that key away from this cluster: without it nobody can read the backup.

Every night, from a host that reaches the cluster (crontab; the private half of the key stays elsewhere):
  15 2 * * *  airgap backup create -o /backups/ --recipient age1… --keep 14 --quiet
or from within it: airgap backup schedule --help

Examples:
  airgap backup create -o runai-2026-11-21.backup
  airgap backup create -o /backups/ --recipient age1… --keep 14
  airgap backup create -o runai.backup --metrics-by "storage snapshots of vendor X"
  airgap backup create -o runai.backup --database-as cold-copy --dry-run`;

/** `backup create`: added to the command `backup`. */
export function addBackupCreate(parent: Command, context: CliContext): void {
  const command = parent
    .command('create')
    .summary('save what a restore needs: objects, values, databases, metrics')
    .description(
      'Saves the running product into one file: RunaiConfig, projects, values of both releases, secrets, role bindings, every database with its roles, and the volume of metrics. Each stream is counted and hashed inside its pod and again on arrival; the finished file is verified.',
    )
    .requiredOption(
      '-o, --out <file>',
      'the file to write, never an existing one; in a folder one is named by time',
    );
  addRecipientOptions(addDataOptions(command))
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .option('--dry-run', 'print what would be saved and how, and stop')
    .option('-y, --yes', 'do not ask before an outage (cold-copy)')
    .option('--takeover <run>', 'this run of another host is gone; take the cluster over from it')
    .addOption(new Option('--format <format>', 'format').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action((flags: Flags) => run(flags, context));
}

async function run(flags: Flags, context: CliContext): Promise<void> {
  const { cwd, env, emit, signal, version, now } = context;
  const retention = chosenRetention(flags);
  const common = {
    ...(await runPlace(flags, context)),
    choices: chosenParts(flags),
    savings: chosenSavings(flags),
    ...(flags.snapshotClass === undefined ? {} : { snapshotClass: flags.snapshotClass }),
    ...(flags.helperImage === undefined ? {} : { helperImage: flags.helperImage }),
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(cwd, flags.kubeconfig) }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    ...(flags.takeover === undefined ? {} : { takeover: flags.takeover }),
    toolVersion: version,
    random: randomBytes,
    ...{ env, emit, signal, now },
  };
  const [recovery, report] = await Promise.all([
    import('../recovery/backup.js'),
    import('../term/backup-create.js'),
  ]);
  const show = (value: unknown, text: () => string): void => {
    context.stdout.write(flags.format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : text());
  };
  if (flags.dryRun) {
    const view = await recovery.planBackup(common);
    show(view, () => report.formatBackupView(view));
    return;
  }
  const encryption = await encryptionOf(flags, context);
  if (encryption !== 'fresh' && encryption.kind === 'plain') {
    const text = 'the backup is not encrypted: whoever can read it has every password and key of the product';
    emit({ type: 'note', level: 'warn', text });
  }
  const outcome = await recovery.backup({
    ...common,
    output: await outputOf(flags.out, cwd),
    encryption,
    smaller: flags.allowSmaller ? 'accept' : 'refuse',
    ...(retention === undefined ? {} : { retention }),
    approve: async (view) => {
      if (flags.format === 'text') context.stdout.write(report.formatBackupView(view));
      await approve(view, flags, context);
    },
  });
  show(report.createdJson(outcome), () => report.formatCreated(outcome));
  if (outcome.problem) throw outcome.problem;
}

/** A folder, there already or by its slash at the end, gets a file that is named by time. */
async function outputOf(
  out: string,
  cwd: string,
): Promise<{ readonly file: string } | { readonly folder: string }> {
  const path = resolve(cwd, out);
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return isFolder || out.endsWith('/') ? { folder: path } : { file: path };
}

/** @throws AirgapError CONFIRMATION_NEEDED */
async function approve({ cluster, plan }: BackupView, flags: Flags, context: CliContext): Promise<void> {
  if (flags.yes) return;
  const stops = plan?.steps.filter(({ outage }) => outage === 'starts').map(({ title }) => title) ?? [];
  if (context.confirm === undefined) {
    throw new AirgapError('CONFIRMATION_NEEDED', 'this backup stops a part of the product for a while', {
      expected: '--yes',
      found: `${stops.join('; ')} on ${cluster.context} (${cluster.server})`,
    });
  }
  if (await context.confirm(`${stops.join('; ')} on ${cluster.context} (${cluster.server}) for the copy?`))
    return;
  throw new AirgapError('CONFIRMATION_NEEDED', 'the answer was not yes; nothing was changed');
}
