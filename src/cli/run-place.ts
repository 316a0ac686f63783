import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../run/lease.js';
import type { CliContext } from './context.js';

/** Where the record of runs is, which host this is, and what time it is there. */
export async function runPlace(
  { stateDir }: { readonly stateDir?: string },
  { cwd, env, now }: CliContext,
): Promise<{ readonly stateRoot: string; readonly place: string; readonly clock: Clock }> {
  const { stateRoot } = await import('../run/paths.js');
  const root = stateDir === undefined ? stateRoot(env) : resolve(cwd, stateDir);
  return {
    stateRoot: root,
    place: placeOf(root),
    clock: {
      now,
      monotonic: () => performance.now(),
      sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
    },
  };
}

/** Tells hosts apart, and state folders on one host. */
function placeOf(root: string): string {
  return `${hostname()}:${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;
}
