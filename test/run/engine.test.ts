import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import { type ExecuteOptions, execute } from '../../src/run/engine.js';
import { type Journal, openJournal } from '../../src/run/journal.js';
import { openSavedStore } from '../../src/run/saved.js';
import type { ExecutorOf, Observed, Plan, PlanStep, StepExecutor } from '../../src/run/types.js';
import { makeFolder } from './support.js';

const top = makeFolder('engine');
const journals: Journal[] = [];
after(async () => {
  for (const journal of journals) await journal.close();
  rmSync(top, { recursive: true, force: true });
});

let count = 0;
async function setup(more: Partial<ExecuteOptions> = {}) {
  const runFolder = join(top, String(count++));
  mkdirSync(runFolder);
  const journal = await openJournal(runFolder, { runId: 'run-1', now: Date.now });
  journals.push(journal);
  const events: AirgapEvent[] = [];
  const options: ExecuteOptions = {
    journal,
    runFolder,
    saved: openSavedStore(runFolder),
    signal: new AbortController().signal,
    emit: (event) => events.push(event),
    ...more,
  };
  return { journal, events, options };
}

function planOf(...steps: Partial<PlanStep>[]): Plan {
  return {
    kind: 'install',
    title: 't',
    bundleId: 'b',
    clusterUid: 'c',
    steps: steps.map((step, index) => ({
      id: `s${index}`,
      title: `step ${index}`,
      destructive: false,
      saves: [],
      doneWhen: 'it shows',
      ...step,
    })),
  };
}

/** An executor over one variable; the log tells what was called in which order. */
function scripted(log: string[], states: Observed[], more: Partial<StepExecutor> = {}): ExecutorOf {
  return (step) => ({
    observe: async () => {
      log.push(`observe ${step.id}`);
      return { state: states.shift() ?? 'done', detail: 'as seen' };
    },
    save: async () => void log.push(`save ${step.id}`),
    perform: async () => void log.push(`perform ${step.id}`),
    ...more,
  });
}

const phases = (journal: Journal) => journal.records.map((record) => `${record.step} ${record.phase}`.trim());

test('ready: observed, saved, intent, performed, observed, committed', async () => {
  const { journal, events, options } = await setup();
  const log: string[] = [];
  const result = await execute(planOf({}), scripted(log, ['ready', 'done']), options);
  assert.deepEqual(log, ['observe s0', 'save s0', 'perform s0', 'observe s0']);
  assert.deepEqual(phases(journal), ['s0 saved', 's0 intent', 's0 committed', 'finished']);
  assert.deepEqual(result.steps, [{ id: 's0', outcome: 'done' }]);
  assert.deepEqual(
    events.map((event) => event.type === 'step' && event.phase),
    ['started', 'done'],
  );
});

test('threat 91: done already: committed without being done', async () => {
  const { journal, options } = await setup();
  const log: string[] = [];
  const result = await execute(planOf({}), scripted(log, ['done']), options);
  assert.deepEqual(log, ['observe s0']);
  assert.deepEqual(phases(journal), ['s0 committed', 'finished']);
  assert.deepEqual(result.steps, [{ id: 's0', outcome: 'already-done' }]);
});

test('impossible: the operator decides, with what was expected and found', async () => {
  const { journal, options } = await setup();
  const log: string[] = [];
  await assert.rejects(
    execute(planOf({}, {}), scripted(log, ['impossible']), options),
    (error: AirgapError) => {
      assert.deepEqual(
        [error.code, error.exitStatus, error.expected, error.found],
        ['DECISION_NEEDED', 11, 'it shows', 'as seen'],
      );
      return true;
    },
  );
  assert.deepEqual(log, ['observe s0']);
  assert.deepEqual(phases(journal), ['s0 needs-operator']);
});

test('performed without an error and still not to be seen: STEP_UNPROVEN, never committed', async () => {
  const { journal, options } = await setup();
  await assert.rejects(execute(planOf({}), scripted([], ['ready', 'ready']), options), {
    code: 'STEP_UNPROVEN',
  });
  assert.deepEqual(phases(journal), ['s0 saved', 's0 intent', 's0 observed-bad', 's0 failed']);
});

test('threat 119: after an intent nothing is saved again, so a half-done effect cannot spoil the copy', async () => {
  const { journal, options } = await setup();
  const log: string[] = [];
  const failing = scripted(log, ['ready'], {
    perform: async () => {
      throw new AirgapError('CLUSTER_UNREACHABLE', 'gone');
    },
  });
  await assert.rejects(execute(planOf({}), failing, options), { code: 'CLUSTER_UNREACHABLE' });
  assert.equal(journal.records.at(-1)?.data['kind'], 'retryable');
  await execute(planOf({}), scripted(log, ['ready', 'done']), options);
  assert.deepEqual(log, ['observe s0', 'save s0', 'observe s0', 'perform s0', 'observe s0']);
});

test('a failure that the same command cannot heal is terminal', async () => {
  const { journal, options } = await setup();
  const failing = scripted([], ['ready'], {
    perform: async () => {
      throw new AirgapError('BUNDLE_CORRUPT', 'bad');
    },
  });
  await assert.rejects(execute(planOf({}), failing, options), { code: 'BUNDLE_CORRUPT' });
  assert.equal(journal.records.at(-1)?.data['kind'], 'terminal');
});

test('on resume what was committed is left alone, but what must last is looked at and mended', async () => {
  const { options } = await setup();
  const plan = planOf({ lasting: true }, {});
  await execute(plan, scripted([], ['ready', 'done', 'ready', 'done']), options);
  const log: string[] = [];
  const result = await execute(plan, scripted(log, ['ready', 'done']), options);
  assert.deepEqual(log, ['observe s0', 'save s0', 'perform s0', 'observe s0']);
  assert.deepEqual(result.steps, [
    { id: 's0', outcome: 'done' },
    { id: 's1', outcome: 'earlier' },
  ]);
});

test('how long each step took is recorded by a clock that never jumps, also when it fails', async () => {
  let time = 0;
  const { journal, options } = await setup({ monotonic: () => time });
  const slow = scripted([], ['ready', 'done', 'ready'], {
    perform: async () => {
      time += 1500;
      if (time > 2000) throw new AirgapError('HELM_FAILED', 'helm failed');
    },
  });
  await assert.rejects(execute(planOf({}, {}), slow, options), { code: 'HELM_FAILED' });
  const took = journal.records.filter(({ data }) => 'took' in data);
  assert.deepEqual(
    took.map(({ step, phase, data }) => [step, phase, data['took']]),
    [
      ['s0', 'committed', 1500],
      ['s1', 'failed', 1500],
    ],
  );
});

test('a signal between steps: exit 10, recorded, nothing of the next step begun', async () => {
  const stop = new AbortController();
  const { journal, options } = await setup({ signal: stop.signal, resumeCommand: 'airgap install x' });
  const log: string[] = [];
  const stopping = scripted(log, ['ready', 'done'], { perform: async () => stop.abort(new Error('SIGINT')) });
  await assert.rejects(execute(planOf({}, {}), stopping, options), (error: AirgapError) => {
    assert.deepEqual(
      [error.code, error.exitStatus, error.hint],
      ['INTERRUPTED', 10, 'go on with: airgap install x'],
    );
    return true;
  });
  assert.deepEqual(phases(journal).slice(-2), ['s0 committed', 'interrupted']);
  assert.ok(!log.includes('observe s1'));
});

test('a step that a signal cuts short: exit 10', async () => {
  const stop = new AbortController();
  const { journal, options } = await setup({ signal: stop.signal });
  const cut = scripted([], ['ready'], {
    perform: async () => {
      stop.abort(new Error('SIGTERM'));
      throw stop.signal.reason;
    },
  });
  await assert.rejects(execute(planOf({}), cut, options), { code: 'INTERRUPTED' });
  assert.equal(journal.records.at(-1)?.phase, 'interrupted');
});

test('threat 89: a lost lease stops before the effect and is not mistaken for an interruption', async () => {
  const stop = new AbortController();
  let guards = 0;
  const lease = {
    fence: 9,
    guard: async () => {
      if (++guards === 2) {
        stop.abort();
        throw new AirgapError('LOCK_LOST', 'taken over');
      }
    },
  };
  const { journal, options } = await setup({ lease, signal: stop.signal });
  const log: string[] = [];
  await assert.rejects(execute(planOf({}), scripted(log, ['ready']), options), { code: 'LOCK_LOST' });
  assert.ok(!log.includes('perform s0'));
  assert.equal(journal.records[0]?.fence, 9);
});

test('the mirror hears of the run and of every step, and its failure is only announced', async () => {
  const seen: number[] = [];
  const { events, options } = await setup({
    mirror: async (journal) => {
      seen.push(journal.records.length);
      throw new Error('no ConfigMap');
    },
  });
  await execute(planOf({}, {}), scripted([], ['ready', 'done', 'done']), options);
  assert.deepEqual(
    seen,
    [0, 2, 3, 4, 5],
    'at the start, before what was saved is touched, after each step, at the end',
  );
  assert.ok(events.some((event) => event.type === 'note' && event.text.includes('no ConfigMap')));
});

test('plans that break the rules are refused before anything is done', async () => {
  const rows: Partial<PlanStep>[][] = [
    [{ id: 'same' }, { id: 'same' }],
    [{ id: 'Bad Id' }],
    [{ destructive: true, lasting: true, saves: ['x'] }],
    [{ destructive: true }],
  ];
  for (const steps of rows) {
    const { journal, options } = await setup();
    await assert.rejects(execute(planOf(...steps), scripted([], []), options), { code: 'INTERNAL' });
    assert.equal(journal.records.length, 0);
  }
});
