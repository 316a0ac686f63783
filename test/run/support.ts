import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silent } from '../../src/events.js';
import type { Boundary } from '../../src/run/engine.js';
import type { Clock } from '../../src/run/lease.js';
import { openSession, type SessionOptions } from '../../src/run/session.js';
import { executors, makePlan, type World } from './world.js';

/** In memory where that can be had: these tests flush thousands of times. */
export function makeFolder(name: string): string {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  return mkdtempSync(join(base, `airgap-${name}-`));
}

/** Time that passes only when somebody sleeps or says so. */
export interface FakeClock extends Clock {
  advance(milliseconds: number): Promise<void>;
  /** Time passes while nobody's timers run: a suspended machine. */
  suspend(milliseconds: number): void;
}

export function fakeClock(start = Date.UTC(2026, 10, 21)): FakeClock {
  let time = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => start + time,
    monotonic: () => time,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const aborted = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        };
        const wake = (): void => {
          signal.removeEventListener('abort', aborted);
          resolve();
        };
        const sleeper = { at: time + milliseconds, wake };
        sleepers.push(sleeper);
        signal.addEventListener('abort', aborted);
      }),
    advance: async (milliseconds) => {
      const end = time + milliseconds;
      for (;;) {
        await settle();
        const next = sleepers.filter((sleeper) => sleeper.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        sleepers = sleepers.filter((sleeper) => sleeper !== next);
        time = Math.max(time, next.at);
        next.wake();
      }
      time = end;
      await settle();
    },
    suspend: (milliseconds) => {
      time += milliseconds;
    },
  };
}

export const realClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
};

export interface RunOptions {
  readonly onBoundary?: (step: string, boundary: Boundary) => void;
  readonly session?: Partial<SessionOptions>;
}

export function sessionOptions(root: string, more: Partial<SessionOptions> = {}): SessionOptions {
  const plan = makePlan();
  let count = 0;
  return {
    root,
    kind: 'install',
    bundleId: plan.bundleId,
    clusterUid: plan.clusterUid,
    inputs: { domain: 'runai.test' },
    toolVersion: '0.1.0',
    clock: realClock,
    random: (size) => Buffer.alloc(size, ++count),
    place: 'host:0',
    signal: new AbortController().signal,
    emit: silent,
    plan: async () => plan,
    ...more,
  };
}

/** One process's try at the upgrade: opens the run or goes on with it, executes, closes. */
export async function runOnce(root: string, world: World, options: RunOptions = {}) {
  const session = await openSession(sessionOptions(root, options.session));
  try {
    return await session.execute(
      executors(world),
      options.onBoundary === undefined ? {} : { onBoundary: options.onBoundary },
    );
  } finally {
    await session.close();
  }
}
