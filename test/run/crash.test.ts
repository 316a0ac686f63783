import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeFolder, runOnce } from './support.js';
import { describeWorld, effects, fillWorld, makePlan, makeWorld } from './world.js';

const folder = makeFolder('crash');
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

const EFFECTS = [
  'delete sts-keycloak sts-1',
  'delete sts-postgresql sts-2',
  'delete ingress ingress-1',
  'helm 5',
];

/** A site and the record of its runs, below one folder, so that both can be copied as a dying process leaves them. */
function place(name: string): { readonly site: string; readonly state: string; readonly top: string } {
  const top = join(folder, name);
  return { top, site: join(top, 'site'), state: join(top, 'state') };
}

/** The end state that all others are compared with. */
async function undisturbed(): Promise<Record<string, unknown>> {
  const { site, state } = place(`undisturbed-${count++}`);
  const world = makeWorld(site);
  fillWorld(world);
  await runOnce(state, world);
  assert.deepEqual(effects(world), EFFECTS);
  return describeWorld(world);
}

/** Copies everything at each point where a process can die; the ballast is left out, it is laid anew. */
function snapshots(from: string, prefix: string) {
  const taken: string[] = [];
  return {
    taken,
    at: (point: string) => {
      const name = `${prefix}${taken.length}`;
      cpSync(from, join(folder, name), {
        recursive: true,
        filter: (path) => !path.endsWith('/ballast') && !path.includes('/locks/'),
      });
      taken.push(name);
      return point;
    },
  };
}

test('threat 81: a process that dies at any two points leaves what the next one finishes', async () => {
  const clean = await undisturbed();
  const first = place('first');
  const shots = snapshots(first.top, 'a');
  const world = makeWorld(first.site, shots.at);
  fillWorld(world);
  await runOnce(first.state, world, { onBoundary: (step, boundary) => shots.at(`${step} ${boundary}`) });
  assert.ok(shots.taken.length >= makePlan().steps.length * 4, `${shots.taken.length} points`);

  let pairs = 0;
  for (const name of shots.taken) {
    const again = place(name);
    const inner = snapshots(again.top, `${name}-b`);
    const resumed = makeWorld(again.site, inner.at);
    await runOnce(again.state, resumed, { onBoundary: (step, boundary) => inner.at(`${step} ${boundary}`) });
    assert.deepEqual(describeWorld(resumed), clean, name);
    assert.deepEqual(effects(resumed), EFFECTS, name);
    for (const second of inner.taken) {
      const last = place(second);
      const finished = makeWorld(last.site);
      await runOnce(last.state, finished);
      assert.deepEqual(describeWorld(finished), clean, second);
      assert.deepEqual(effects(finished), EFFECTS, second);
      rmSync(last.top, { recursive: true, force: true });
      pairs++;
    }
    rmSync(again.top, { recursive: true, force: true });
  }
  assert.ok(pairs > 300, `${pairs} pairs`);
});

test('threat 81: kill -9 at each boundary of each step, then the same command again', {
  timeout: 240_000,
}, async () => {
  const clean = await undisturbed();
  const points = makePlan().steps.flatMap((step) =>
    ['before-intent', 'intent', 'effect', 'committed'].map((boundary) => `${step.id}|${boundary}`),
  );
  const lane = async (): Promise<void> => {
    for (let point = points.pop(); point !== undefined; point = points.pop()) {
      const { site, state, top } = place(`kill-${points.length}`);
      fillWorld(makeWorld(site));
      assert.equal(await child(site, state, point), 'SIGKILL', point);
      const world = makeWorld(site);
      await runOnce(state, world);
      assert.deepEqual(describeWorld(world), clean, point);
      assert.deepEqual(effects(world), EFFECTS, point);
      rmSync(top, { recursive: true, force: true });
    }
  };
  await Promise.all([lane(), lane()]);
});

test('threat 82: random seeds: killed again and again at any point, also inside a step', async () => {
  const clean = await undisturbed();
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const { site, state, top } = place(`seed-${seed}`);
    fillWorld(makeWorld(site));
    for (let deaths = 0; deaths < 6; deaths++) {
      const died = await dieAfter(top, Math.floor(random() * 25));
      if (!died) break;
    }
    const world = makeWorld(site);
    await runOnce(state, world);
    assert.deepEqual(describeWorld(world), clean, `seed ${seed}`);
    assert.deepEqual(effects(world), EFFECTS, `seed ${seed}`);
    rmSync(top, { recursive: true, force: true });
  }
});

/** Runs to the end on a copy, and keeps what lay there at the given point: what a kill there would have left. */
async function dieAfter(top: string, points: number): Promise<boolean> {
  const copy = `${top}-running`;
  const kept = `${top}-kept`;
  cpSync(top, copy, { recursive: true });
  let left = points;
  const at = (): void => {
    if (left-- === 0) cpSync(copy, kept, { recursive: true, filter: (path) => !path.includes('/locks/') });
  };
  await runOnce(join(copy, 'state'), makeWorld(join(copy, 'site'), at), { onBoundary: at });
  const died = left < 0;
  if (died) {
    rmSync(top, { recursive: true });
    cpSync(kept, top, { recursive: true });
  }
  rmSync(copy, { recursive: true, force: true });
  rmSync(kept, { recursive: true, force: true });
  return died;
}

function child(site: string, state: string, point: string): Promise<string | null> {
  const script = fileURLToPath(new URL('./child.ts', import.meta.url));
  const args = ['--import', 'tsx', script, site, state];
  const running = spawn(process.execPath, args, {
    env: { ...process.env, AIRGAP_TEST_DIE_AT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve) => running.on('exit', (_code, signal) => resolve(signal)));
}

/** mulberry32: the seed is printed when a run fails. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
