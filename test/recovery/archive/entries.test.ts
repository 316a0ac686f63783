import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathFault } from '../../../src/bundle/path.js';
import { decodeEnd, encodeEnd, PART_PATH_LIMIT } from '../../../src/recovery/archive/entries.js';
import { parseBackupManifest, serializeManifest } from '../../../src/recovery/archive/manifest.js';
import { partPath } from '../../../src/recovery/archive/path.js';
import type { BackupManifest, Part } from '../../../src/recovery/archive/types.js';
import { FACTS, sha256 } from './helpers.js';

const HASH = sha256(Buffer.alloc(0));
const README: Part = { path: 'airgap-backup.txt', role: 'readme', size: 0, sha256: HASH };
const MANIFEST: BackupManifest = { schemaVersion: 1, kind: 'airgap-backup', ...FACTS, parts: [README] };

test('threat 131: the end has one form for each place and size', () => {
  const place = { offset: 5 * 512, size: 700, sha256: HASH };
  const tarSize = 5 * 512 + 1024 + 2048;
  const end = encodeEnd(place);
  assert.equal(end.length, 2048);
  assert.deepEqual(decodeEnd(end, tarSize), place);
  for (const size of [tarSize - 512, tarSize + 512]) assert.equal(decodeEnd(end, size), undefined);
  for (let at = 0; at < end.length; at++) {
    const changed = Buffer.from(end);
    changed[at] = (changed[at] as number) ^ 1;
    const found = decodeEnd(changed, tarSize);
    assert.ok(found === undefined || found.sha256 !== HASH || found.size !== place.size, `byte ${at}`);
  }
});

test('any names of a site make paths that an archive can hold, different ones for different names', () => {
  const name = fc.oneof(
    fc.string({ maxLength: 120 }),
    fc.constantFrom('system:node', 'CON', '.hidden', 'a.', 'x/y', ''),
  );
  fc.assert(
    fc.property(
      fc.array(name, { minLength: 1, maxLength: 4 }),
      fc.array(name, { minLength: 1, maxLength: 4 }),
      (a, b) => {
        const [one, other] = [partPath('objects', ...a), partPath('objects', ...b)];
        assert.equal(pathFault(one), undefined, one);
        assert.ok(one.length <= PART_PATH_LIMIT);
        if (JSON.stringify(a) !== JSON.stringify(b)) assert.notEqual(one, other);
      },
    ),
    { numRuns: 3000 },
  );
  assert.equal(partPath('objects', 'runai', 'secret.json'), 'objects/runai/secret.json');
});

test('a manifest has one form; others, newer formats and parts that cannot be are refused', () => {
  const bytes = serializeManifest(MANIFEST);
  assert.deepEqual(parseBackupManifest(bytes), JSON.parse(bytes.toString()));
  const refused = (value: string | Buffer, pattern: RegExp): void => {
    assert.throws(
      () => parseBackupManifest(Buffer.from(value)),
      (error: Error & { faults?: unknown }) =>
        pattern.test(`${error.message} ${JSON.stringify(error.faults)}`),
    );
  };
  refused(JSON.stringify(MANIFEST), /canonical/);
  refused(`${bytes} `, /canonical/);
  refused(bytes.toString().replace('"schemaVersion": 1', '"schemaVersion": 2'), /does not read/);
  refused(bytes.toString().replace('"kind"', '"kind": "airgap-backup",\n "kind"'), /twice/);
  const withParts = (...parts: Part[]): BackupManifest => ({ ...MANIFEST, parts });
  const rows: readonly [BackupManifest, RegExp][] = [
    [withParts(), /airgap-backup\.txt/],
    [withParts(README, README), /twice/],
    [withParts(README, { ...README, path: 'backup.json' }), /reserved/],
    [withParts(README, { ...README, path: '../x' }), /may hold/],
    [withParts(README, { ...README, path: 'a', chunkSize: 10 }), /alone/],
    [
      withParts(README, { ...README, path: 'a', size: 11, chunkSize: 10, chunks: [HASH] }),
      /number of chunks/,
    ],
    [withParts(README, { ...README, path: 'a', chunkSize: 10, chunks: ['0'.repeat(64)] }), /last chunk/],
    [withParts(README, { ...README, path: 'a' }, { ...README, path: 'a/b' }), /folder/],
    [withParts(README, { ...README, path: `x${'y'.repeat(95)}` }), /longer than/],
  ];
  for (const [manifest, pattern] of rows) refused(`${JSON.stringify(manifest, null, 1)}\n`, pattern);
});
