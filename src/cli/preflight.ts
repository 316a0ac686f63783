import { resolve } from 'node:path';
import { Option } from 'commander';
import type { CliContext, Verb } from './context.js';
import { addInstallBackupOptions, type InstallBackupFlags, installBackup } from './install-backup.js';
import { addInstallOptions, type InstallFlags, installOptions } from './install-options.js';

interface Flags extends InstallFlags, InstallBackupFlags {
  readonly supportFile?: string;
  readonly canary?: boolean;
  readonly probePush?: boolean;
  readonly output: 'text' | 'json';
}

/** `preflight`: what install checks before its plan, alone. */
export const preflightVerb: Verb = (program, context) => {
  const command = program
    .command('preflight')
    .argument('<file>', 'bundle (or the first of its parts); on a connected site a spec, *.yaml')
    .summary('check whether the site is ready for a bundle')
    .description(
      'Verifies the bundle and checks cluster, helm and registry. Changes nothing (but for --canary, which makes pods and takes them away, and --probe-push); ends with 7 when a check fails.',
    );
  addInstallBackupOptions(addInstallOptions(command))
    .option(
      '--canary',
      'let every node pull one image that is in the registry, in pods that are taken away again',
    )
    .option('--probe-push', 'begin an upload in every repository that lacks something, and give it up')
    .option(
      '--support-file <file>',
      'also write everything that was seen to FILE, secrets taken out, for support',
    )
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .action((file: string, flags: Flags) => run(file, flags, context));
};

async function run(file: string, flags: Flags, context: CliContext): Promise<void> {
  const options = await installOptions(file, flags, context);
  const [{ install }, { demandNoFailure }, { formatFindings }] = await Promise.all([
    import('../install/index.js'),
    import('../install/findings.js'),
    import('../term/preflight.js'),
  ]);
  const { view } = await install({
    ...options,
    backup: await installBackup(flags, options, context),
    mode: 'preflight',
    canary: flags.canary ? 'check' : 'never',
    probePush: flags.probePush === true,
    approve: async () => {},
  });
  const text =
    flags.output === 'json'
      ? `${JSON.stringify({ bundle: view.bundle, cluster: view.cluster, findings: view.findings }, null, 2)}\n`
      : formatFindings(view.findings);
  context.stdout.write(text);
  if (flags.supportFile !== undefined) {
    const { supportText } = await import('../install/checks/support.js');
    const { writeFileAtomic } = await import('../io/atomic.js');
    const file = resolve(context.cwd, flags.supportFile);
    await writeFileAtomic(file, supportText(view, { tool: context.version, now: context.now() }), {
      mode: 0o600,
    });
    context.emit({ type: 'note', level: 'info', text: `written for support: ${file}` });
  }
  demandNoFailure(view.findings);
}
