import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair, openSecretKey } from '../../src/bundle/keys.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import { signMessage } from '../../src/bundle/minisign.js';
import { slotOffset } from '../../src/bundle/open.js';
import { encodeSlot, trustedComment, UNTRUSTED_COMMENT } from '../../src/bundle/slot.js';
import { judge, type Verdict } from './check.js';
import { assemble, noise, sample } from './helpers.js';

/** AIRGAP_TEST_HEAVY=1: every bit of a bundle of 96 KiB (scripts/test-bundle-heavy). */
const HEAVY = process.env['AIRGAP_TEST_HEAVY'] === '1';

const small = sample({
  files: {},
  images: [
    { source: 'registry.example.com/a:1', target: 'a:1', layers: [noise(HEAVY ? 80_000 : 300, 'layer')] },
  ],
  facts: { requires: {} },
});
const layout = layoutBundle(small.draft);
const bytes = assemble(layout, small);

/** Flips every `step`-th bit from `from` to `to` (bytes), one at a time, and collects those that pass. */
async function acceptedFlips(
  original: Buffer,
  { from = 0, to = original.length, step }: { from?: number; to?: number; step: number },
  check: (copy: Buffer) => Promise<Verdict>,
): Promise<string[]> {
  const copy = Buffer.from(original);
  const accepted: string[] = [];
  for (let bit = from * 8; bit < to * 8; bit += step) {
    const at = bit >> 3;
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
    const { exit, code } = await check(copy);
    if (exit !== 4) accepted.push(`byte ${at} bit ${bit & 7}: ${code}`);
    copy[at] = original[at] as number;
  }
  return accepted;
}

test('the bundle is good as it is', async () => {
  assert.deepEqual(await judge(bytes), { ok: true, exit: 0, code: 'OK', text: '', faults: [] });
});

test('threat 1: every bit counts: flipped, the bundle is refused with exit 4', async () => {
  const step = HEAVY ? 1 : 5;
  assert.deepEqual(await acceptedFlips(bytes, { step }, (copy) => judge(copy)), []);
});

test('threats 1 and 28: with a trusted key, every bit of the signature counts as well', async () => {
  const { publicKey, secretText } = await generateKeyPair(undefined);
  const key = await openSecretKey(secretText, async () => '');
  const comments = {
    untrusted: UNTRUSTED_COMMENT,
    trusted: trustedComment(layout.manifest, layout.bundleId),
  };
  const slot = encodeSlot([signMessage(layout.bytes, key, comments)]);
  const signed = Buffer.from(bytes);
  const from = slotOffset(layout.bytes.length);
  slot!.copy(signed, from);
  const trust = { keys: [publicKey] };
  assert.equal((await judge(signed, { trust })).ok, true);
  const check = (copy: Buffer): Promise<Verdict> => judge(copy, { trust });
  const text = slot!.indexOf(0);
  assert.deepEqual(await acceptedFlips(signed, { from, to: from + text, step: HEAVY ? 1 : 3 }, check), []);
  assert.deepEqual(await acceptedFlips(signed, { from: from + text, to: from + 4096, step: 13 }, check), []);
});

test('threat 2: cut at any length, the bundle is refused with exit 4 before anything is hashed', async () => {
  const accepted: string[] = [];
  for (let length = 0; length < bytes.length; length += HEAVY ? 7 : 1) {
    const { exit, code, text } = await judge(bytes.subarray(0, length));
    if (exit !== 4 || code !== 'BUNDLE_TRUNCATED' || !/is short by|empty/.test(text)) {
      accepted.push(`${length}: ${code} ${text}`);
    }
  }
  assert.deepEqual(accepted, []);
});

test('threat 2: a cut beyond the manifest is told to the byte', async () => {
  const { text } = await judge(bytes.subarray(0, -777));
  assert.match(text, /is short by 777 bytes/);
});

test('threat 3: bytes after the end are refused: zeros, noise, another archive', async () => {
  for (const extra of [Buffer.alloc(1), Buffer.alloc(512), Buffer.alloc(10_240), noise(33, 'x'), bytes]) {
    const { exit, code, text } = await judge(Buffer.concat([bytes, extra]));
    assert.equal(exit, 4);
    assert.equal(code, 'BUNDLE_TRUNCATED');
    assert.match(text, new RegExp(`has ${extra.length} bytes too many`));
  }
});

test('threat 18: a copy that stopped and was filled with zeros is found, and said', async () => {
  const filled = Buffer.concat([bytes.subarray(0, bytes.length - 2048), Buffer.alloc(2048)]);
  const { exit, faults } = await judge(filled);
  assert.equal(exit, 4);
  assert.ok(faults.some(({ where }) => where.includes('blobs/')));
  const zeros = await judge(Buffer.alloc(bytes.length));
  assert.equal(zeros.exit, 4);
  assert.match(zeros.text, /zeros/);
});

test('threats 1 and 41: several faults are all listed, in one pass', async () => {
  const copy = Buffer.from(bytes);
  const blobs = layout.positions.filter(({ path }) => path.startsWith('blobs/'));
  for (const { offset } of blobs) copy[offset] = (copy[offset] as number) ^ 1;
  copy[copy.length - 1] = 1;
  const { faults } = await judge(copy);
  assert.deepEqual(
    faults.map(({ where }) => where),
    [...blobs.map(({ path }) => path), 'end of the archive'],
  );
  assert.deepEqual(
    faults.map(({ offset }) => offset),
    [...blobs.map(({ offset }) => offset), copy.length - 1],
  );
});
