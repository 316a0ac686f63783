import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from '../../src/io/gate.js';

/** Work that ends when told to. */
function manual(): { readonly done: Promise<void>; readonly end: () => void } {
  let end = (): void => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more than the width are inside, and each one that leaves lets one in', async () => {
  const gate = createGate(2);
  const jobs = [manual(), manual(), manual()];
  let inside = 0;
  const runs = jobs.map((job) =>
    gate.pass(async () => {
      inside += 1;
      await job.done;
      inside -= 1;
    }),
  );
  await turn();
  assert.equal(inside, 2);
  jobs[0]?.end();
  await turn();
  assert.equal(inside, 2);
  jobs[1]?.end();
  jobs[2]?.end();
  await Promise.all(runs);
  assert.equal(inside, 0);
});

test('it shrinks by half, never below one, and grows again with success', async () => {
  const gate = createGate(4);
  gate.shrink();
  assert.equal(gate.width, 2);
  gate.shrink();
  gate.shrink();
  assert.equal(gate.width, 1);
  for (let count = 0; count < 40; count++) await gate.pass(async () => {});
  assert.equal(gate.width, 4);
});

test('a failure makes room too', async () => {
  const gate = createGate(1);
  await assert.rejects(
    gate.pass(() => Promise.reject(new Error('x'))),
    /x/,
  );
  assert.equal(await gate.pass(async () => 7), 7);
});

test('one who waits leaves when aborted, and takes no place', async () => {
  const gate = createGate(1);
  const job = manual();
  const first = gate.pass(() => job.done);
  const stop = new AbortController();
  const second = gate.pass(async () => assert.fail('it got in'), stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(second, /enough/);
  await assert.rejects(
    gate.pass(async () => {}, stop.signal),
    /enough/,
  );
  job.end();
  await first;
  assert.equal(await gate.pass(async () => 1), 1);
});
