import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import type { RunReport } from '../../src/run/report.js';
import { withReport } from '../../src/run/reporting.js';
import { openSession } from '../../src/run/session.js';
import { makeFolder, sessionOptions } from './support.js';

const top = makeFolder('reporting');
after(() => rmSync(top, { recursive: true, force: true }));

let count = 0;

async function setup(write?: (folder: string, report: RunReport<string>) => Promise<string>) {
  const session = await openSession(sessionOptions(`${top}/${count++}`, { command: 'airgap install x' }));
  const events: AirgapEvent[] = [];
  const reporting = {
    ...(write === undefined ? {} : { write }),
    facts: async () => 'known',
    next: ({ outcome }: RunReport<string>) => [`after ${outcome}`],
    emit: (event: AirgapEvent) => void events.push(event),
  };
  return { session, reporting, events };
}

test('a run that finishes leaves its report: steps with state and time, what was saved but for its own notes', async () => {
  const written: RunReport<string>[] = [];
  const { session, reporting } = await setup(async (folder, report) => {
    written.push(report);
    return `${folder}/report.html`;
  });
  const { result, page } = await withReport(session, reporting, async () => {
    await session.saved.put('site/x.json', 'x');
    await session.saved.put('report/begun.json', '{}');
    await session.journal.append({ step: 'push', phase: 'intent' });
    await session.journal.append({
      step: 'push',
      phase: 'committed',
      data: { took: 1500, detail: '14 images' },
    });
    await session.journal.append({ step: 'keep:pvc', phase: 'committed', data: { found: 'done' } });
    return 7;
  });
  await session.close();
  assert.deepEqual([result, page], [7, `${session.run.folder}/report.html`]);
  const [report] = written;
  assert.deepEqual(
    [report?.outcome, report?.took, report?.facts, report?.next],
    ['finished', 1500, 'known', ['after finished']],
  );
  assert.deepEqual(
    report?.steps.slice(0, 3).map(({ state }) => state),
    ['done', 'found', 'waiting'],
  );
  assert.deepEqual(
    report?.saved.items.map(({ name }) => name),
    ['site/x.json'],
  );
  assert.equal(report?.command, 'airgap install x');
});

test('a run that fails leaves one too, says where it lies, and fails as it did', async () => {
  const written: RunReport<string>[] = [];
  const { session, reporting, events } = await setup(async (folder, report) => {
    written.push(report);
    return `${folder}/report.html`;
  });
  const fault = new AirgapError('HELM_FAILED', 'helm failed', { found: 'password=canary-1' });
  await assert.rejects(
    withReport(session, reporting, () => Promise.reject(fault)),
    fault,
  );
  await session.close();
  assert.deepEqual([written[0]?.outcome, written[0]?.error?.code], ['failed', 'HELM_FAILED']);
  assert.doesNotMatch(JSON.stringify(written[0]), /canary/);
  assert.match(JSON.stringify(events), /report: .*report\.html/);
});

test('threat 85: a report that cannot be written is told, and changes nothing about how the run ended', async () => {
  const { session, reporting, events } = await setup(() =>
    Promise.reject(new AirgapError('DISK_FULL', 'no room left')),
  );
  const { result, page } = await withReport(session, reporting, async () => 7);
  assert.deepEqual([result, page], [7, undefined]);
  assert.match(JSON.stringify(events), /could not be written: no room left/);
  const fault = new AirgapError('INTERRUPTED', 'stopped');
  await assert.rejects(
    withReport(session, reporting, () => Promise.reject(fault)),
    fault,
  );
  await session.close();
});

test('without a writer nothing is written', async () => {
  const { session, reporting, events } = await setup();
  assert.deepEqual(await withReport(session, reporting, async () => 7), { result: 7 });
  await session.close();
  assert.deepEqual(events, []);
});
