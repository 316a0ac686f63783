import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { memorySource } from '../../../src/bundle/source.js';
import { type ErrorCode, isAirgapError } from '../../../src/errors.js';
import { generateIdentity } from '../../../src/recovery/archive/age/keys.js';
import type { Unlock } from '../../../src/recovery/archive/age/unlock.js';
import type { Encryption } from '../../../src/recovery/archive/encryption.js';
import { openBackupBytes } from '../../../src/recovery/archive/open.js';
import { createBackupWriter } from '../../../src/recovery/archive/writer.js';
import { verifyBackup } from '../../../src/recovery/verify.js';
import { FACTS, noise, PLAIN, pieces, temporaryFolder } from './helpers.js';

const IDENTITY = generateIdentity();
const SEALED: Encryption = { kind: 'recipients', recipients: [IDENTITY.recipient] };
const UNLOCK: Unlock = { identities: [IDENTITY.secret] };
/** Refusals that say what is the matter; a changed header may also look like one for another key. */
const REFUSALS: readonly ErrorCode[] = ['BACKUP_INVALID', 'BACKUP_KEY'];

/** The smallest backup with an entry of every kind. */
async function writeTiny(path: string, encryption: Encryption, size = 130): Promise<Buffer> {
  return (await writeTinyOpened(path, encryption, size)).bytes;
}

/** And the key of this one file, which opens it without the work on curves. */
async function writeTinyOpened(path: string, encryption: Encryption, size = 130) {
  const writer = await createBackupWriter(path, { encryption, chunkSize: Math.max(100, size / 2) });
  await writer.addFile('values.yaml', 'a: 1\n', { role: 'values' });
  await writer.addStream('volume.tar', pieces(noise(size, 'tiny')), { role: 'volume' });
  const { unlock: fast } = await writer.finish({ ...FACTS, releases: [], skipped: [] });
  return { bytes: readFileSync(path), fast };
}

/** Bytes of the age header. */
const headerEnd = (bytes: Buffer): number => bytes.indexOf('\n', bytes.indexOf('\n---') + 1) + 1;

/** What verifying these bytes ends with: `ok`, `faults`, or the code of the refusal. */
async function outcome(bytes: Buffer, unlock: Unlock = {}): Promise<'ok' | 'faults' | ErrorCode> {
  try {
    const backup = await openBackupBytes(memorySource(bytes, 'backup.tar'), unlock);
    return (await verifyBackup(backup, { env: {} })).ok ? 'ok' : 'faults';
  } catch (error) {
    if (isAirgapError(error)) return error.code;
    throw error;
  }
}

async function requireRefused(bytes: Buffer, unlock: Unlock, what: string): Promise<void> {
  const found = await outcome(bytes, unlock);
  assert.ok(found === 'faults' || REFUSALS.includes(found as ErrorCode), `${what}: ${found}`);
}

test('threat 131: every single flipped bit of a plain backup is found', async (t) => {
  const bytes = await writeTiny(join(await temporaryFolder(t), 'b.tar'), PLAIN);
  assert.equal(await outcome(bytes), 'ok');
  // What lies before the manifest is not read by opening: there one opened backup sees the bytes change below it.
  const opened = await openBackupBytes(memorySource(bytes, 'backup.tar'));
  const manifest = opened.layout.end;
  assert.ok(manifest > 3000 && manifest < bytes.length - 2048);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const what = `bit ${bit & 7} of byte ${bit >> 3}`;
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    if (bit >> 3 >= manifest) await requireRefused(bytes, {}, what);
    else assert.equal((await verifyBackup(opened, { env: {} })).ok, false, what);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  assert.equal(await outcome(bytes), 'ok');
});

test('threat 131: every single flipped bit of an encrypted backup is found', async (t) => {
  const { bytes, fast } = await writeTinyOpened(join(await temporaryFolder(t), 'b.tar.age'), SEALED);
  const header = headerEnd(bytes);
  assert.equal(await outcome(bytes, UNLOCK), 'ok');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    await requireRefused(bytes, bit < header * 8 ? UNLOCK : fast, `bit ${bit & 7} of byte ${bit >> 3}`);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  assert.equal(await outcome(bytes, UNLOCK), 'ok');
});

test('threat 131: a changed byte in any chunk of a longer encrypted backup is found', async (t) => {
  const bytes = await writeTiny(join(await temporaryFolder(t), 'b.tar.age'), SEALED, 300_000);
  for (let at = 7; at < bytes.length; at += 9_973) {
    bytes[at] = (bytes[at] as number) ^ 0x40;
    await requireRefused(bytes, UNLOCK, `byte ${at}`);
    bytes[at] = (bytes[at] as number) ^ 0x40;
  }
  assert.equal(await outcome(bytes, UNLOCK), 'ok');
});

test('threat 131: a flipped bit in the header of a backup with a passphrase is found', async (t) => {
  const encryption: Encryption = { kind: 'passphrase', passphrase: 'correct horse', workFactor: 10 };
  const bytes = await writeTiny(join(await temporaryFolder(t), 'b.tar.age'), encryption);
  const unlock = { passphrase: 'correct horse' };
  const header = headerEnd(bytes);
  for (let bit = 0; bit < header * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    await requireRefused(bytes, unlock, `bit ${bit & 7} of byte ${bit >> 3}`);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  assert.equal(await outcome(bytes, unlock), 'ok');
});

test('threat 131: a backup cut at any byte, or continued, is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const rows = [
    await writeTinyOpened(join(folder, 'b.tar'), PLAIN),
    await writeTinyOpened(join(folder, 'b.tar.age'), SEALED),
  ];
  for (const { bytes, fast: unlock } of rows) {
    for (let length = 0; length < bytes.length; length++) {
      const found = await outcome(bytes.subarray(0, length), unlock);
      assert.equal(found, 'BACKUP_INVALID', `cut at ${length}`);
    }
    for (const more of [Buffer.alloc(1), Buffer.alloc(512), Buffer.alloc(10_240), bytes]) {
      assert.equal(await outcome(Buffer.concat([bytes, more]), unlock), 'BACKUP_INVALID');
    }
  }
});

test('threat 131: a longer encrypted backup cut at a chunk boundary is refused', async (t) => {
  const bytes = await writeTiny(join(await temporaryFolder(t), 'b.tar.age'), SEALED, 300_000);
  const start = headerEnd(bytes) + 16;
  for (let end = start; end < bytes.length; end += 65_552) {
    assert.equal(await outcome(bytes.subarray(0, end), UNLOCK), 'BACKUP_INVALID', `cut at ${end}`);
  }
  const chunk = (index: number): Buffer =>
    bytes.subarray(start + index * 65_552, start + (index + 1) * 65_552);
  const swapped = Buffer.concat([
    bytes.subarray(0, start),
    chunk(1),
    chunk(0),
    bytes.subarray(start + 131_104),
  ]);
  assert.equal(await outcome(swapped, UNLOCK), 'faults');
  const dropped = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 65_552)]);
  assert.equal(await outcome(dropped, UNLOCK), 'BACKUP_INVALID');
});

test('threat 139: another identity, no key and a passphrase instead are refused and said', async (t) => {
  const bytes = await writeTiny(join(await temporaryFolder(t), 'b.tar.age'), SEALED);
  const rows: readonly Unlock[] = [{ identities: [generateIdentity().secret] }, {}, { passphrase: 'x' }];
  for (const unlock of rows) assert.equal(await outcome(bytes, unlock), 'BACKUP_KEY');
});
