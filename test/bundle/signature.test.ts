import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { blake2b256 } from '../../src/bundle/blake2b.js';
import { generateKeyPair, isEncrypted, openSecretKey } from '../../src/bundle/keys.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import {
  formatPublicKey,
  formatSignature,
  keyIdBytes,
  type PublicKey,
  parsePublicKey,
  parseSignature,
  publicKeyOf,
  type Signature,
  type SigningKey,
  signMessage,
  verifySignature,
} from '../../src/bundle/minisign.js';
import { openBundle, openBundleSource, slotOffset } from '../../src/bundle/open.js';
import { signBundle, signManifest } from '../../src/bundle/sign.js';
import { decodeSlot, encodeSlot, trustedComment, UNTRUSTED_COMMENT } from '../../src/bundle/slot.js';
import { memorySource } from '../../src/bundle/source.js';
import type { TrustPolicy } from '../../src/bundle/trust.js';
import { loadTrustedKeys } from '../../src/bundle/trust-store.js';
import { verifyFile } from '../../src/bundle/verify.js';
import { isAirgapError } from '../../src/errors.js';
import { assemble, packSample, sample, temporaryFolder } from './helpers.js';

interface Signer {
  readonly key: SigningKey;
  readonly publicKey: PublicKey;
}

const from = sample();
const layout = layoutBundle(from.draft);
const bytes = assemble(layout, from);
const COMMENTS = { untrusted: UNTRUSTED_COMMENT, trusted: trustedComment(layout.manifest, layout.bundleId) };
let alice: Signer;
let bob: Signer;

before(async () => {
  [alice, bob] = await Promise.all([newSigner(), newSigner()]);
});

async function newSigner(): Promise<Signer> {
  const { publicKey, secretText } = await generateKeyPair(undefined);
  return { publicKey, key: await openSecretKey(secretText, async () => '') };
}

function signedBy(...signers: readonly Signer[]): Signature[] {
  return signers.map(({ key }) => signMessage(layout.bytes, key, COMMENTS));
}

/** The bundle with these bytes in its slot. */
function withSlot(slot: Buffer | undefined): Buffer {
  const copy = Buffer.from(bytes);
  Buffer.alloc(4096).copy(copy, slotOffset(layout.bytes.length));
  slot?.copy(copy, slotOffset(layout.bytes.length));
  return copy;
}

function withText(text: string): Buffer {
  return withSlot(Buffer.concat([Buffer.from(text), Buffer.alloc(4096)]).subarray(0, 4096));
}

async function stateOf(file: Buffer, trust?: TrustPolicy) {
  return (await openBundleSource(memorySource(file), trust ? { trust } : {})).signature;
}

async function refused(
  file: Buffer,
  trust: TrustPolicy | undefined,
  code: 'SIGNATURE_INVALID' | 'SIGNATURE_MISSING',
) {
  let text = '';
  await assert.rejects(stateOf(file, trust), (error) => {
    assert.ok(isAirgapError(error), String(error));
    assert.equal(error.code, code);
    assert.equal(error.exitStatus, 4);
    const faults = error.faults.map(({ where, what, found }) => `${where} ${what} ${found}`);
    text = [error.message, error.expected, error.found, error.hint, ...faults].join('\n');
    return true;
  });
  return text;
}

test('BLAKE2b-256 gives what coreutils gives, for lengths around the block', () => {
  for (const length of [0, 1, 74, 127, 128, 129, 300]) {
    const message = Buffer.alloc(length, 0xa5);
    const expected = execFileSync('b2sum', ['-l', '256'], { input: message, encoding: 'utf8' }).slice(0, 64);
    assert.equal(blake2b256(message).toString('hex'), expected, String(length));
  }
});

test('threat 23: unsigned: integrity only without keys, refused with keys, taken by its full id alone', async () => {
  const keys = [alice.publicKey];
  assert.deepEqual(await stateOf(bytes), { state: 'none', keyIds: [] });
  const text = await refused(bytes, { keys }, 'SIGNATURE_MISSING');
  assert.ok(text.includes(`--allow-unsigned=${layout.bundleId}`));
  await refused(bytes, { keys, allowUnsigned: layout.bundleId.slice(0, 20) }, 'SIGNATURE_MISSING');
  await refused(bytes, { keys, allowUnsigned: '0'.repeat(64) }, 'SIGNATURE_MISSING');
  assert.equal((await stateOf(bytes, { keys, allowUnsigned: layout.bundleId })).state, 'allowed');
});

test('threat 23: signed by a trusted key; without keys it is said that nobody checked', async () => {
  const file = withSlot(encodeSlot(signedBy(alice)));
  const keyIds = [alice.publicKey.id];
  assert.deepEqual(await stateOf(file, { keys: [bob.publicKey, alice.publicKey] }), {
    state: 'trusted',
    keyIds,
  });
  assert.deepEqual(await stateOf(file), { state: 'unchecked', keyIds });
});

test('threat 24: signed by another valid key: refused, with the id seen and the ids trusted', async () => {
  const text = await refused(
    withSlot(encodeSlot(signedBy(bob))),
    { keys: [alice.publicKey] },
    'SIGNATURE_INVALID',
  );
  assert.ok(text.includes(bob.publicKey.id) && text.includes(alice.publicKey.id));
});

test('threat 25: a valid signature of another manifest', async () => {
  const other = layoutBundle(sample({ version: '2.13.65' }).draft);
  const stolen = signMessage(other.bytes, alice.key, {
    untrusted: UNTRUSTED_COMMENT,
    trusted: trustedComment(other.manifest, other.bundleId),
  });
  await refused(withSlot(encodeSlot([stolen])), { keys: [alice.publicKey] }, 'SIGNATURE_INVALID');
  await refused(withSlot(encodeSlot([stolen])), undefined, 'SIGNATURE_INVALID');
});

test('threat 26: a valid signature around the payload of another release', async () => {
  const file = withSlot(encodeSlot(signedBy(alice)));
  const { verifyBundle } = await import('../../src/bundle/verify.js');
  const blob = layout.positions.at(-1)!;
  file.fill(7, blob.offset, blob.offset + blob.size);
  const bundle = await openBundleSource(memorySource(file), { trust: { keys: [alice.publicKey] } });
  const report = await verifyBundle(bundle);
  assert.deepEqual(
    report.faults.map(({ where }) => where),
    [blob.path],
  );
});

test('threat 27: a threshold counts keys, not ids: one key under two ids is one', async () => {
  const two = { keys: [alice.publicKey, bob.publicKey], threshold: 2 };
  assert.equal((await stateOf(withSlot(encodeSlot(signedBy(alice, bob))), two)).state, 'trusted');
  await refused(withSlot(encodeSlot(signedBy(alice))), two, 'SIGNATURE_INVALID');
  const alias = publicKeyOf(keyIdBytes('0123456789ABCDEF'), alice.publicKey.bytes)!;
  const again = signMessage(layout.bytes, { ...alice.key, id: alias.id }, COMMENTS);
  const file = withSlot(encodeSlot([...signedBy(alice), again]));
  assert.equal((await stateOf(file, { keys: [alice.publicKey, alias] })).state, 'trusted');
  await refused(file, { keys: [alice.publicKey, alias], threshold: 2 }, 'SIGNATURE_INVALID');
});

test('threat 28: a failing or foreign signature beside a good one is a rejection', async () => {
  const [good, other] = signedBy(alice, bob) as [Signature, Signature];
  await refused(withSlot(encodeSlot([good, other])), { keys: [alice.publicKey] }, 'SIGNATURE_INVALID');
  const broken = { ...other, signature: Buffer.from(good.signature) };
  const keys = [alice.publicKey, bob.publicKey];
  await refused(withSlot(encodeSlot([good, broken])), { keys }, 'SIGNATURE_INVALID');
});

/** The order of the group of Ed25519, little-endian. */
const ORDER = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');

function plusOrder(scalar: Buffer): Buffer {
  const out = Buffer.alloc(32);
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    const sum = (scalar[i] as number) + (ORDER[i] as number) + carry;
    out[i] = sum & 0xff;
    carry = sum >> 8;
  }
  return out;
}

test('threat 28: another encoding of the same signature (S plus the group order) does not verify', () => {
  const [good] = signedBy(alice) as [Signature];
  assert.ok(verifySignature(layout.bytes, alice.publicKey, good));
  for (const part of ['signature', 'global'] as const) {
    const twin = Buffer.concat([good[part].subarray(0, 32), plusOrder(good[part].subarray(32))]);
    assert.equal(verifySignature(layout.bytes, alice.publicKey, { ...good, [part]: twin }), false);
  }
});

test('threat 28: keys of small order and keys in another encoding are no keys', () => {
  const id = Buffer.alloc(8, 1);
  const top = (hex: string): Buffer => {
    const point = Buffer.from(hex, 'hex');
    point[31] = (point[31] as number) | 0x80;
    return point;
  };
  const weak = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
    `f0${'ff'.repeat(30)}7f`,
  ];
  for (const hex of weak) {
    assert.equal(publicKeyOf(id, Buffer.from(hex, 'hex')), undefined, hex);
    assert.equal(publicKeyOf(id, top(hex)), undefined, hex);
  }
  assert.notEqual(publicKeyOf(id, alice.publicKey.bytes), undefined);
});

test('threat 28: R of small order is refused even when it would verify', () => {
  const [good] = signedBy(alice) as [Signature];
  const weak = {
    ...good,
    signature: Buffer.concat([Buffer.from(`01${'00'.repeat(31)}`, 'hex'), good.signature.subarray(32)]),
  };
  assert.equal(verifySignature(layout.bytes, alice.publicKey, weak), false);
});

/** Rows that change the text of the slot; all are refused without any key too. */
const TEXTS: readonly (readonly [string, (text: string) => string])[] = [
  ['legacy Ed for ED', (text) => recode(text, 1, (raw) => raw.fill('d', 1, 2))],
  ['unknown algorithm', (text) => recode(text, 1, (raw) => raw.fill('X', 1, 2))],
  ['signature too short', (text) => recode(text, 1, (raw) => raw.subarray(0, 73))],
  ['signature too long', (text) => recode(text, 1, (raw) => Buffer.concat([raw, Buffer.alloc(1)]))],
  ['global signature too short', (text) => recode(text, 3, (raw) => raw.subarray(0, 63))],
  ['unpadded base64', (text) => text.replaceAll('=', '')],
  [
    'base64 with other last bits',
    (text) => text.replace(/(.)=\n/, (_all, char: string) => `${next(char)}=\n`),
  ],
  [
    'URL-safe base64',
    (text) =>
      text
        .split('\n')
        .map((line, i) => (i % 2 === 1 ? `-${line.slice(1)}` : line))
        .join('\n'),
  ],
  ['blank inside base64', (text) => text.replace('\nR', '\n R')],
  ['untrusted comment edited', (text) => text.replace('check with', 'Check with')],
  ['trusted comment edited', (text) => text.replace('version:2.13.66', 'version:2.13.67')],
  ['trusted comment with more in it', (text) => text.replace('bundle:', 'ok:yes bundle:')],
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['a blank line at the end', (text) => `${text}\n`],
  ['a fifth line', (text) => `${text}hello\n`],
  ['text after the zeros', (text) => `${text}\0\0hidden`],
  ['no newline at the end', (text) => text.trimEnd()],
  ['the same signature twice', (text) => text + text],
  ['a BOM', (text) => `\ufeff${text}`],
];

function recode(text: string, line: number, change: (raw: Buffer) => Buffer): string {
  const lines = text.split('\n');
  lines[line] = change(Buffer.from(lines[line] as string, 'base64')).toString('base64');
  return lines.join('\n');
}

/** The next letter of the base64 alphabet: differs in the bits that decoding throws away. */
function next(char: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet[(alphabet.indexOf(char) + 1) % 64] as string;
}

for (const [name, change] of TEXTS) {
  test(`threats 28 and 29: the slot is refused, with and without keys: ${name}`, async () => {
    const text = formatSignature(signedBy(alice)[0] as Signature);
    assert.notEqual(change(text), text);
    await refused(withText(change(text)), { keys: [alice.publicKey] }, 'SIGNATURE_INVALID');
    await refused(withText(change(text)), undefined, 'SIGNATURE_INVALID');
  });
}

test('threat 28: signatures in another order are another form', async () => {
  const sorted = decodeSlot(encodeSlot(signedBy(alice, bob)) as Buffer).signatures;
  const text = [...sorted].reverse().map(formatSignature).join('');
  await refused(withText(text), { keys: [alice.publicKey, bob.publicKey] }, 'SIGNATURE_INVALID');
});

test('the slot holds several signatures and says when it is full', async () => {
  const many = await Promise.all(Array.from({ length: 10 }, newSigner));
  const fits = many.slice(0, 8).map(({ key }) => signMessage(layout.bytes, key, COMMENTS));
  assert.equal(decodeSlot(encodeSlot(fits) as Buffer).signatures.length, 8);
  assert.equal(encodeSlot(signedBy(...many)), undefined);
});

test('signing writes the slot and nothing else; a second key adds, the same key replaces', async (t) => {
  const { path } = await packSample(t, from);
  const first = await signBundle(path, { key: alice.key });
  assert.deepEqual(first.keyIds, [alice.publicKey.id]);
  assert.equal(readFileSync(path).length, bytes.length);
  const trust = { keys: [alice.publicKey, bob.publicKey], threshold: 2 };
  await signBundle(path, { key: bob.key });
  await signBundle(path, { key: alice.key });
  const report = await verifyFile(path, { trust });
  assert.equal(report.signature.state, 'trusted');
  assert.equal(report.signature.keyIds.length, 2);
  const cleared = readFileSync(path);
  Buffer.alloc(4096).copy(cleared, slotOffset(layout.bytes.length));
  assert.ok(cleared.equals(bytes));
});

test('threat 25: a signature made apart, from airgap.json alone, is put in; one for another bundle is not', async (t) => {
  const { path } = await packSample(t, from);
  const detached = signManifest(layout.bytes, alice.key, '1.0.0');
  await signBundle(path, { signature: detached });
  assert.equal((await verifyFile(path, { trust: { keys: [alice.publicKey] } })).ok, true);
  const other = layoutBundle(sample({ version: '2.13.65' }).draft);
  const foreign = signManifest(other.bytes, alice.key, '1.0.0');
  await assert.rejects(signBundle(path, { signature: foreign }), (e) =>
    isAirgapError(e, 'SIGNATURE_INVALID'),
  );
  await assert.rejects(signBundle(path, { signature: 'junk' }), (e) => isAirgapError(e, 'SIGNATURE_INVALID'));
});

test('a bundle in parts is signed across the parts', async (t) => {
  const { writeSample } = await import('./helpers.js');
  const path = join(await temporaryFolder(t), 'x.tar');
  await writeSample(path, from, { split: slotOffset(layout.bytes.length) + 100 });
  await signBundle(path, { key: alice.key });
  assert.equal((await verifyFile(path, { trust: { keys: [alice.publicKey] } })).signature.state, 'trusted');
});

test('threat 1: a damaged manifest is called damaged, not forged, when keys are configured', async () => {
  const file = withSlot(encodeSlot(signedBy(alice)));
  file[700] = (file[700] as number) ^ 1;
  await assert.rejects(stateOf(file, { keys: [alice.publicKey] }), (e) => isAirgapError(e, 'BUNDLE_CORRUPT'));
});

/** Cheap ways to a key, one on each side of libsodium's choice between time and memory. */
const CHEAP = [
  { ops: 2n ** 15n, mem: 2n ** 24n },
  { ops: 2n ** 19n, mem: 2n ** 20n },
];

for (const limits of CHEAP)
  test(`an encrypted secret key opens with its passphrase and with no other (${limits.ops})`, async () => {
    const { secretText, publicKey } = await generateKeyPair('correct horse', limits);
    assert.equal(isEncrypted(secretText), true);
    const key = await openSecretKey(secretText, async () => 'correct horse');
    assert.equal(key.id, publicKey.id);
    assert.ok(verifySignature(layout.bytes, publicKey, signMessage(layout.bytes, key, COMMENTS)));
    await assert.rejects(
      openSecretKey(secretText, async () => 'wrong'),
      (e) => isAirgapError(e, 'KEY_INVALID') && /passphrase/.test(e.message),
    );
  });

test('a key file that is none, is damaged, or asks for endless memory is refused', async () => {
  const { secretText } = await generateKeyPair(undefined);
  const frame = Buffer.from(secretText.split('\n')[1] as string, 'base64');
  const text = (raw: Buffer): string => `untrusted comment: x\n${raw.toString('base64')}\n`;
  const flipped = Buffer.from(frame);
  flipped[100] = (flipped[100] as number) ^ 1;
  const greedy = Buffer.from(frame);
  greedy.write('Sc', 2);
  greedy.writeBigUInt64LE(2n ** 60n, 46);
  for (const bad of ['', 'hello', text(flipped), text(greedy), text(frame.subarray(1))]) {
    await assert.rejects(
      openSecretKey(bad, async () => 'x'),
      (e) => isAirgapError(e, 'KEY_INVALID'),
    );
  }
});

test('public key files: what is written is read; anything else is no key', () => {
  const text = formatPublicKey(alice.publicKey);
  assert.equal(parsePublicKey(text)?.id, alice.publicKey.id);
  assert.equal(parsePublicKey(text.split('\n')[1] as string)?.id, alice.publicKey.id);
  for (const bad of ['', 'x', `${text}more\n`, text.replace('untrusted', 'trusted'), text.slice(0, -9)]) {
    assert.equal(parsePublicKey(bad), undefined);
  }
  assert.equal(typeof parseSignature(['', '', '', '']), 'string');
});

async function trustFolder(t: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'keys');
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, 'alice.pub'), formatPublicKey(alice.publicKey), { mode: 0o644 });
  writeFileSync(join(folder, 'notes.txt'), 'not a key', { mode: 0o666 });
  return folder;
}

test('threat 35: the folder of trusted keys: read when it is safe, absent is absent', async (t) => {
  const folder = await trustFolder(t);
  assert.deepEqual(
    (await loadTrustedKeys(folder))?.map(({ id }) => id),
    [alice.publicKey.id],
  );
  assert.equal(await loadTrustedKeys(join(folder, 'none')), undefined);
});

/** Each spoils the folder and gives the path to load when it is not the folder itself. */
const UNSAFE: readonly (readonly [string, (folder: string) => string | undefined])[] = [
  ['writable by the group', (folder) => void chmodSync(folder, 0o770) as undefined],
  ['writable by all', (folder) => void chmodSync(folder, 0o707) as undefined],
  [
    'a link',
    (folder) => {
      symlinkSync(folder, `${folder}.link`);
      return `${folder}.link`;
    },
  ],
  ['a file', (folder) => join(folder, 'alice.pub')],
  ['a key writable by others', (folder) => void chmodSync(join(folder, 'alice.pub'), 0o666) as undefined],
  ['a key that is a link', (folder) => void symlinkSync('alice.pub', join(folder, 'b.pub')) as undefined],
  ['a key that is junk', (folder) => putKey(folder, Buffer.from('junk'))],
  ['a key that is huge', (folder) => putKey(folder, Buffer.alloc(5000))],
];

function putKey(folder: string, content: Buffer): undefined {
  writeFileSync(join(folder, 'b.pub'), content, { mode: 0o600 });
}

for (const [name, spoil] of UNSAFE) {
  test(`threat 35: the folder of trusted keys is refused: ${name}`, async (t) => {
    const folder = await trustFolder(t);
    const path = spoil(folder) ?? folder;
    await assert.rejects(
      loadTrustedKeys(path),
      (e) => isAirgapError(e, 'TRUST_UNSAFE') && e.exitStatus === 4,
    );
  });
}

const HAS_MINISIGN = spawnSync('minisign', ['-v']).error === undefined;
/** minisign's own limits cost 1 GiB and seconds; AIRGAP_TEST_HEAVY=1 tries them. */
const SLOW = process.env['AIRGAP_TEST_HEAVY'] === '1';
const skip = HAS_MINISIGN ? false : 'minisign is not installed';

test('minisign accepts our signature out of the extracted bundle, padding and all', { skip }, async (t) => {
  const { path } = await packSample(t, from);
  const folder = await temporaryFolder(t);
  await signBundle(path, { key: alice.key });
  execFileSync('tar', ['xf', path, '-C', folder]);
  writeFileSync(join(folder, 'alice.pub'), formatPublicKey(alice.publicKey));
  const args = ['-V', '-p', 'alice.pub', '-m', 'airgap.json', '-x', 'airgap.sig'];
  const out = execFileSync('minisign', args, { cwd: folder, encoding: 'utf8' });
  assert.match(out, /Signature and comment signature verified/);
  assert.ok(out.includes(COMMENTS.trusted));
  writeFileSync(join(folder, 'airgap.json'), 'x');
  assert.notEqual(spawnSync('minisign', args, { cwd: folder }).status, 0);
});

test('minisign reads our secret keys, in clear and encrypted', { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'airgap.json'), layout.bytes);
  const kinds = [
    [undefined],
    ['correct horse', CHEAP[0]],
    ['correct horse', CHEAP[1]],
    ...(SLOW ? [['x'] as const] : []),
  ] as const;
  for (const [passphrase, limits] of kinds) {
    const { publicKey, secretText } = await generateKeyPair(passphrase, limits);
    writeFileSync(join(folder, 'k'), secretText, { mode: 0o600 });
    const args = ['-S', '-s', 'k', '-m', 'airgap.json', '-t', COMMENTS.trusted, '-c', UNTRUSTED_COMMENT];
    const run = spawnSync('minisign', args, {
      cwd: folder,
      input: `${passphrase ?? ''}\n`,
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    const made = parseSignature(readFileSync(join(folder, 'airgap.json.minisig'), 'utf8').split('\n'));
    assert.ok(typeof made !== 'string');
    assert.equal(verifySignature(layout.bytes, publicKey, made), true);
    assert.equal((await stateOf(withSlot(encodeSlot([made])), { keys: [publicKey] })).state, 'trusted');
  }
});

test('we read the keys of minisign, and put its signature into a bundle', { skip }, async (t) => {
  const { path } = await packSample(t, from);
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'airgap.json'), layout.bytes);
  execFileSync('minisign', ['-G', '-W', '-p', 'v.pub', '-s', 'v.key'], { cwd: folder, input: '' });
  const publicKey = parsePublicKey(readFileSync(join(folder, 'v.pub'), 'utf8'));
  assert.ok(publicKey);
  const key = await openSecretKey(readFileSync(join(folder, 'v.key'), 'utf8'), async () =>
    assert.fail('asked'),
  );
  assert.equal(key.id, publicKey.id);
  execFileSync('minisign', ['-S', '-s', 'v.key', '-m', 'airgap.json', '-t', COMMENTS.trusted], {
    cwd: folder,
    input: '',
  });
  await signBundle(path, { signature: readFileSync(join(folder, 'airgap.json.minisig'), 'utf8') });
  const bundle = await openBundle(path, { trust: { keys: [publicKey] } });
  t.after(() => bundle.close());
  assert.equal(bundle.signature.state, 'trusted');
  execFileSync('minisign', ['-S', '-l', '-s', 'v.key', '-m', 'airgap.json', '-t', COMMENTS.trusted], {
    cwd: folder,
    input: '',
  });
  const legacy = readFileSync(join(folder, 'airgap.json.minisig'), 'utf8');
  await assert.rejects(signBundle(path, { signature: legacy }), /legacy/);
});

test('threat 29: the comment that is signed repeats what the manifest says', () => {
  const id = createHash('sha256').update(layout.bytes).digest('hex');
  assert.equal(COMMENTS.trusted, `product:runai version:2.13.66 sequence:21366 bundle:${id}`);
});
