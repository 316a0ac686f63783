import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { InstallOutcome } from '../install/types.js';
import { commandLine } from './command-line.js';
import type { CliContext, Verb } from './context.js';
import { addInstallBackupOptions, type InstallBackupFlags, installBackup } from './install-backup.js';
import { addInstallOptions, type InstallFlags, installOptions } from './install-options.js';
import { writeReport } from './report.js';

interface Flags extends InstallFlags, InstallBackupFlags {
  readonly dryRun?: boolean;
  readonly withoutCluster?: boolean;
  readonly yes?: boolean;
  readonly takeover?: string;
  readonly newRun?: boolean;
  readonly canary: boolean;
  readonly output: 'text' | 'json' | 'html';
}

const HELP = `
Examples:
  airgap install runai-air-gapped-2.13.66.tar --registry registry.site:5000 --domain runai.site --dry-run
  airgap install runai-air-gapped-2.13.66.tar --registry registry.site:5000 --domain runai.site
  airgap install runai-air-gapped-2.16.79.tar --yes              upgrade; registry and values as they are
  airgap install bundles/runai.yaml --domain runai.site          a connected site: straight from the sources

From a spec (*.yaml) charts and CRDs are fetched, and images stay where the charts name them: nothing is pushed.

Before the first step that deletes something or migrates the database a backup is made, encrypted for a key of its
own, and read again: below the state folder or in --backup-dir. --backup FILE takes a recent one instead.

Killed or interrupted, the same command goes on where it stopped. What it did: airgap status`;

/** `install`: first install and upgrade, one flow. */
export const installVerb: Verb = (program, context) => {
  const command = program
    .command('install')
    .argument('<file>', 'bundle (or the first of its parts); on a connected site a spec, *.yaml')
    .summary('install or upgrade from a bundle, or from a spec')
    .description(
      'Verifies the bundle, checks the site, shows the plan, pushes the images, installs or upgrades both releases, and proves that what runs is what was shipped.',
    );
  addInstallBackupOptions(addInstallOptions(command))
    .option('--dry-run', 'print the plan and stop')
    .option('--without-cluster', 'with --dry-run: the plan of a first install; looks at no cluster')
    .option('-y, --yes', 'do not ask')
    .option('--no-canary', 'do not let the nodes pull an image first, in pods that are taken away again')
    .option('--takeover <run>', 'this run of another host is gone; take the cluster over from it')
    .option('--new-run', 'give an unfinished run up and begin a new one')
    .addOption(
      new Option('-o, --output <format>', 'format').choices(['text', 'json', 'html']).default('text'),
    )
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) => act(file, flags, context));
};

async function act(file: string, flags: Flags, context: CliContext): Promise<void> {
  if (flags.withoutCluster && !flags.dryRun)
    throw new AirgapError('USAGE', '--without-cluster only makes a plan', { expected: 'with --dry-run' });
  const options = await installOptions(file, flags, context);
  const [{ install }, { planWithoutCluster }, { approvePlan }] = await Promise.all([
    import('../install/index.js'),
    import('../install/without-cluster.js'),
    import('./approve.js'),
  ]);
  const run = flags.withoutCluster ? planWithoutCluster : install;
  const outcome = await run({
    ...options,
    backup: await installBackup(flags, options, context),
    mode: flags.dryRun ? 'dry-run' : 'install',
    resumeCommand: commandLine(['install', options.bundle.file], flags, context.cwd),
    ...(flags.takeover === undefined ? {} : { takeover: flags.takeover }),
    canary: flags.canary ? 'step' : 'never',
    unfinished: flags.newRun ? 'give-up' : 'resume',
    writeReport,
    approve: (view) => approvePlan(view, flags, context),
  });
  context.stdout.write(await textOf(outcome, flags));
  const { demandNoFailure } = await import('../install/findings.js');
  demandNoFailure(outcome.view.findings);
}

async function textOf(outcome: InstallOutcome, { output }: Flags): Promise<string> {
  const terms = await import('../term/install.js');
  if (output === 'json') return `${JSON.stringify(terms.outcomeJson(outcome), null, 2)}\n`;
  if (outcome.outcome !== 'planned')
    return output === 'html' && outcome.report
      ? readFile(outcome.report, 'utf8')
      : terms.formatOutcome(outcome);
  if (output === 'html') return (await import('../term/plan-html.js')).planPage(outcome.view);
  return (await import('../term/plan.js')).formatPlan(outcome.view);
}
