import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from './context.js';
import { runPlace } from './run-place.js';

interface Flags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly stateDir?: string;
  readonly takeover?: string;
}

/** `backup resume`: starts again what a cold copy that was killed had stopped. */
export function addBackupResume(parent: Command, context: CliContext): void {
  parent
    .command('resume')
    .summary('start again what an interrupted cold copy had stopped')
    .description(
      'Brings the numbers of replicas back that a backup wrote down before it stopped anything, and waits until all is ready. A backup that ended by itself needs this not; the next backup create does it first.',
    )
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .option('--takeover <run>', 'this run of another host is gone; take the cluster over from it')
    .action((flags: Flags) => run(flags, context));
}

async function run(flags: Flags, context: CliContext): Promise<void> {
  const { cwd, env, emit, signal, version, stdout } = context;
  const { resumeBackup } = await import('../recovery/backup.js');
  const done = await resumeBackup({
    ...(await runPlace(flags, context)),
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(cwd, flags.kubeconfig) }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    ...(flags.takeover === undefined ? {} : { takeover: flags.takeover }),
    toolVersion: version,
    random: randomBytes,
    ...{ env, emit, signal },
  });
  stdout.write(
    done ? `backup ${done.runId}: what it had stopped runs again\n` : 'no backup left anything stopped\n',
  );
}
