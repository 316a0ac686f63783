import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a command cost. */
export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of all processors, user and system. */
  readonly cpu: number;
  /** Peak resident set of the largest process, MiB. */
  readonly rss: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Hears every line of standard error. */
  readonly onError?: (line: string) => void;
}

/** Runs a command to its end under /usr/bin/time. @throws Error with the command's output when it fails */
export async function measure(argv: readonly string[], options: RunOptions = {}): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-bench-time-'));
  const report = join(folder, 'time');
  try {
    const started = process.hrtime.bigint();
    await run(['/usr/bin/time', '-o', report, '-f', '%U %S %M', ...argv], options);
    const wall = Number(process.hrtime.bigint() - started) / 1e9;
    const [user, system, rss] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
    return { wall, cpu: (user ?? 0) + (system ?? 0), rss: (rss ?? 0) / 1024 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Adds up commands that run one after the other; the peak is the largest of them. */
export async function measureAll(
  commands: readonly (readonly string[])[],
  options: RunOptions = {},
): Promise<Cost> {
  let sum: Cost = { wall: 0, cpu: 0, rss: 0 };
  for (const argv of commands) {
    const { wall, cpu, rss } = await measure(argv, options);
    sum = { wall: sum.wall + wall, cpu: sum.cpu + cpu, rss: Math.max(sum.rss, rss) };
  }
  return sum;
}

/** Runs a command and gives its standard output. @throws Error when it fails */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-4000);
  });
  const { onError } = options;
  if (onError) createInterface({ input: child.stderr }).on('line', onError);
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}\n${stderr}`);
  return stdout;
}

/** Lets what earlier runs wrote reach the disk, so that no run pays for another. */
export async function settle(): Promise<void> {
  await run(['sync']);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The medians of several runs of one command. */
export function medianCost(costs: readonly Cost[]): Cost {
  return {
    wall: median(costs.map(({ wall }) => wall)),
    cpu: median(costs.map(({ cpu }) => cpu)),
    rss: median(costs.map(({ rss }) => rss)),
  };
}
