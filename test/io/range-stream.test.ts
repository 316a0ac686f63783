import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { type RangeOptions, readRange } from '../../src/io/range-stream.js';

const bytes = randomBytes(3_000_001);
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

async function fileOf(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-range-'));
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  const handle = await open(path, 'r');
  t.after(async () => {
    await handle.close();
    await rm(folder, { recursive: true });
  });
  return {
    path,
    handle,
    read: (options: Omit<RangeOptions, 'path'>) => collect(readRange(handle, { ...options, path })),
  };
}

async function collect(stream: Readable, seen: Buffer[] = []): Promise<Buffer> {
  for await (const chunk of stream) seen.push(chunk as Buffer);
  return Buffer.concat(seen);
}

test('a range is given byte for byte, several at a time', async (t) => {
  const { read } = await fileOf(t);
  const ranges = [
    [0, bytes.length],
    [1, 10],
    [2_999_999, 2],
    [500, 0],
    [1_048_575, 1_048_578],
  ] as const;
  const found = await Promise.all(ranges.map(([offset, length]) => read({ offset, length })));
  for (const [index, [offset, length]] of ranges.entries()) {
    assert.ok(found[index]?.equals(bytes.subarray(offset, offset + length)));
  }
});

test('the digest is checked before the last bytes are given out', async (t) => {
  const { path, handle, read } = await fileOf(t);
  const length = 2_500_000;
  const right = { sha256: sha256(bytes.subarray(7, 7 + length)), size: length, what: 'x' };
  assert.equal((await read({ offset: 7, length, expected: right })).length, length);
  const seen: Buffer[] = [];
  const wrong = { ...right, sha256: '0'.repeat(64) };
  await assert.rejects(
    collect(readRange(handle, { path, offset: 7, length, expected: wrong }), seen),
    (error) => isAirgapError(error, 'BLOB_MISMATCH'),
  );
  assert.ok(Buffer.concat(seen).length < length);
  await assert.rejects(read({ offset: 0, length: 0, expected: wrong }), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
});

test('a file that ends too early or a handle that is closed is a media error', async (t) => {
  const { path, handle, read } = await fileOf(t);
  await truncate(path, 1000);
  await assert.rejects(
    read({ offset: 0, length: 2000 }),
    (error) => isAirgapError(error, 'MEDIA_ERROR') && /byte 1000/.test(error.message),
  );
  const other = await open(path, 'r');
  await other.close();
  await assert.rejects(
    collect(readRange(other, { offset: 0, length: 10, path })),
    (error) => isAirgapError(error, 'MEDIA_ERROR') && error.found === 'EBADF',
  );
  assert.equal((await handle.stat()).size, 1000);
});
