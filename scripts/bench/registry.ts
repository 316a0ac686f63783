import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A registry process with an empty store below a folder. */
export interface BenchRegistry {
  /** HOST:PORT, plain HTTP. */
  readonly address: string;
  /** Seconds of processor time so far. */
  cpu(): Promise<number>;
  /** Ends the process and removes its store. */
  stop(): Promise<void>;
}

/** Starts Debian's docker-registry. */
export async function startDistribution(folder: string): Promise<BenchRegistry> {
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'config.yml');
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${join(folder, 'store')}}, delete: {enabled: true}}`,
    `http: {addr: "127.0.0.1:${port}"}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return start(['docker-registry', 'serve', file], { folder, port });
}

/** Starts our own registry on a folder. */
export async function startEmbedded(folder: string, airgap: readonly string[]): Promise<BenchRegistry> {
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const args = [
    'registry',
    'serve',
    '--quiet',
    '--root',
    join(folder, 'store'),
    '--listen',
    `127.0.0.1:${port}`,
  ];
  return start([...airgap, ...args], { folder, port });
}

async function start(
  argv: readonly string[],
  { folder, port }: { folder: string; port: number },
): Promise<BenchRegistry> {
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const address = `127.0.0.1:${port}`;
  await waitFor(address, child);
  return {
    address,
    cpu: () => cpuOf(child),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function waitFor(address: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) break;
    const isUp = await fetch(`http://${address}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`the registry at ${address} did not start`);
}

/** /proc/PID/stat counts in hundredths of a second. */
async function cpuOf({ pid }: ChildProcess): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
