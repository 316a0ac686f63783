import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pourEntry } from '../../src/bundle/pour.js';
import type { Target } from '../../src/bundle/target.js';
import { isAirgapError } from '../../src/errors.js';
import { BLOCK_SIZE } from '../../src/io/hash-thread.js';
import { putBytes } from '../../src/oci/byte-sink.js';
import type { ByteSink } from '../../src/oci/types.js';

/** Memory in place of the file; writes take a moment. */
function placeOf(content: Buffer, offset = 512) {
  const file = Buffer.alloc(offset + content.length + 512, 0xee);
  const target: Target = {
    pieces: [],
    async write(buffers, at) {
      await sleep(1);
      Buffer.concat([...buffers]).copy(file, at);
    },
    finish: async () => [],
    close: async () => {},
  };
  const sha256 = createHash('sha256').update(content).digest('hex');
  const position = { path: 'blobs/sha256/x', size: content.length, sha256, offset, mode: 0o644 as const };
  let counted = 0;
  const onBytes = (count: number): void => {
    counted += count;
  };
  const place = { target, position, signal: new AbortController().signal, onBytes };
  return {
    place,
    written: () => file.subarray(offset, offset + content.length),
    file,
    counted: () => counted,
  };
}

/** Pours pieces of odd sizes, each overwritten afterwards as a network buffer would be. */
function pourer(content: Buffer, piece: number) {
  return async (sink: ByteSink): Promise<void> => {
    for (let at = 0; at < content.length; at += piece) {
      const bytes = Buffer.from(content.subarray(at, at + piece));
      await putBytes(sink, bytes);
      bytes.fill(0);
    }
  };
}

for (const size of [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, 5 * BLOCK_SIZE + 3]) {
  for (const piece of [65_521, 3 * BLOCK_SIZE + 1]) {
    test(`${size} bytes in pieces of ${piece} come to their place`, async () => {
      const content = randomBytes(size);
      const { place, written, file, counted } = placeOf(content);
      await pourEntry({ pour: pourer(content, piece), what: 'it' }, place);
      assert.ok(written().equals(content));
      assert.equal(counted(), size);
      assert.ok(file.subarray(0, 512).every((byte) => byte === 0xee));
      assert.ok(file.subarray(-512).every((byte) => byte === 0xee));
    });
  }
}

for (const size of [1000, 5 * BLOCK_SIZE + 3]) {
  test(`threat 41: ${size} bytes of which one is wrong are refused, under the name of their source`, async () => {
    const content = randomBytes(size);
    const { place } = placeOf(content);
    const wrong = Buffer.from(content);
    wrong[size >> 1] = (wrong[size >> 1] as number) ^ 1;
    await assert.rejects(
      pourEntry({ pour: pourer(wrong, 65_536), what: 'blob of the registry' }, place),
      (error) => isAirgapError(error, 'BLOB_MISMATCH') && /blob of the registry/.test(error.message),
    );
  });

  test(`threat 41: ${size} bytes and one more, or one fewer, are refused; nothing is written beyond the end`, async () => {
    const content = randomBytes(size);
    for (const wrong of [Buffer.concat([content, Buffer.of(1)]), content.subarray(1)]) {
      const { place, file } = placeOf(content);
      await assert.rejects(pourEntry({ pour: pourer(wrong, 65_536), what: 'it' }, place), (error) =>
        isAirgapError(error, 'BLOB_MISMATCH'),
      );
      assert.ok(file.subarray(-512).every((byte) => byte === 0xee));
    }
  });
}

test('a source that fails half-way fails the entry, and its block is free again', async () => {
  const content = randomBytes(2 * BLOCK_SIZE);
  for (let turn = 0; turn < 40; turn++) {
    const { place } = placeOf(content);
    const failing = async (sink: ByteSink): Promise<void> => {
      await putBytes(sink, content.subarray(0, 1000));
      throw new Error('cut');
    };
    await assert.rejects(pourEntry({ pour: failing, what: 'it' }, place), /cut/);
  }
});

test('plain streams are checked as well, checked ones are written as they are', async () => {
  const content = randomBytes(5 * BLOCK_SIZE);
  const plain = placeOf(content);
  await pourEntry(Readable.from([content], { objectMode: false }), plain.place);
  assert.ok(plain.written().equals(content));
  await assert.rejects(
    pourEntry(Readable.from([randomBytes(content.length)], { objectMode: false }), placeOf(content).place),
    (error) => isAirgapError(error, 'BLOB_MISMATCH'),
  );
  const checked = placeOf(content);
  await pourEntry({ checked: Readable.from([content], { objectMode: false }) }, checked.place);
  assert.ok(checked.written().equals(content));
});
