import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JournalEntry } from '../../src/run/journal.js';
import { locksFolder, runsFolder, stateRoot } from '../../src/run/paths.js';
import { openSession } from '../../src/run/session.js';
import { readStatuses, statusOf } from '../../src/run/status.js';
import { openRunJournal, readRun } from '../../src/run/store.js';
import type { Plan } from '../../src/run/types.js';
import { makeFolder, realClock, sessionOptions } from './support.js';
import { makePlan } from './world.js';

const top = makeFolder('status');
after(() => rmSync(top, { recursive: true, force: true }));

let count = 0;

/** A run whose journal says the given things, and whose process is gone. */
async function runWith(...entries: (JournalEntry | { readonly plan: Plan })[]) {
  const root = join(top, String(count++));
  const plan = entries.find((entry) => 'plan' in entry)?.plan ?? makePlan();
  const session = await openSession(
    sessionOptions(root, { plan: async () => plan, command: 'airgap install x.tar' }),
  );
  await session.close();
  const journal = await openRunJournal(session.run, realClock.now);
  for (const entry of entries) if ('step' in entry) await journal.append(entry);
  await journal.close();
  return root;
}

const begun = (step: string): JournalEntry => ({ step, phase: 'intent' });
const done = (step: string): JournalEntry => ({ step, phase: 'committed' });

test('killed between two steps before anything was taken down', async () => {
  const [status] = await readStatuses(await runWith(begun('push'), done('push')));
  assert.equal(status?.state, 'interrupted');
  assert.equal(status?.next?.id, 'keep:pvc');
  assert.deepEqual(status?.safeToWalkAway, {
    answer: true,
    why: 'it stopped between two steps, and the product was not taken down',
  });
  assert.equal(status?.safeToRerun.answer, true);
});

test('killed inside a step, and while the product is down', async () => {
  const [half] = await readStatuses(await runWith(begun('push')));
  assert.match(half?.safeToWalkAway.why ?? '', /push may be half done/);
  assert.equal(half?.safeToWalkAway.answer, false);
  const steps = ['push', 'keep:pvc', 'delete:statefulsets'].map(done);
  const [down] = await readStatuses(await runWith(...steps));
  assert.match(down?.safeToWalkAway.why ?? '', /down since step delete:statefulsets/);
  const rest = ['delete:ingress', 'scale:0', 'helm:runai-backend', 'scale:1'].map(done);
  const [up] = await readStatuses(await runWith(...steps, ...rest));
  assert.equal(up?.safeToWalkAway.answer, true);
});

test('failed, needing the operator, finished, given up: each with its reason', async () => {
  const failure = { detail: 'CLUSTER_UNREACHABLE: gone' };
  const [failed] = await readStatuses(
    await runWith(begun('push'), { step: 'push', phase: 'failed', data: failure }),
  );
  assert.deepEqual([failed?.state, failed?.detail], ['failed', failure.detail]);
  assert.equal(failed?.steps[0]?.detail, failure.detail);
  const [needs] = await readStatuses(
    await runWith({ step: 'push', phase: 'needs-operator', data: { detail: 'x' } }),
  );
  assert.equal(needs?.state, 'needs-operator');
  const [finished] = await readStatuses(await runWith({ step: '', phase: 'finished' }));
  assert.deepEqual([finished?.state, finished?.next], ['finished', undefined]);
  const [ended] = await readStatuses(await runWith({ step: '', phase: 'given-up' }));
  assert.equal(ended?.state, 'given-up');
});

test('what to do next names the command of the run, and how to go back', async () => {
  const [stopped] = await readStatuses(await runWith(begun('push'), done('push')));
  assert.match(stopped?.advice ?? '', /^go on: airgap install x\.tar; or go back: airgap rollback --run \S+/);
  const [untouched] = await readStatuses(await runWith());
  assert.equal(untouched?.advice, 'go on: airgap install x.tar');
  const [finished] = await readStatuses(await runWith(done('push'), { step: '', phase: 'finished' }));
  assert.match(finished?.advice ?? '', /^nothing; to go back to the version before: airgap rollback --run/);
});

test('a step that only waits is never half done, and a first install has nothing to go back to', async () => {
  const { steps, ...rest } = makePlan();
  const marked = steps.map((step) => ({
    ...step,
    ...(step.id === 'push' ? { touches: 'surroundings' as const } : {}),
    ...(step.id === 'keep:pvc' ? { touches: 'nothing' as const } : {}),
  }));
  const plan = { ...rest, steps: marked };
  const status = async (of: Plan, ...entries: JournalEntry[]) =>
    (await readStatuses(await runWith({ plan: of }, ...entries)))[0];
  const waits = await status(plan, done('push'), begun('keep:pvc'));
  assert.deepEqual(waits?.safeToWalkAway, {
    answer: true,
    why: 'it stopped in step keep:pvc, which only looks and waits; nothing is half done',
  });
  assert.doesNotMatch(waits?.advice ?? '', /rollback/, 'nothing of the product was changed');
  const failure: JournalEntry = { step: 'keep:pvc', phase: 'failed', data: { detail: 'NOT_HEALTHY: x' } };
  const failed = await status(plan, done('push'), begun('keep:pvc'), failure);
  assert.equal(failed?.safeToWalkAway.answer, false);
  assert.match(failed?.safeToWalkAway.why ?? '', /keep:pvc did not find what it waits for; go on soon/);

  const changed = [begun('helm:runai-backend')];
  assert.match((await status(plan, ...changed))?.advice ?? '', /or go back: airgap rollback/);
  const first = { ...plan, first: true as const };
  assert.equal((await status(first, ...changed))?.advice, 'go on: airgap install x.tar');
  const finished = await status(first, ...changed, { step: '', phase: 'finished' });
  assert.equal(finished?.advice, 'nothing');
});

test('given up while the product is down: that is said, and nothing is next', async () => {
  const steps = ['push', 'keep:pvc', 'delete:statefulsets'].map(done);
  const [status] = await readStatuses(await runWith(...steps, { step: '', phase: 'given-up' }));
  assert.deepEqual(
    [status?.state, status?.next, status?.safeToWalkAway.answer],
    ['given-up', undefined, false],
  );
  assert.match(
    status?.safeToWalkAway.why ?? '',
    /down since step delete:statefulsets; and this run was given up/,
  );
});

test('threat 115: between the two releases the record says which part is of which version', async () => {
  const plan = makePlan();
  const skew = { until: 'scale:1', text: 'two versions at once' };
  const steps = plan.steps.map((step) => (step.id === 'helm:runai-backend' ? { ...step, skew } : step));
  const status = async (...entries: JournalEntry[]) => {
    const root = await runWith({ plan: { ...plan, steps } }, ...entries);
    return (await readStatuses(root))[0]?.skew;
  };
  assert.equal(await status(done('push')), undefined);
  assert.equal(await status(begun('helm:runai-backend')), undefined);
  assert.equal(await status(done('helm:runai-backend'), begun('scale:1')), 'two versions at once');
  assert.equal(await status(done('helm:runai-backend'), done('scale:1')), undefined);
});

test('a run and its rollback: each names the other, and the first stays as it was', async () => {
  const root = await runWith(begun('push'), done('push'), { step: '', phase: 'finished' });
  const [before] = await readStatuses(root);
  const plan = { ...makePlan(), kind: 'rollback' as const };
  const later = { ...realClock, now: () => Date.now() + 60_000 };
  const options = { kind: plan.kind, plan: async () => plan, clock: later, origin: before?.runId ?? '' };
  const session = await openSession(sessionOptions(root, { ...options, unfinished: 'give-up' }));
  await session.close();
  const [, undone] = await readStatuses(root);
  assert.deepEqual([undone?.state, undone?.rollback?.state], ['finished', 'interrupted']);
  assert.match(undone?.advice ?? '', /see to its rollback first/);
  const journal = await openRunJournal(session.run, later.now);
  await journal.append({ step: '', phase: 'finished' });
  await journal.close();
  const [rollback, rolledBack] = await readStatuses(root);
  assert.equal(rollback?.identity?.origin, before?.runId);
  assert.deepEqual(rolledBack?.rollback, { runId: rollback?.runId, state: 'finished' });
  assert.match(rolledBack?.safeToWalkAway.why ?? '', /rolled back by run/);
  assert.deepEqual((await readRun(before?.folder ?? '')).records.at(-1)?.phase, 'finished');
});

test('how long the work on a step took, over several tries; the page of the run is named when there is one', async () => {
  const root = await runWith(
    begun('push'),
    { step: 'push', phase: 'failed', data: { detail: 'x', took: 1200 } },
    begun('push'),
    { step: 'push', phase: 'committed', data: { took: 300 } },
  );
  const [status] = await readStatuses(root);
  assert.deepEqual(
    [status?.steps[0]?.took, status?.steps[1]?.took, status?.report],
    [1500, undefined, undefined],
  );
  const page = join(status?.folder ?? '', 'report.html');
  writeFileSync(page, '');
  assert.equal((await readStatuses(root))[0]?.report, page);
});

test('running while its process holds the lock', async () => {
  const root = join(top, String(count++));
  const session = await openSession(sessionOptions(root));
  const [status] = await readStatuses(root);
  assert.deepEqual(
    [status?.state, status?.safeToRerun.answer, status?.safeToWalkAway.answer],
    ['running', false, true],
  );
  await session.close();
});

test('a torn last record does not matter, damage is told and never thrown', async () => {
  const root = await runWith(begun('push'), done('push'));
  const [before] = await readStatuses(root);
  const file = join(before?.folder ?? '', 'journal.jsonl');
  appendFileSync(file, '{"seq":');
  const [torn] = await readStatuses(root);
  assert.deepEqual(torn, before);
  writeFileSync(file, 'rubbish\nmore\n');
  const [damaged] = await readStatuses(root);
  assert.deepEqual([damaged?.state, damaged?.safeToRerun.answer], ['damaged', false]);
});

test('the newest run comes first, and a cluster can be chosen', async () => {
  const root = join(top, String(count++));
  for (const [at, byte] of [
    [1, 1],
    [2, 2],
  ] as const) {
    const clock = { ...realClock, now: () => Date.UTC(2026, 10, at) };
    const session = await openSession(
      sessionOptions(root, { clock, random: (size) => Buffer.alloc(size, byte), unfinished: 'give-up' }),
    );
    await session.close();
  }
  const ids = (await readStatuses(root)).map((status) => status.runId);
  assert.deepEqual(ids, ['20261102T000000Z-02020202', '20261101T000000Z-01010101']);
  assert.deepEqual(await readStatuses(root, 'another-cluster'), []);
  const run = await readRun(join(runsFolder(root, sessionOptions(root).clusterUid), ids[0] as string));
  assert.equal(statusOf(run, run.records, { running: false }).state, 'interrupted');
});

test('threat 95: where the record lies', () => {
  assert.equal(stateRoot({ AIRGAP_STATE_DIR: '/var/lib/airgap', HOME: '/root' }), '/var/lib/airgap');
  assert.equal(stateRoot({ XDG_STATE_HOME: '/s', HOME: '/root' }), '/s/airgap');
  assert.equal(stateRoot({ HOME: '/root' }), '/root/.local/state/airgap');
  assert.throws(() => stateRoot({}), { code: 'USAGE' });
  assert.throws(() => stateRoot({ AIRGAP_STATE_DIR: 'here' }), { code: 'USAGE' });
  for (const uid of ['../x', '', 'a/b', 'x'.repeat(80)]) {
    assert.throws(() => locksFolder('/s', uid), { code: 'CLUSTER_CONFIG' }, uid);
  }
});
