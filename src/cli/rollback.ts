import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { RollbackOutcome, RollbackView } from '../install/rollback/types.js';
import { commandLine } from './command-line.js';
import type { CliContext, Verb } from './context.js';
import { type PlaceFlags, placeOptions } from './place.js';
import { writeReport } from './report.js';

interface Flags extends PlaceFlags {
  readonly run?: string;
  readonly acceptDatabaseMigration?: boolean;
  readonly keepControlPlane?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly takeover?: string;
  readonly newRun?: boolean;
  readonly output: 'text' | 'json' | 'html';
}

const HELP = `
The cluster part goes back before the control plane. Images that were pushed stay, definitions stay where objects are
stored in a version that the old ones lack, and what a newer control plane changed in its database stays: that asks
for a decision (exit 11). Nothing is ever rolled back by itself.

Examples:
  airgap rollback --dry-run                              what would be taken back, and what cannot be
  airgap rollback --accept-database-migration            both releases
  airgap rollback --keep-control-plane                   the cluster part only

Killed or interrupted, the same command goes on where it stopped. What it did: airgap status`;

/** `rollback`: takes the last install or upgrade back. */
export const rollbackVerb: Verb = (program, context) => {
  program
    .command('rollback')
    .summary('take the last upgrade back, by its own plan')
    .description(
      'Reads the record of the last install run, compares it with the site, shows its own plan, then rolls the releases back that the run upgraded and puts back what it deleted. Needs no bundle.',
    )
    .option('--run <id>', 'the run to take back, or the beginning of its id (default: the last one)')
    .option('--accept-database-migration', 'the old control plane may meet the newer version’s database')
    .option('--keep-control-plane', 'only the cluster part goes back')
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--helm <path>', 'helm to use')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .option('--timeout <duration>', 'until all is healthy, for each release (default 15m)')
    .option('--helm-timeout <duration>', 'for each of helm’s own waits (default 10m)')
    .option('--dry-run', 'print the plan and stop')
    .option('-y, --yes', 'do not ask')
    .option('--takeover <run>', 'this run of another host is gone; take the cluster over from it')
    .option('--new-run', 'give an unfinished rollback up and begin a new one')
    .addOption(
      new Option('-o, --output <format>', 'format').choices(['text', 'json', 'html']).default('text'),
    )
    .addHelpText('after', HELP)
    .action((flags: Flags) => run(flags, context));
};

async function run(flags: Flags, context: CliContext): Promise<void> {
  const [{ rollback }, terms, { demandNoFailure }] = await Promise.all([
    import('../install/rollback/index.js'),
    import('../term/rollback.js'),
    import('../install/findings.js'),
  ]);
  const chosen = [
    ...(flags.run === undefined ? [] : ['--run', flags.run]),
    ...(flags.acceptDatabaseMigration ? ['--accept-database-migration'] : []),
    ...(flags.keepControlPlane ? ['--keep-control-plane'] : []),
  ];
  const outcome = await rollback({
    ...(await placeOptions(flags, context)),
    ...(flags.run === undefined ? {} : { run: flags.run }),
    migration: flags.acceptDatabaseMigration ? 'accept' : 'refuse',
    controlPlane: flags.keepControlPlane ? 'keep' : 'roll-back',
    mode: flags.dryRun ? 'dry-run' : 'rollback',
    ...(flags.takeover === undefined ? {} : { takeover: flags.takeover }),
    unfinished: flags.newRun ? 'give-up' : 'resume',
    resumeCommand: commandLine(['rollback', ...chosen], flags, context.cwd),
    writeReport,
    approve: async (view) => {
      if (flags.output === 'text') context.stdout.write(terms.formatRollbackPlan(view));
      await approve(view, flags, context);
    },
  });
  context.stdout.write(await textOf(outcome, flags));
  demandNoFailure(outcome.view.findings);
}

async function textOf(outcome: RollbackOutcome, { output }: Flags): Promise<string> {
  const terms = await import('../term/rollback.js');
  if (output === 'json') return `${JSON.stringify(terms.rollbackJson(outcome), null, 2)}\n`;
  if (outcome.outcome === 'rolled-back')
    return output === 'html' && outcome.report
      ? readFile(outcome.report, 'utf8')
      : terms.formatRolledBack(outcome);
  if (output === 'text') return terms.formatRollbackPlan(outcome.view);
  return (await import('../term/rollback-html.js')).rollbackPlanPage(outcome.view);
}

async function approve(view: RollbackView, flags: Flags, context: CliContext): Promise<void> {
  if (flags.yes) return;
  const { context: name, server, uid } = view.cluster;
  if (context.confirm === undefined) {
    throw new AirgapError('CONFIRMATION_NEEDED', 'there is no terminal to ask on, and --yes was not given', {
      expected: '--yes',
      found: `${view.plan.steps.length} steps on ${name} (${server})`,
    });
  }
  const verb = view.resumes === undefined ? 'Take this back' : 'Go on with this';
  if (await context.confirm(`${verb} on ${name} (${server}, cluster ${uid})?`)) return;
  throw new AirgapError('CONFIRMATION_NEEDED', 'the answer was not yes; nothing was changed');
}
