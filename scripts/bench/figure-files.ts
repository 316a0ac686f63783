import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Bench, Figure } from './bench.js';
import { pushCommand } from './figure-push.js';
import { startDistribution } from './registry.js';
import { writtenFiles } from './trace.js';

const LARGEST = 1024 * 1024;

/** What is written beside the output, by the system's own account. */
export async function figureFiles(bench: Bench): Promise<Figure[]> {
  const { airgap, bundle, folder, spec } = bench;
  const output = join(folder, 'work/traced.tar');
  const log = join(folder, 'work/strace.log');
  const registry = await startDistribution(join(folder, 'work/traced'));
  try {
    return [
      await figure('pack', [...airgap, 'pack', spec, '-o', output, '--quiet'], { log, output }),
      await figure('verify', [...airgap, 'verify', bundle, '--quiet'], { log }),
      await figure('push', pushCommand(bench, registry.address), { log }),
    ];
  } finally {
    await registry.stop();
    await rm(output, { force: true });
  }
}

async function figure(
  what: string,
  argv: readonly string[],
  { log, output }: { readonly log: string; readonly output?: string },
): Promise<Figure> {
  const written = [...(await writtenFiles(argv, log))].filter(([path]) => !isOutput(path, output));
  const large = written.filter(([, bytes]) => bytes > LARGEST);
  const most = Math.max(0, ...written.map(([, bytes]) => bytes));
  return {
    what: `${what}, largest file beside the output`,
    ours: `${(most / 1024).toFixed(0)} KiB`,
    peers: large.map(([path]) => basename(path)).join(' '),
    ratio: '',
    budget: '<= 1024 KiB',
    ok: large.length === 0,
  };
}

/** While it is written the output has another name. */
function isOutput(path: string, output: string | undefined): boolean {
  return output !== undefined && (path === output || path === `${output}.partial`);
}
