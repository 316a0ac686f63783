import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/io/atomic.js';
import { checkBytes, checkedStream } from '../../src/io/checked.js';
import { forEachPooled, mapPooled } from '../../src/io/pool.js';
import { runChild } from '../../src/io/process.js';
import { withRetry } from '../../src/io/retry.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-io-'));
after(() => rmSync(folder, { recursive: true }));

test('the pool keeps its width, and results keep their order', async () => {
  let running = 0;
  let most = 0;
  const results = await mapPooled([5, 1, 3, 2, 4], 2, async (item) => {
    running++;
    most = Math.max(most, running);
    await new Promise((done) => setTimeout(done, item));
    running--;
    return item * 10;
  });
  assert.deepEqual(results, [50, 10, 30, 20, 40]);
  assert.equal(most, 2);
});

test('the first failure stops the pool, others are told and awaited', async () => {
  const told: number[] = [];
  const started: number[] = [];
  await assert.rejects(
    forEachPooled([1, 2, 3, 4], 2, async (item, signal) => {
      started.push(item);
      if (item === 1) throw new Error('one');
      await new Promise<void>((done) => signal.addEventListener('abort', () => done()));
      told.push(item);
    }),
    /one/,
  );
  assert.deepEqual(told, [2]);
  assert.deepEqual(started, [1, 2]);
});

const content = Buffer.from('hello world');
const expected = {
  sha256: createHash('sha256').update(content).digest('hex'),
  size: content.length,
  what: 'blob x',
};

async function read(chunks: Buffer[]): Promise<Buffer> {
  const out: Buffer[] = [];
  await pipeline(Readable.from(chunks), checkedStream(expected), async (stream) => {
    for await (const chunk of stream) out.push(chunk as Buffer);
  });
  return Buffer.concat(out);
}

test('a checked stream passes what is right', async () => {
  assert.deepEqual(await read([content.subarray(0, 3), content.subarray(3)]), content);
});

const wrong: readonly [string, Buffer[]][] = [
  ['short', [content.subarray(0, 5)]],
  ['one byte too many', [content, Buffer.from('!')]],
  ['another byte', [Buffer.from('hello worle')]],
  ['empty', []],
];
for (const [name, chunks] of wrong) {
  test(`threat 41: a checked stream refuses: ${name}`, async () => {
    await assert.rejects(read(chunks), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
    assert.throws(
      () => checkBytes(Buffer.concat(chunks), expected),
      (error) => isAirgapError(error, 'BLOB_MISMATCH'),
    );
  });
}

test('an atomic write leaves the whole file, private, and nothing beside it', async () => {
  const path = join(folder, 'state.json');
  await writeFileAtomic(path, '{}');
  assert.equal(readFileSync(path, 'utf8'), '{}');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['state.json']);
});

test('a failing atomic write leaves the old content and no sibling', async () => {
  const path = join(folder, 'state.json');
  await assert.rejects(
    writeFileAtomic(path, async (file) => {
      await file.write('half');
      throw new Error('cut');
    }),
    /cut/,
  );
  assert.equal(readFileSync(path, 'utf8'), '{}');
  assert.deepEqual(readdirSync(folder), ['state.json']);
  await assert.rejects(writeFileAtomic(join(folder, 'none', 'x'), ''), (error) =>
    isAirgapError(error, 'OUTPUT_UNWRITABLE'),
  );
});

test('retry: heals, gives up after fruitless tries, and progress resets the count', async () => {
  let calls = 0;
  const base = { retries: 2, first: 1, heals: () => true, random: () => 0 };
  assert.equal(
    await withRetry(async () => (++calls < 3 ? Promise.reject(new Error('again')) : calls), base),
    3,
  );
  calls = 0;
  await assert.rejects(
    withRetry(async () => Promise.reject(new Error(`try ${++calls}`)), base),
    /try 3/,
  );
  calls = 0;
  let moved = 0;
  const moving = { ...base, progress: () => moved };
  const result = await withRetry(async () => {
    if (++calls === 8) return 'through';
    moved++;
    throw new Error('cut');
  }, moving);
  assert.equal(result, 'through');
});

test('retry: an error that cannot heal is thrown at once; a server may say how long to wait', async () => {
  let calls = 0;
  await assert.rejects(
    withRetry(async () => Promise.reject(new Error(String(++calls))), { retries: 5, heals: () => false }),
    /^Error: 1$/,
  );
  const waits: number[] = [];
  const heals = () => ({ after: 7 });
  let left = 1;
  await withRetry(async () => (left-- > 0 ? Promise.reject(new Error('429')) : 0), {
    retries: 3,
    heals,
    onRetry: (_error, wait) => waits.push(wait),
  });
  assert.deepEqual(waits, [7]);
});

const env = { PATH: process.env['PATH'] };

test('threat 53: a child gets its arguments as they are, and only the environment that it was given', async () => {
  const hostile = ['$(id)', '; rm -rf /', '--set=a,b', "it's", '{{ .Values }}', ''];
  const script = 'console.log(JSON.stringify([process.argv.slice(1), Object.keys(process.env)]))';
  const result = await runChild(process.execPath, ['-e', script, '--', ...hostile], { env: { ONLY: '1' } });
  assert.deepEqual(JSON.parse(result.stdout), [hostile, ['ONLY']]);
});

test('a child that fails is a result; its stderr is redacted; lines are announced as they come', async () => {
  const lines: string[] = [];
  const script = 'console.error("password=hunter22"); console.error("tok-abcdef"); process.exit(3)';
  const result = await runChild(process.execPath, ['-e', script], {
    env,
    secrets: ['tok-abcdef'],
    onLine: (line) => lines.push(line),
  });
  assert.equal(result.exitCode, 3);
  assert.equal(result.stderr, 'password=[redacted]\n[redacted]\n');
  assert.deepEqual(lines, ['password=[redacted]', '[redacted]']);
});

test('a child is bounded in time, and a program that is not there is an error', async () => {
  const slow = await runChild(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { env, timeout: 200 });
  assert.ok(slow.timedOut && slow.duration < 5000);
  await assert.rejects(runChild('/nonexistent/helm', [], { env }), (error) =>
    isAirgapError(error, 'FILE_NOT_FOUND'),
  );
});

test('threat 84: a child runs in its own process group', async () => {
  const result = await runChild('sh', ['-c', 'ps -o pgid= -p $$; echo $$'], { env });
  const [group, pid] = result.stdout.split('\n').map((line) => line.trim());
  assert.equal(group, pid);
});
