import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BLOCK_SIZE, giveBack, MOST_HELD, startHash, takeBlock } from '../../src/io/hash-thread.js';

async function hashInBlocks(bytes: Buffer): Promise<string> {
  const hash = startHash(bytes.length);
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    const block = takeBlock();
    hash.update(block, bytes.copy(block.bytes, 0, at));
    if (at % (8 * BLOCK_SIZE) === 0) await new Promise(setImmediate);
  }
  return hash.digest();
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

for (const [name, size] of [
  ['nothing', 0],
  ['a byte', 1],
  ['less than goes to the thread', 3 * BLOCK_SIZE + 7],
  ['more bytes than there are blocks', 40 * BLOCK_SIZE + 1],
] as const) {
  test(`the digest of ${name}`, async () => {
    const bytes = randomBytes(size);
    assert.equal(await hashInBlocks(bytes), sha256(bytes));
  });
}

test('hashes that run at once do not mix', async () => {
  const all = Array.from({ length: 6 }, (_, index) => randomBytes((index + 4) * BLOCK_SIZE + index));
  assert.deepEqual(await Promise.all(all.map(hashInBlocks)), all.map(sha256));
});

test('a hash that was dropped leaves nothing that the next one meets', async () => {
  const bytes = randomBytes(5 * BLOCK_SIZE);
  for (let turn = 0; turn < 400; turn++) {
    const dropped = startHash(bytes.length);
    const block = takeBlock();
    dropped.update(block, bytes.copy(block.bytes));
    dropped.drop();
    if (turn % 40 === 0) await new Promise(setImmediate);
  }
  assert.equal(await hashInBlocks(bytes), sha256(bytes));
});

test('blocks given back are used again', () => {
  for (let turn = 0; turn < 10; turn++) {
    const held = Array.from({ length: MOST_HELD }, takeBlock);
    assert.equal(new Set(held.map(({ index }) => index)).size, MOST_HELD);
    held.forEach(giveBack);
  }
});

test('the waiting thread does not keep the program alive', () => {
  const module = fileURLToPath(new URL('../../src/io/hash-thread.ts', import.meta.url));
  const program = `
    import { startHash, takeBlock } from ${JSON.stringify(module)};
    const hash = startHash(64 * 1024 * 1024);
    hash.update(takeBlock(), 1000);
    console.log((await hash.digest()).length);
    startHash(64 * 1024 * 1024).update(takeBlock(), 1000);
  `;
  const ran = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', program],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.deepEqual([ran.status, ran.stdout], [0, '64\n'], ran.stderr);
});
