import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { mayGiveUp } from '../../src/install/giving-up.js';
import { listUnfinished, peekUnfinished } from '../../src/install/unfinished.js';
import { openSession, type SessionOptions } from '../../src/run/session.js';
import { memoryCluster } from '../run/memory-cluster.js';
import { makeFolder, sessionOptions } from '../run/support.js';
import { executors, fillWorld, makePlan, makeWorld, type World } from '../run/world.js';

const top = makeFolder('unfinished');
after(() => rmSync(top, { recursive: true, force: true }));
const UID = makePlan().clusterUid;
let count = 0;
const fresh = (name: string): string => join(top, `${name}-${count++}`);

/** Runs until the step is done; to its end without one. */
async function runUntil(root: string, world: World, last?: string, more: Partial<SessionOptions> = {}) {
  const stop = new AbortController();
  const session = await openSession(sessionOptions(root, { signal: stop.signal, ...more }));
  try {
    await session.execute(executors(world), {
      onBoundary: (step, boundary) => {
        if (step === last && boundary === 'committed') stop.abort(new Error('SIGINT'));
      },
    });
  } catch (error) {
    if ((error as AirgapError).code !== 'INTERRUPTED') throw error;
  } finally {
    await session.close();
  }
  return session.run;
}

const site = () => {
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  return { world, side: memoryCluster(), here: fresh('here'), there: fresh('there') };
};
const other = { place: 'other:1', random: (size: number) => Buffer.alloc(size, 0xaa) };
const refused = (runId: string, found: RegExp) => (error: AirgapError) => {
  assert.equal(error.code, 'RUN_MISMATCH');
  assert.match(error.found ?? '', found);
  assert.match(error.hint, new RegExp(`--new-run --acknowledge=give-up@${runId}$`));
  return true;
};

test('threat 94: what another host took away in the same run counts, although this host has no record of it', async () => {
  const { world, side, here, there } = site();
  const { identity } = await runUntil(here, world, 'keep:pvc', { cluster: side });
  const records = { root: here, clusterUid: UID, side };
  await mayGiveUp(records, []);
  await runUntil(there, world, 'delete:ingress', { cluster: side, ...other });
  assert.ok((await peekUnfinished(here, UID, side))?.committed.includes('delete:ingress'));
  await assert.rejects(mayGiveUp(records, []), refused(identity.runId, /delete:ingress/));
  await mayGiveUp(records, [`give-up@${identity.runId}`]);
  await runUntil(there, world, undefined, { cluster: side, ...other });
  assert.deepEqual(await listUnfinished(here, UID, side), []);
  assert.equal(await peekUnfinished(here, UID, side), undefined, 'it is over');
  await mayGiveUp(records, []);
});

test('with a damaged record the copy in the cluster says what was taken away', async () => {
  const { world, side, here } = site();
  const { folder, identity } = await runUntil(here, world, 'delete:ingress', { cluster: side });
  appendFileSync(join(folder, 'journal.jsonl'), '{"seq":1}\n{"seq":1}\n');
  await assert.rejects(peekUnfinished(here, UID, side), { code: 'JOURNAL_DAMAGED' });
  const records = { root: here, clusterUid: UID, side };
  await assert.rejects(mayGiveUp(records, []), refused(identity.runId, /delete:ingress/));
  // Without a copy nobody knows, and it is put aside whole.
  await mayGiveUp({ ...records, side: memoryCluster() }, []);
});

test('an unfinished run of this host and another in the cluster: both are named, one after the other', async () => {
  const { world, side, here, there } = site();
  const mine = await runUntil(here, world, 'delete:ingress');
  const theirs = await runUntil(there, world, 'scale:0', { cluster: side, ...other });
  const records = { root: here, clusterUid: UID, side };
  const id = (run: typeof mine): string => `give-up@${run.identity.runId}`;
  await assert.rejects(mayGiveUp(records, []), refused(mine.identity.runId, /delete:ingress/));
  await assert.rejects(mayGiveUp(records, [id(mine)]), refused(theirs.identity.runId, /delete:ingress/));
  await mayGiveUp(records, [id(mine), id(theirs)]);
});

test('a later run that finished on another host ended the one of this host; one that was given up did not', async () => {
  const { world, side, here, there } = site();
  const mine = await runUntil(here, world, 'delete:ingress');
  const later = { ...other, random: (size: number) => Buffer.alloc(size, 0xff) };
  const theirs = await runUntil(there, world, 'push', { cluster: side, ...later });
  assert.ok(theirs.identity.runId > mine.identity.runId);
  const copy = side.data;
  const state = JSON.parse(copy?.['state.json'] ?? '');
  const records = { root: here, clusterUid: UID, side };
  side.data = { ...copy, 'state.json': JSON.stringify({ ...state, phase: 'given-up' }) };
  await assert.rejects(mayGiveUp(records, []), refused(mine.identity.runId, /delete:ingress/));
  side.data = copy;
  await runUntil(there, world, undefined, { cluster: side, ...later });
  await mayGiveUp(records, []);
});

test('a rollback that was begun is not given up unasked, nor one of a run that never finished', async () => {
  const { world, side, here } = site();
  const origin = await runUntil(here, world, 'delete:ingress', { cluster: side });
  const back: Partial<SessionOptions> = {
    cluster: side,
    kind: 'rollback',
    unfinished: 'give-up',
    origin: origin.identity.runId,
    plan: async () => ({ ...makePlan(), kind: 'rollback' }),
    random: (size) => Buffer.alloc(size, 0xbb),
  };
  await (await openSession(sessionOptions(here, back))).close();
  const records = { root: here, clusterUid: UID, side };
  const [rollback] = await listUnfinished(here, UID, side);
  const runId = rollback?.identity.runId ?? '';
  assert.equal(rollback?.identity.kind, 'rollback');
  await assert.rejects(
    mayGiveUp(records, []),
    refused(runId, new RegExp(`what run ${origin.identity.runId} took`)),
  );
  await mayGiveUp(records, [`give-up@${runId}`]);
});
