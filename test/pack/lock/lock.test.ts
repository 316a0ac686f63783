import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareLocks, formatChange, requireSame } from '../../../src/pack/lock/compare.js';
import { lockPath, readLock, writeLock } from '../../../src/pack/lock/file.js';
import { formatLock } from '../../../src/pack/lock/format.js';
import { parseLock } from '../../../src/pack/lock/parse.js';
import type { Lock } from '../../../src/pack/lock/types.js';
import { failure } from '../support/failure.js';
import { folderOf } from '../support/folder.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const LOCK: Lock = {
  product: 'runai',
  version: '2.20',
  platforms: ['linux/amd64'],
  charts: [
    { role: 'cluster', release: 'r', name: 'n', version: '1.0.0', origin: './c.tgz', sha256: 'a'.repeat(64) },
  ],
  crds: [{ origin: './crds.yaml', sha256: 'b'.repeat(64) }],
  tools: [],
  images: [
    { source: 'b.io/x:1', target: 'x:1', digest: digest('2'), platforms: ['linux/amd64'] },
    { source: 'a.io/y:1', target: 'y:1', digest: digest('1'), carried: digest('3'), platforms: [] },
  ],
};

test('a lock that is written is read as the same lock, images by name', () => {
  const read = parseLock(formatLock(LOCK), 'x');
  assert.deepEqual(read, { ...read, ...LOCK, images: [...LOCK.images].reverse() });
  assert.equal(read.version, '2.20');
});

test('the same facts give the same text, in whatever order images come', () => {
  assert.equal(formatLock(LOCK), formatLock({ ...LOCK, images: [...LOCK.images].reverse() }));
});

test('what changed is told by name', () => {
  const [first, second] = LOCK.images;
  assert.ok(first && second);
  const after: Lock = {
    ...LOCK,
    charts: [{ ...(LOCK.charts[0] as Lock['charts'][number]), sha256: 'c'.repeat(64) }],
    images: [
      { ...first, digest: digest('9') },
      { ...first, source: 'new.io/z:1' },
    ],
  };
  const changes = compareLocks(LOCK, after);
  assert.deepEqual(
    changes.map(({ what, subject }) => `${what} ${subject}`),
    [
      'changed chart r (./c.tgz)',
      'changed image b.io/x:1',
      'added image new.io/z:1',
      'removed image a.io/y:1',
    ],
  );
  assert.match(formatChange(changes[1] as (typeof changes)[number]), /sha256:2+ as x:1 -> sha256:9+ as x:1/);
  assert.deepEqual(compareLocks(LOCK, LOCK), []);
});

test('with --locked every difference is refused, all in one', async () => {
  const { error, text } = await failure('LOCK_STALE', () =>
    requireSame(LOCK, { ...LOCK, crds: [], platforms: ['linux/arm64'] }, 'l'),
  );
  assert.equal(error.exitStatus, 3);
  assert.equal(error.faults.length, 2, text);
});

for (const [name, text] of [
  ['another kind', formatLock(LOCK).replace('kind: Lock', 'kind: Bundle')],
  ['a digest that is none', formatLock(LOCK).replaceAll(digest('2'), 'sha256:short')],
  ['nothing', ''],
] as const) {
  test(`what is no lock is refused: ${name}`, async () => {
    await failure('LOCK_STALE', () => parseLock(text, 'x.lock.yaml'));
  });
}

test('the lock lies beside the spec, is readable by all, and is not touched when it says the same', async (t) => {
  assert.equal(lockPath('a/runai.yaml'), 'a/runai.lock.yaml');
  assert.equal(lockPath('a/runai.YML'), 'a/runai.lock.yaml');
  const path = join(folderOf(t), 'x.lock.yaml');
  assert.equal(await readLock(path), undefined);
  await writeLock(path, LOCK);
  const before = statSync(path);
  assert.equal(before.mode & 0o777, 0o644);
  await writeLock(path, LOCK);
  assert.equal(statSync(path).ino, before.ino);
  assert.equal(readFileSync(path, 'utf8'), formatLock(LOCK));
});
