import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecOptions, ExecResult, ExecTarget, KubeClient } from '../../../src/kube/types.js';

const TOOLS = fileURLToPath(new URL('../../../scripts/tools', import.meta.url));
const BIN = '/usr/lib/postgresql/15/bin';
export const PASSWORD = 'of-the-local-server';

/** A real PostgreSQL in a root folder of its own, on loopback, with the same programs as the product's pod. */
export interface Postgres {
  /** Runs a command as the pod would: the server's side of `kubectl exec`. */
  readonly client: Pick<KubeClient, 'exec'>;
  /** Bare rows. */
  sql(database: string, text: string): string;
  /** Process ids, on this machine, of a program that our commands started. */
  find(program: string): number[];
  stop(): Promise<void>;
}

/** Why it cannot be had here; undefined when it can. */
export function withoutPostgres(): string | undefined {
  if (process.getuid?.() !== 0) return 'a root folder of its own needs root';
  const tried = spawnSync('unshare', ['--mount', 'true']);
  return tried.status === 0 ? undefined : 'this machine gives no mount namespaces';
}

export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-postgres-'));
  const root = join(folder, 'root');
  makeRoot(root);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'shared_buffers=16MB', 'fsync=off', 'jit=off'];
  const start = [
    'mount -t proc proc "$1/proc"',
    `chroot "$1" setpriv --reuid=postgres --regid=postgres --clear-groups ${BIN}/initdb -D /tmp/data -U postgres --pwfile=/tmp/pw -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 >/dev/null`,
    `exec chroot "$1" setpriv --reuid=postgres --regid=postgres --clear-groups ${BIN}/postgres -D /tmp/data -k /tmp -p ${port} ${settings.map((each) => `-c ${each}`).join(' ')}`,
  ];
  const server = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-ec', start.join('\n'), 'sh', root],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    },
  );
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-4000);
  });
  const commands = new Set<ChildProcess>();
  const argv = (command: readonly string[]): string[] => [
    ...[
      '--target',
      String(server.pid),
      '--mount',
      'chroot',
      root,
      'env',
      `PATH=${BIN}:/usr/bin:/bin`,
      `PGPORT=${port}`,
    ],
    ...command,
  ];
  const sql = (database: string, text: string): string => {
    const psql = ['env', `PGPASSWORD=${PASSWORD}`, 'psql', '-h', '127.0.0.1', '-U', 'postgres', '-XqAt'];
    const ran = spawnSync('nsenter', argv([...psql, '-v', 'ON_ERROR_STOP=1', '-d', database, '-f', '-']), {
      input: text,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    assert.equal(ran.status, 0, `${text.slice(0, 200)}: ${ran.stderr}`);
    return ran.stdout.trim();
  };
  const stop = async (): Promise<void> => {
    for (const child of commands) child.kill('SIGKILL');
    if (server.exitCode === null) {
      server.kill('SIGINT');
      await once(server, 'close');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let tries = 0; !/ready to accept connections/.test(log); tries++) {
      assert.ok(server.exitCode === null && tries < 1200, `PostgreSQL does not start: ${log}`);
      await sleep(100);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    client: {
      exec: (target: ExecTarget, options?: ExecOptions) => run(argv(target.command), options ?? {}, commands),
    },
    sql,
    find: (program) => [...commands].flatMap(({ pid }) => descendants(pid ?? 0, program)),
    stop,
  };
}

async function run(
  argv: readonly string[],
  options: ExecOptions,
  commands: Set<ChildProcess>,
): Promise<ExecResult> {
  const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  commands.add(child);
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (options.stdout) options.stdout.write(chunk);
    else stdout.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
    options.stderr?.write(chunk);
  });
  // A program that ends early leaves input unread: its status counts.
  child.stdin.on('error', () => {});
  options.stdin?.on('error', () => child.stdin.destroy());
  if (options.stdin) options.stdin.pipe(child.stdin);
  else child.stdin.end();
  const [status] = (await once(child, 'close')) as [number | null];
  commands.delete(child);
  options.stdout?.end();
  options.stderr?.end();
  return { exitCode: status ?? 137, stdout: Buffer.concat(stdout), stderr, protocol: 'local' };
}

/** The PostgreSQL of scripts/tools, without what no program of it reads. */
function makeRoot(root: string): void {
  const file = spawnSync(TOOLS, ['rootfs'], { encoding: 'utf8' });
  assert.equal(file.status, 0, file.stderr);
  mkdirSync(root);
  const unread = [
    './dev/*',
    './usr/share/doc',
    './usr/share/locale',
    './usr/share/man',
    './var/cache',
    './var/lib/dpkg',
  ];
  const excludes = unread.map((path) => `--exclude=${path}`);
  const ran = spawnSync('tar', ['xf', file.stdout.trim(), '-C', root, ...excludes], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  const device = (name: string, minor: number): void =>
    void spawnSync('mknod', ['-m', '666', join(root, 'dev', name), 'c', '1', String(minor)]);
  device('null', 3);
  device('zero', 5);
  device('random', 8);
  device('urandom', 9);
  mkdirSync(join(root, 'dev/shm'), { recursive: true });
  spawnSync('chmod', ['1777', join(root, 'dev/shm'), join(root, 'tmp')]);
  symlinkSync('/proc/self/fd', join(root, 'dev/fd'));
  writeFileSync(join(root, 'tmp/pw'), `${PASSWORD}\n`, { mode: 0o644 });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function descendants(pid: number, program: string): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=,comm=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([id]) => id !== undefined && id !== '')
    .flatMap(([id, name]) => [
      ...(name === program ? [Number(id)] : []),
      ...descendants(Number(id), program),
    ]);
}
