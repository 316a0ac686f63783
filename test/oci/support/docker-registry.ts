import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** The file of a program on PATH, or undefined. */
export function programOf(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram);
}

export const DOCKER_REGISTRY = programOf('docker-registry');

export interface RealRegistry {
  readonly host: string;
  /** Where it keeps its blobs. */
  readonly root: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface RealOptions {
  /** YAML lines that go below `http:` (indented by two). */
  readonly http?: string;
  /** YAML of further sections. */
  readonly more?: string;
  readonly root?: string;
}

/** Starts Debian's docker-registry on a free loopback port; it ends with the test. */
export async function startReal(t: TestContext, options: RealOptions = {}): Promise<RealRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-registry-'));
  const root = options.root ?? join(folder, 'data');
  const port = await freePort();
  const config = join(folder, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage:\n  filesystem: { rootdirectory: ${root} }\n  delete: { enabled: true }\nhttp:\n  addr: 127.0.0.1:${port}\n${options.http ?? ''}${options.more ?? ''}`,
  );
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(DOCKER_REGISTRY as string, ['serve', config], { stdio: 'ignore' });
    await listening(port, child);
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  t.after(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { host: `127.0.0.1:${port}`, root, kill, restart: () => kill().then(start) };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const { connect } = await import('node:net');
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      setTimeout(() => socket.destroy(), 200).unref();
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error('docker-registry does not listen');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
