import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import {
  RESTORE_CHOICES,
  type RestoreChoice,
  type RestoreOptions,
  type RestoreView,
} from '../recovery/restore-types.js';
import { addUnlockOptions, readUnlock, type UnlockFlags } from './backup-keys.js';
import { commandLine } from './command-line.js';
import { isSpec } from './connected.js';
import type { CliContext, Verb } from './context.js';
import { type InstallFlags, installOptions } from './install-options.js';
import { addRegistryOptions } from './registry-options.js';
import { writeReport } from './report.js';
import { addTrustOptions } from './trust.js';

/** The flags of `restore`. */
export interface RestoreFlags extends InstallFlags, UnlockFlags {
  /** Not needed for a drill. */
  readonly bundle?: string;
  readonly drill?: boolean;
  readonly helperImage?: string;
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly replace?: boolean;
  readonly toNewCluster?: boolean;
  readonly externalDatabase?: boolean;
  readonly rebind: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly takeover?: string;
  readonly newRun?: boolean;
  readonly output: 'text' | 'json';
}

const HELP = `
Parts (--only, --skip; several with commas): ${RESTORE_CHOICES.join(', ')}

The bundle must be of the version that the backup was made of; upgrade afterwards. Each database is restored beside
the live one, compared table by table, and takes its name in one transaction.

Examples:
  airgap restore runai.backup --identity runai.key --bundle runai-air-gapped-2.13.66.tar --to-new-cluster --dry-run
  airgap restore runai.backup --identity runai.key --bundle runai-air-gapped-2.13.66.tar --to-new-cluster
  airgap restore runai.backup --identity runai.key --drill

A drill touches nothing of the product: databases and roles are restored into a PostgreSQL of its own, in a pod that
is taken away again, and every table is compared with what the backup recorded.

Killed or interrupted: the same command goes on where it stopped. What it did: airgap status`;

const collect = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value.split(',').map((word) => word.trim()),
];

/** `restore`: brings a product back from a backup. */
export const restoreVerb: Verb = (program, context) => {
  const command: Command = program
    .command('restore')
    .argument('<file>', 'backup')
    .summary('bring the product back from a backup and the bundle of its version')
    .description(
      'Verifies backup and bundle, checks that the target is empty, shows the plan, then puts back secrets, volumes, both releases, databases, RunaiConfig, projects and role bindings.',
    )
    .option('--bundle <file>', 'bundle of the backup’s version, or the first of its parts')
    .option(
      '--drill',
      'prove the backup: restore its databases into a pod of their own, compare, take it away',
    )
    .option('--helper-image <ref>', 'image of pods that restore databases (default: that of the database)');
  addTrustOptions(addRegistryOptions(addUnlockOptions(command)))
    .option('--only <parts>', 'nothing but these parts', collect, [])
    .option('--skip <parts>', 'not these parts', collect, [])
    .option('--replace', 'replace what runs at the target; it is backed up first')
    .option('--to-new-cluster', 'the backup is of another cluster, and shall be restored to this one')
    .option(
      '--external-database',
      'restore the dump of a server outside of the cluster there, beside what it has',
    )
    .option('--domain <name>', 'host name of the control plane, when it is not the saved one')
    .option(
      '--rebind <claim>',
      'take the volume of this claim that outlived the cluster as it is; may be repeated',
      collect,
      [],
    )
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--helm <path>', 'helm to use, or "bundle" for the one in the bundle')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .option('--timeout <duration>', 'until all is healthy, for each release (default 15m)')
    .option('--helm-timeout <duration>', 'for each of helm’s own waits (default 10m)')
    .option('--dry-run', 'print the plan and stop')
    .option('-y, --yes', 'do not ask')
    .option('--takeover <run>', 'this run of another host is gone; take the cluster over from it')
    .option('--new-run', 'give an unfinished run up and begin a new one')
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action((file: string, flags: RestoreFlags) => restoreFromCli(file, flags, context));
};

/** What `airgap restore` does with its flags; `more` is for tests. */
export async function restoreFromCli(
  file: string,
  flags: RestoreFlags,
  context: CliContext,
  more: Pick<RestoreOptions, 'onBoundary'> = {},
): Promise<void> {
  if (flags.drill) return (await import('./drill.js')).runDrill(file, flags, context);
  const { bundle } = flags;
  if (bundle === undefined) {
    throw new AirgapError('USAGE', 'a restore needs the bundle that the releases are installed from', {
      expected: '--bundle FILE, or --drill to try the databases alone',
    });
  }
  const choices = chosen(flags);
  const own = { backendValues: [], clusterValues: [], backendSet: [], clusterSet: [], acknowledge: [] };
  if (isSpec(bundle)) {
    throw new AirgapError('USAGE', `${bundle} is a spec; a restore needs a bundle`, {
      hint: `airgap pack ${bundle} -o FILE, then --bundle FILE`,
    });
  }
  const install = await installOptions(bundle, { ...flags, ...own }, context);
  const [{ openBackup }, { openForRestore }, { restore }, report, unlock] = await Promise.all([
    import('../recovery/archive/open.js'),
    import('../install/for-restore.js'),
    import('../recovery/restore.js'),
    import('../term/restore.js'),
    readUnlock(flags, context),
  ]);
  const backup = await openBackup(resolve(context.cwd, file), { ...unlock, signal: context.signal });
  try {
    const unfinished = flags.newRun ? 'give-up' : 'resume';
    const installer = await openForRestore({
      ...install,
      unfinished,
      mode: 'install',
      approve: async () => {},
    });
    try {
      const { env, stateRoot, toolVersion, place, clock, random, emit, signal } = install;
      const outcome = await restore({
        backup,
        installer,
        choices,
        ...more,
        replace: flags.replace === true,
        toNewCluster: flags.toNewCluster === true,
        externalDatabase: flags.externalDatabase === true,
        ...(flags.helperImage === undefined ? {} : { helperImage: flags.helperImage }),
        rebind: flags.rebind,
        ...(flags.domain === undefined ? {} : { domain: flags.domain }),
        mode: flags.dryRun ? 'dry-run' : 'restore',
        ...{ env, stateRoot, toolVersion, place, clock, random, emit, signal },
        ...(flags.takeover === undefined ? {} : { takeover: flags.takeover }),
        unfinished,
        resumeCommand: resumeCommand(file, flags, { bundle: install.bundle.file, cwd: context.cwd }),
        writeReport,
        approve: async (view) => {
          if (flags.output === 'text') context.stdout.write(report.formatRestorePlan(view));
          await approve(view, flags, context);
        },
      });
      const text =
        flags.output === 'json'
          ? `${JSON.stringify(report.restoreJson(outcome), null, 2)}\n`
          : outcome.outcome === 'planned'
            ? report.formatRestorePlan(outcome.view)
            : report.formatRestored(outcome);
      context.stdout.write(text);
    } finally {
      await installer.close();
    }
  } finally {
    await backup.close();
  }
}

/** What cannot be known from the record of the run. */
function resumeCommand(
  file: string,
  flags: RestoreFlags,
  { bundle, cwd }: { readonly bundle: string; readonly cwd: string },
): string {
  const words = ['restore', resolve(cwd, file), '--bundle', bundle];
  for (const identity of flags.identity ?? []) words.push('--identity', resolve(cwd, identity));
  if (flags.helperImage !== undefined) words.push('--helper-image', flags.helperImage);
  if (flags.passphraseFile !== undefined) words.push('--passphrase-file', flags.passphraseFile);
  return commandLine(words, flags, cwd);
}

/** @throws AirgapError USAGE for names that are no parts */
function chosen({ only, skip }: RestoreFlags): ReadonlySet<RestoreChoice> {
  const known = new Set<string>(RESTORE_CHOICES);
  const unknown = [...only, ...skip].filter((word) => !known.has(word));
  if (unknown.length > 0) {
    throw new AirgapError('USAGE', `there is no part ${unknown.join(', ')} in a restore`, {
      expected: RESTORE_CHOICES.join(', '),
      found: unknown.join(', '),
    });
  }
  return new Set(
    RESTORE_CHOICES.filter((each) => (only.length === 0 || only.includes(each)) && !skip.includes(each)),
  );
}

async function approve(view: RestoreView, flags: RestoreFlags, context: CliContext): Promise<void> {
  if (flags.yes) return;
  const { cluster, plan } = view;
  if (context.confirm === undefined) {
    throw new AirgapError('CONFIRMATION_NEEDED', 'there is no terminal to ask on, and --yes was not given', {
      expected: '--yes',
      found: `${plan.steps.length} steps on ${cluster.context} (${cluster.server})`,
    });
  }
  if (await context.confirm(`Do this on ${cluster.context} (${cluster.server}, cluster ${cluster.uid})?`))
    return;
  throw new AirgapError('CONFIRMATION_NEEDED', 'the answer was not yes; nothing was changed');
}
