import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { findOrigin } from '../../../src/install/rollback/origin.js';
import { formatMirror } from '../../../src/run/mirror.js';
import type { ClusterSide } from '../../../src/run/session.js';
import {
  createRun,
  listRunFolders,
  openRunJournal,
  readRun,
  type StoredRun,
} from '../../../src/run/store.js';
import type { Plan } from '../../../src/run/types.js';
import { makeFolder } from '../../run/support.js';
import { originOf, UPGRADE } from './support.js';

const top = makeFolder('origin');
after(() => rmSync(top, { recursive: true, force: true }));
const clusterUid = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';

let count = 0;
const emptyRoot = (): string => `${top}/${count++}`;

function sideOf(data?: Record<string, string>): ClusterSide {
  return {
    lease: undefined as never,
    mirror: { read: async () => data, write: async () => {} },
    saved: () => ({ put: async () => {}, get: async (name) => Buffer.from(`cluster ${name}`) }),
  };
}

interface Made {
  readonly day: number;
  readonly kind?: Plan['kind'];
  readonly end?: 'finished' | 'failed' | 'given-up';
  readonly origin?: string;
  /** Kinds of steps that were begun; all when absent. */
  readonly began?: readonly string[];
}

async function makeRun(
  root: string,
  { day, kind = 'install', end = 'finished', origin, began }: Made,
): Promise<StoredRun> {
  const plan: Plan = { ...originOf(UPGRADE).plan, kind, clusterUid };
  const now = (): number => Date.UTC(2026, 10, day);
  const runId = `202611${String(day).padStart(2, '0')}T000000Z-0000000${day}`;
  const options = { runId, plan, inputs: {}, toolVersion: '0.1.0', now };
  const run = await createRun(root, { ...options, ...(origin === undefined ? {} : { origin }) });
  const journal = await openRunJournal(run, now);
  for (const { id } of plan.steps) {
    if (began && !began.includes(id.split(':')[0] ?? '')) continue;
    await journal.append({ step: id, phase: 'intent' });
    await journal.append({ step: id, phase: 'committed' });
  }
  await journal.append({ step: '', phase: end });
  await journal.close();
  return run;
}

const find = (root: string, more: { run?: string; side?: ClusterSide } = {}) =>
  findOrigin({
    root,
    clusterUid,
    side: more.side ?? sideOf(),
    ...(more.run === undefined ? {} : { run: more.run }),
  });

test('the last install that changed the product; one that only pushed images is passed over', async () => {
  const root = emptyRoot();
  await assert.rejects(find(root), { code: 'USAGE' });
  const first = await makeRun(root, { day: 1 });
  await makeRun(root, { day: 2, began: ['save-site', 'push'], end: 'given-up' });
  const found = await find(root);
  assert.equal(found.identity.runId, first.identity.runId);
  assert.deepEqual([found.finished, found.open, found.touched.size], [true, false, UPGRADE.length]);
  assert.equal((await find(root, { run: '20261101' })).identity.runId, first.identity.runId);
  await assert.rejects(find(root, { run: 'none' }), { code: 'USAGE' });
});

test('an install that stopped on its way is found with the steps that it had begun', async () => {
  const root = emptyRoot();
  await makeRun(root, { day: 1, end: 'failed', began: ['save-site', 'delete-objects'] });
  const found = await find(root);
  assert.deepEqual([found.finished, found.open], [false, true]);
  assert.deepEqual([...found.touched], ['save-site:0', 'delete-objects:3']);
});

test('what was rolled back is not rolled back again; the one before it is next', async () => {
  const root = emptyRoot();
  const first = await makeRun(root, { day: 1 });
  const second = await makeRun(root, { day: 2 });
  await assert.rejects(find(root, { run: first.identity.runId }), { code: 'DECISION_NEEDED' });
  await makeRun(root, { day: 3, kind: 'rollback', origin: second.identity.runId });
  await assert.rejects(find(root, { run: second.identity.runId }), /rolled back already/);
  assert.equal((await find(root)).identity.runId, first.identity.runId);
  await assert.rejects(find(root, { run: '20261103' }), { code: 'USAGE' });
});

test('a rollback that did not finish took nothing off the list', async () => {
  const root = emptyRoot();
  const first = await makeRun(root, { day: 1 });
  await makeRun(root, { day: 2, kind: 'rollback', origin: first.identity.runId, end: 'given-up' });
  assert.equal((await find(root)).identity.runId, first.identity.runId);
});

test('threat 94: on another host the run and what it saved come from the cluster', async () => {
  const run = await makeRun(emptyRoot(), { day: 1 });
  const records = [{ step: 'helm:4', phase: 'intent', data: {}, t: '', seq: 1, h: '', fence: 0 }] as never;
  const side = sideOf(formatMirror(run, records));
  const found = await find(emptyRoot(), { side });
  assert.equal(found.identity.runId, run.identity.runId);
  assert.deepEqual([...found.touched], ['helm:4']);
  assert.equal((await found.saved.get('site/complete.json'))?.toString(), 'cluster site/complete.json');
  const other = formatMirror({ ...run, identity: { ...run.identity, clusterUid: 'other' } }, records);
  await assert.rejects(find(emptyRoot(), { side: sideOf(other) }), { code: 'USAGE' });
});

/** The copy of a run whose host did these kinds of steps. */
async function mirrorOf(made: Made): Promise<ClusterSide> {
  const root = emptyRoot();
  const run = await makeRun(root, made);
  const [folder = ''] = await listRunFolders(root, clusterUid);
  return sideOf(formatMirror(run, (await readRun(folder)).records));
}

test('threat 94: what another host did in the same run is taken back, too', async () => {
  const root = emptyRoot();
  await makeRun(root, { day: 1, end: 'failed', began: ['save-site', 'delete-objects'] });
  const side = await mirrorOf({ day: 1, end: 'failed', began: ['save-site', 'delete-objects', 'helm'] });
  const found = await find(root, { side });
  assert.ok([...found.touched].some((id) => id.startsWith('helm:')));
  assert.deepEqual([found.finished, found.open], [false, true]);
  const over = await find(root, { side: await mirrorOf({ day: 1 }) });
  assert.deepEqual([over.finished, over.open, over.touched.size], [true, false, UPGRADE.length]);
});

test('threat 94: a later run of another host is the last one; one that was taken back there is done with', async () => {
  const root = emptyRoot();
  const first = await makeRun(root, { day: 1 });
  const later = await mirrorOf({ day: 2, end: 'failed' });
  assert.equal((await find(root, { side: later })).identity.runId, '20261102T000000Z-00000002');
  await assert.rejects(find(root, { run: '20261101', side: later }), /is not the last one/);
  const back = await mirrorOf({ day: 2, kind: 'rollback', origin: first.identity.runId });
  await assert.rejects(find(root, { side: back }), { code: 'USAGE' });
  await assert.rejects(find(root, { run: '20261101', side: back }), /rolled back already/);
  const half = await mirrorOf({
    ...{ day: 2, kind: 'rollback', end: 'failed', origin: first.identity.runId },
  });
  assert.equal((await find(root, { side: half })).identity.runId, first.identity.runId);
});
