import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { generateIdentity } from '../../src/recovery/archive/age/keys.js';
import { openBackup } from '../../src/recovery/archive/open.js';
import { inspectBackup } from '../../src/recovery/inspect.js';
import { keptOf, listBackups } from '../../src/recovery/list.js';
import { markPath, readMark, removeMark, writeMark } from '../../src/recovery/marks.js';
import { formatBackup } from '../../src/term/backup.js';
import { FACTS, PLAIN, temporaryFolder, writeSmall } from './archive/helpers.js';

const MARK = {
  verifiedAt: '2026-11-21T11:00:00.000Z',
  createdAt: FACTS.createdAt,
  clusterUid: FACTS.clusterUid,
  backupId: 'a'.repeat(64),
};

test('threat 131: incomplete and damaged backups are never listed as backups', async (t) => {
  const folder = await temporaryFolder(t);
  const path = (name: string): string => join(folder, name);
  const { secret, recipient } = generateIdentity();
  await writeSmall(path('good.tar'));
  await writeSmall(path('sealed.tar.age'), { kind: 'recipients', recipients: [recipient] });
  await writeSmall(path('cut.tar'));
  truncateSync(path('cut.tar'), statSync(path('cut.tar')).size - 512);
  writeFileSync(path('killed.tar.partial'), readFileSync(path('good.tar')).subarray(0, 3000));
  writeFileSync(path('badhead.tar.age'), 'age-encryption.org/v1\n-> nonsense');
  writeFileSync(path('notes.txt'), 'nothing of ours');
  writeFileSync(path('empty.tar'), '');
  mkdirSync(path('folder.tar'));
  const states = async (keys = {}): Promise<[string, string][]> =>
    (await listBackups(folder, keys))
      .map(({ path: file, state }): [string, string] => [file.slice(folder.length + 1), state])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(await states(), [
    ['badhead.tar.age', 'damaged'],
    ['cut.tar', 'damaged'],
    ['good.tar', 'readable'],
    ['killed.tar.partial', 'unfinished'],
    ['sealed.tar.age', 'locked'],
  ]);
  const opened = await listBackups(folder, { identities: [secret] });
  assert.equal(
    opened.find(({ path: file }) => file.endsWith('.age') && file.includes('sealed'))?.state,
    'readable',
  );
  assert.deepEqual(
    keptOf(opened).map(({ isVerified }) => isVerified),
    [false, false],
  );
  await assert.rejects(listBackups(path('nowhere')), (error) => isAirgapError(error, 'FILE_NOT_FOUND'));
});

test('a mark belongs to one file and goes with it; a locked backup shows what its mark says', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar.age');
  await writeSmall(path, { kind: 'recipients', recipients: [generateIdentity().recipient] });
  assert.equal(await readMark(path), undefined);
  await writeMark(path, MARK);
  assert.equal((await readMark(path))?.verifiedAt, MARK.verifiedAt);
  const [listed] = await listBackups(folder);
  assert.deepEqual(
    [listed?.state, listed?.createdAt, listed?.verifiedAt],
    ['locked', FACTS.createdAt, MARK.verifiedAt],
  );
  assert.deepEqual(keptOf([listed as NonNullable<typeof listed>])[0]?.isVerified, true);
  appendFileSync(path, 'x');
  assert.equal(await readMark(path), undefined);
  await removeMark(path);
  writeFileSync(markPath(path), '{"schemaVersion":1');
  assert.equal(await readMark(path), undefined);
});

test('inspect shows databases with rows, versions and what is missing', async (t) => {
  const path = join(await temporaryFolder(t), 'b.tar');
  await writeSmall(path, PLAIN);
  const backup = await openBackup(path);
  const report = await inspectBackup(backup);
  await backup.close();
  assert.deepEqual(
    report.databases.map(({ name, rows, size }) => ({ name, rows, size })),
    [{ name: 'backend', rows: 12, size: 2500 }],
  );
  assert.deepEqual(report.skipped, FACTS.skipped);
  assert.equal(report.product.controlPlane, '2.13.66');
  assert.equal(report.verifiedAt, undefined);
  assert.deepEqual(
    report.parts.map(({ path: part, chunks }) => [part, chunks]),
    [
      ['airgap-backup.txt', 1],
      ['releases/runai-backend.values.yaml', 1],
      ['database/backend.dump', 3],
      ['volumes/empty.tar', 1],
    ],
  );
  const site = { domain: 'runai.test', kubernetes: 'v1.33.13', platform: 'kubernetes' };
  const text = formatBackup({ ...report, site });
  assert.match(text, /^ {2}site {7}runai\.test, on kubernetes v1\.33\.13$/m);
  assert.match(text, /^ {2}needs the bundle of runai 2\.13\.66/m);
  assert.ok(text.includes(`\n  $ airgap restore ${path} --bundle BUNDLE --dry-run\n`), text);
  const sealed = formatBackup({ ...report, encryption: 'recipients' });
  assert.match(sealed, /--identity KEYFILE --drill$/m);
});
