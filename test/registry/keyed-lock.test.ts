import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyedLock } from '../../src/registry/keyed-lock.js';

test('work with one key runs one after the other, other keys side by side', async () => {
  const lock = createKeyedLock();
  const running = new Set<string>();
  let most = 0;
  const work = (key: string) => async () => {
    assert.ok(!running.has(key), `two at work on ${key}`);
    running.add(key);
    most = Math.max(most, running.size);
    await sleep(2);
    running.delete(key);
    return key;
  };
  const keys = Array.from({ length: 30 }, (_, index) => `key ${index % 3}`);
  assert.deepEqual(await Promise.all(keys.map((key) => lock.run(key, work(key)))), keys);
  assert.equal(most, 3);
});

test('a failure is its own: the next in line runs', async () => {
  const lock = createKeyedLock();
  const failing = lock.run('a', () => Promise.reject(new Error('no')));
  const next = lock.run('a', async () => 'yes');
  await assert.rejects(failing, /no/);
  assert.equal(await next, 'yes');
});
