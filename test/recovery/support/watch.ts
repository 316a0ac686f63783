import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestNode } from '../../install/support/node.js';
import { OF_THE_TEST } from './site.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/node', import.meta.url));

/** Collects the command lines of every process of this machine, in pods too. */
export function watchCommandLines(): { readonly lines: ReadonlySet<string>; stop(): void } {
  const lines = new Set<string>();
  const sample = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        lines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        // It ended.
      }
    }
  };
  const timer = setInterval(sample, 200);
  return { lines, stop: () => clearInterval(timer) };
}

/** Where secrets stand open: records of runs (but for what was saved for them), output, command lines. */
export function findSecrets(
  site: TestNode,
  secrets: readonly string[],
  seen: { readonly said: readonly string[]; readonly lines: ReadonlySet<string> },
): string[] {
  const words = secrets.flatMap((text) => ['-e', text]);
  const run = spawnSync('grep', ['-rlF', ...words, join(site.stateDir, 'airgap')], { encoding: 'utf8' });
  const files = run.stdout.split('\n').filter((path) => path !== '' && !/\/(saved|values)\//.test(path));
  const spoken = [...seen.said, ...[...seen.lines].filter(isOurs)].flatMap((text) => text.split('\n'));
  return [...files, ...spoken.filter((line) => secrets.some((secret) => line.includes(secret)))];
}

/** Not the test's own psql with whatever carries it into the pod, nor the entrypoint of the database's image, which has the password in an argument. */
function isOurs(line: string): boolean {
  return !line.includes(SCRIPT) && !line.includes(OF_THE_TEST) && !line.includes('/opt/bitnami/scripts/');
}
