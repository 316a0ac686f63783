import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { formsOf, secretsIn } from './support/secrets.js';
import { watchCommandLines } from './support/watch.js';

const SECRET = 'canary "quoted" ü+/';
const SECRETS = new Map([['it', SECRET]]);

for (const [form, text] of [
  ['as it is', `x ${SECRET} y`],
  ['in JSON', JSON.stringify({ a: SECRET })],
  ['in JSON within JSON', JSON.stringify(JSON.stringify({ a: SECRET }))],
  ['in a URL', new URLSearchParams({ a: SECRET }).toString().replaceAll('+', '%20')],
  ['in base64', Buffer.from(SECRET).toString('base64')],
  ['in base64 without padding', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')],
  ['in base64, after one byte', Buffer.from(`.${SECRET}.`).toString('base64')],
  ['in base64, after two bytes', Buffer.from(`..${SECRET}..`).toString('base64')],
  ['in base64, after three bytes', Buffer.from(`...${SECRET}...`).toString('base64')],
  [
    'in base64 twice, as in a Secret within a Secret',
    Buffer.from(Buffer.from(SECRET).toString('base64')).toString('base64'),
  ],
  ['in base64 with line breaks', Buffer.from(`..${SECRET}`).toString('base64').replace(/.{8}/g, '$&\n')],
  [
    'in base64 with line breaks in JSON',
    JSON.stringify(Buffer.from(SECRET).toString('base64').replace(/.{8}/g, '$&\n')),
  ],
] as const)
  test(`threat 136: what searches for secrets finds one ${form}`, () => {
    assert.deepEqual(secretsIn(text, SECRETS), ['it'], text);
  });

test('threat 136: what searches for secrets takes nothing else for one', () => {
  const other = 'canary "quoted" ü-/';
  for (const form of formsOf(other))
    assert.deepEqual(secretsIn(form, new Map([['it', 'sesame-open-92']])), [], form);
});

test('threat 136: the watch sees programs that live for a millisecond', async () => {
  if (spawnSync('perl', ['-v']).status !== 0) return;
  const watch = await watchCommandLines();
  try {
    for (let round = 0; round < 20; round++) execFileSync('/bin/true', [`canary-argv-${round}`, 'new\nline']);
    const seen = [...watch.lines()].filter((line) => /canary-argv-\d+ new\nline/.test(line));
    // By the kernel's word a process may be gone before it can be looked at, on a machine with much to do.
    assert.ok(seen.length >= 10, `${seen.length} of 20`);
  } finally {
    watch.stop();
  }
});
