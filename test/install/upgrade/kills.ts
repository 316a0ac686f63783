import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { seeded } from '../support/node.js';
import { type Deletion, summary } from './audit.js';
import { differences } from './compare.js';
import { type PathRun, recordOf, type UpgradeSite } from './site.js';

/** Points at which a process can die: the intent is durable, the effect is there, the effect is recorded. */
export const BOUNDARIES = ['intent', 'effect', 'committed'] as const;

export interface Kill {
  readonly step: string;
  readonly boundary: (typeof BOUNDARIES)[number];
}

/** Every boundary of every step, in the order in which a run comes by. */
export function allKills(steps: readonly { readonly id: string }[]): Kill[] {
  return steps.flatMap(({ id }) => BOUNDARIES.map((boundary) => ({ step: id, boundary })));
}

/** The two that can leave a step half done: what is recorded as done is not looked at again. */
export function killsAround(steps: readonly { readonly id: string }[]): Kill[] {
  return allKills(steps).filter(({ boundary }) => boundary !== 'committed');
}

/** Some of them, around effects and in order: always the same ones for one seed. */
export function sampleKills(kills: readonly Kill[], count: number, seed: number): Kill[] {
  const random = seeded(seed);
  const around = kills.filter(({ boundary }) => boundary !== 'committed');
  const drawn = around.map((kill, index) => ({ kill, index, rank: random() }));
  drawn.sort((a, b) => a.rank - b.rank);
  return drawn
    .slice(0, count)
    .sort((a, b) => a.index - b.index)
    .map(({ kill }) => kill);
}

/** A number from the commit that is tested; AIRGAP_TEST_SEED gives an earlier one again. */
export function commitSeed(): number {
  const given = process.env['AIRGAP_TEST_SEED'];
  if (given !== undefined) return Number(given);
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  // Outside of a repository there is no commit; the test runs all the same.
  return status === 0 ? Number.parseInt(stdout.slice(0, 7), 16) : 1;
}

export interface KilledRun {
  /** Where processes died, `step|boundary`. */
  readonly deaths: readonly string[];
  readonly deletions: readonly Deletion[];
}

/** Runs a path, each time killed at the next point, and then to its end with the operator's own command. */
export async function runWithKills(
  site: UpgradeSite,
  run: PathRun,
  kills: readonly Kill[],
): Promise<KilledRun> {
  const mark = site.audit.mark();
  const deaths: string[] = [];
  let over = '';
  for (const { step, boundary } of kills) {
    // What held already was recorded without an intent, and is not looked at again.
    if (step === over) continue;
    const died = await site.installAndDie(run, { step, boundary });
    deaths.push(`${step}|${died}`);
    if (died === 'committed') over = step;
  }
  const last = await site.install(run);
  assert.equal(last.status, 0, `after ${deaths.length} kills: ${last.out}\n${last.err}`);
  return { deaths, deletions: site.audit.deletionsSince(mark) };
}

/** Named after the run or counted by it: its record, its canary, Helm's revisions. */
const OF_THE_RUN = /\/airgap-|sh\.helm\.release\.v1\./;

/** By the API server's account nothing was deleted twice, and nothing that the undisturbed run did not delete. */
export function demandOnce(killed: KilledRun, undisturbed: readonly Deletion[]): void {
  const ours = killed.deletions.filter(({ by }) => by === 'airgap');
  for (const { uid, object } of ours)
    if (!OF_THE_RUN.test(object)) assert.ok(uid !== undefined, `${object} was deleted by its UID`);
  const of = (deletions: readonly Deletion[]): string[] =>
    summary(deletions).filter((line) => !OF_THE_RUN.test(line));
  assert.deepEqual(of(killed.deletions), of(undisturbed));
}

/** How a run that nobody disturbed ended. */
export interface Undisturbed {
  readonly deletions: readonly Deletion[];
  /** The whole cluster, comparable. */
  readonly dump: Readonly<Record<string, unknown>>;
}

/** Killed at all of these points and gone on with, a run ends as the undisturbed one did, object by object. */
export async function demandSameEnd(
  site: UpgradeSite,
  run: PathRun,
  { kills, undisturbed }: { readonly kills: readonly Kill[]; readonly undisturbed: Undisturbed },
): Promise<void> {
  const started = performance.now();
  const killed = await runWithKills(site, run, kills);
  const took = Math.round((performance.now() - started) / 1000);
  console.error(`kills: to ${run.to}: ${killed.deaths.length} kills, ${took} s`);
  const destructive = new Set(
    recordOf(run.state).steps.flatMap((step) => (step.destructive ? [step.id] : [])),
  );
  for (const { step, boundary } of kills) {
    const died = killed.deaths.some((death) => death.startsWith(`${step}|`));
    assert.ok(died, `no process died at ${step}`);
    // A step that only looks has neither; one that destroys must have died in both.
    if (destructive.has(step) && boundary !== 'committed')
      assert.ok(killed.deaths.includes(`${step}|${boundary}`), `no process died at ${step}|${boundary}`);
  }
  if (destructive.size > 0)
    assert.ok(
      undisturbed.deletions.some(({ object }) => !OF_THE_RUN.test(object)),
      'the API server wrote down what was deleted',
    );
  demandOnce(killed, undisturbed.deletions);
  demandCommitted(run.state);
  assert.deepEqual(differences(undisturbed.dump, site.dump()), []);
}

/** The journal calls every step done, those that destroy once; what they did is in the API server's account. */
export function demandCommitted(state: string): void {
  const { steps, journal } = recordOf(state);
  for (const { id, destructive } of steps) {
    const commits = journal.filter(({ step, phase }) => step === id && phase === 'committed');
    if (destructive) assert.equal(commits.length, 1, `${id} was committed ${commits.length} times`);
    else assert.ok(commits.length >= 1, `${id} was never committed`);
  }
}
