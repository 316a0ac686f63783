import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OF_THE_TEST } from './site.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/node', import.meta.url));
const WATCHER = fileURLToPath(new URL('./watch-exec.pl', import.meta.url));
const READY_MS = 10_000;

export interface Watch {
  /** Command lines of every program that began since, in pods too, their words apart by blanks. */
  lines(): ReadonlySet<string>;
  stop(): void;
}

/** Watches what programs this machine starts, from a process of its own: the tests’ own one is often busy. */
export async function watchCommandLines(): Promise<Watch> {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-watch-'));
  const file = join(folder, 'lines');
  const child = spawn('perl', [WATCHER, file], { stdio: ['ignore', 'ignore', 'inherit'] });
  const read = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  for (const until = Date.now() + READY_MS; !read()[0]?.startsWith('watching'); await sleep(20))
    if (Date.now() > until || child.exitCode !== null) throw new Error('perl does not watch command lines');
  return {
    lines: () => new Set(read().slice(1).map(unescaped)),
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function unescaped(line: string): string {
  return line.replace(/\\(\\|n)/g, (_all, which: string) => (which === 'n' ? '\n' : '\\'));
}

/** Not the test's own psql with whatever carries it into the pod, nor the entrypoint of the database's image, which has the password in an argument. */
export function isOurs(line: string): boolean {
  return !line.includes(SCRIPT) && !line.includes(OF_THE_TEST) && !line.includes('/opt/bitnami/scripts/');
}
