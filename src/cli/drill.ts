import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { readUnlock, type UnlockFlags } from './backup-keys.js';
import type { CliContext } from './context.js';

export interface DrillFlags extends UnlockFlags {
  readonly helperImage?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly dryRun?: boolean;
  readonly output: 'text' | 'json';
}

/** `restore --drill`: proves a backup at the site that it may have to bring back. */
export async function runDrill(file: string, flags: DrillFlags, context: CliContext): Promise<void> {
  const { cwd, env, emit, signal } = context;
  const [{ openBackup }, { connect }, { drill, planDrill }, report, unlock] = await Promise.all([
    import('../recovery/archive/open.js'),
    import('../kube/client.js'),
    import('../recovery/drill.js'),
    import('../term/drill.js'),
    readUnlock(flags, context),
  ]);
  const { kubeconfig, context: name, helperImage } = flags;
  const backup = await openBackup(resolve(cwd, file), { ...unlock, signal });
  try {
    const client = await connect({
      env,
      emit,
      ...(kubeconfig === undefined ? {} : { kubeconfig: resolve(cwd, kubeconfig) }),
      ...(name === undefined ? {} : { context: name }),
    });
    try {
      const options = {
        backup,
        client,
        env,
        random: randomBytes,
        monotonic: () => performance.now(),
        emit,
        signal,
        ...(helperImage === undefined ? {} : { image: helperImage }),
      };
      const plan = await planDrill(options);
      const shown = flags.dryRun ? plan : await drill(options, plan);
      const text =
        'server' in shown ? report.formatDrilled(file, shown) : report.formatDrillPlan(file, shown);
      context.stdout.write(flags.output === 'json' ? `${JSON.stringify(shown, null, 2)}\n` : text);
    } finally {
      client.close();
    }
  } finally {
    await backup.close();
  }
}
