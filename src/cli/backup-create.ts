import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { Encryption } from '../recovery/archive/encryption.js';
import { CHOICES, type Choice } from '../recovery/create-types.js';
import type { CliContext } from './context.js';
import { readPassphrase } from './passphrase.js';

interface Flags {
  readonly out: string;
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly recipient: readonly string[];
  readonly recipientsFile?: string;
  readonly passphraseFile?: string;
  readonly plain?: boolean;
  readonly databaseBy?: string;
  readonly metricsBy?: string;
  readonly helperImage?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly stateDir?: string;
  readonly format: 'text' | 'json';
}

const HELP = `
Parts (--only, --skip; several with commas): ${CHOICES.join(', ')}

The backup is encrypted unless --plain is given: for --recipient, for a passphrase, or for a key that is made for it
and written below the state folder. Keep that key away from this cluster: without it nobody can read the backup.

Examples:
  airgap backup create -o runai-2026-11-21.backup
  airgap backup create -o nightly.backup --recipient age1…
  airgap backup create -o runai.backup --metrics-by "storage snapshots of vendor X"`;

const collect = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value.split(',').map((word) => word.trim()),
];

/** `backup create`: added to the command `backup`. */
export function addBackupCreate(parent: Command, context: CliContext): void {
  parent
    .command('create')
    .summary('save what a restore needs: objects, values, databases, metrics')
    .description(
      'Saves the running product into one file: RunaiConfig, projects, values of both releases, secrets, role bindings, every database with its roles, and the volume of metrics. Each stream is counted and hashed inside its pod and again on arrival; the finished file is verified.',
    )
    .requiredOption('-o, --out <file>', 'the file to write; never an existing one')
    .option('--only <parts>', 'nothing but these parts', collect, [])
    .option('--skip <parts>', 'not these parts', collect, [])
    .option('--recipient <age1…>', 'encrypt for this age key; may be repeated', collect, [])
    .option('--recipients-file <file>', 'encrypt for the keys of this file')
    .option('--passphrase-file <file>', 'encrypt with the passphrase of this file (- for stdin)')
    .option('--plain', 'do not encrypt: whoever can read the file has every password and key of the product')
    .option('--database-by <name>', 'the site saves the database itself, with this')
    .option('--metrics-by <name>', 'the site saves the volume of metrics itself, with this')
    .option('--helper-image <ref>', 'image for the pod that reads volumes (default: that of the database)')
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .addOption(new Option('--format <format>', 'format').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action((flags: Flags) => run(flags, context));
}

async function run(flags: Flags, context: CliContext): Promise<void> {
  const choices = chosen(flags);
  const encryption = await encryptionOf(flags, context);
  const [{ backup }, { stateRoot }, report] = await Promise.all([
    import('../recovery/backup.js'),
    import('../run/paths.js'),
    import('../term/backup-create.js'),
  ]);
  const { cwd, env, emit, signal, now, version } = context;
  if (encryption !== 'fresh' && encryption.kind === 'plain') {
    const text = 'the backup is not encrypted: whoever can read it has every password and key of the product';
    emit({ type: 'note', level: 'warn', text });
  }
  const outcome = await backup({
    output: resolve(cwd, flags.out),
    stateRoot: flags.stateDir === undefined ? stateRoot(env) : resolve(cwd, flags.stateDir),
    choices,
    bySite: {
      ...(flags.databaseBy === undefined ? {} : { database: flags.databaseBy }),
      ...(flags.metricsBy === undefined ? {} : { metrics: flags.metricsBy }),
    },
    encryption,
    ...(flags.helperImage === undefined ? {} : { helperImage: flags.helperImage }),
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(cwd, flags.kubeconfig) }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    toolVersion: version,
    env,
    now,
    random: randomBytes,
    emit,
    signal,
  });
  const text =
    flags.format === 'json'
      ? `${JSON.stringify(report.createdJson(outcome), null, 2)}\n`
      : report.formatCreated(outcome);
  context.stdout.write(text);
}

/** @throws AirgapError USAGE for names that are no parts */
function chosen({ only, skip }: Flags): ReadonlySet<Choice> {
  const known = new Set<string>(CHOICES);
  const unknown = [...only, ...skip].filter((word) => !known.has(word));
  if (unknown.length > 0) {
    throw new AirgapError('USAGE', `there is no part ${unknown.join(', ')} in a backup`, {
      expected: CHOICES.join(', '),
      found: unknown.join(', '),
    });
  }
  return new Set(
    CHOICES.filter((each) => (only.length === 0 || only.includes(each)) && !skip.includes(each)),
  );
}

/** @throws AirgapError USAGE, BACKUP_KEY, FILE_NOT_FOUND */
async function encryptionOf(flags: Flags, context: CliContext): Promise<Encryption | 'fresh'> {
  const ways = [flags.plain === true, flags.passphraseFile !== undefined, hasRecipients(flags)];
  if (ways.filter(Boolean).length > 1) {
    throw new AirgapError('USAGE', 'the backup can be encrypted in one way only', {
      expected: 'one of --recipient, --passphrase-file and --plain',
    });
  }
  if (flags.plain) return { kind: 'plain' };
  if (flags.passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: await readPassphrase(flags.passphraseFile, context) };
  if (!hasRecipients(flags)) return 'fresh';
  return { kind: 'recipients', recipients: [...flags.recipient, ...(await fromFile(flags, context))] };
}

function hasRecipients({ recipient, recipientsFile }: Flags): boolean {
  return recipient.length > 0 || recipientsFile !== undefined;
}

async function fromFile({ recipientsFile }: Flags, { cwd }: CliContext): Promise<string[]> {
  if (recipientsFile === undefined) return [];
  const { parseRecipientFile } = await import('../recovery/archive/age/keys.js');
  const path = resolve(cwd, recipientsFile);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, { cause });
  });
  return parseRecipientFile(text, path);
}
