import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeNamed, judgeRoom } from '../../../src/install/checks/backup.js';
import type { BackupSeen } from '../../../src/run/backup-stage.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const SEEN: BackupSeen = {
  path: '/b.backup',
  backupId: 'd'.repeat(64),
  createdAt: '2026-03-01T10:00:00Z',
  clusterUid: 'one',
  size: 1,
  leftOut: [],
  summary: '1 databases with 3 rows, 0 volumes',
};

test('threat 118: a backup that was named is judged before anything is pushed', () => {
  const wanted = { clusterUid: 'one', now: NOW };
  assert.equal(judgeNamed(SEEN, wanted).outcome, 'pass');
  const rows: readonly [Partial<BackupSeen>, RegExp][] = [
    [{ clusterUid: 'two' }, /is of another cluster: two/],
    [{ leftOut: ['metrics', 'database'] }, /without the database/],
    [{ createdAt: '2026-02-28T11:59:59Z' }, /is not recent: made 2026-02-28T11:59:59Z/],
    [{ createdAt: '2026-03-01T12:11:00Z' }, /is not recent/],
  ];
  for (const [more, seen] of rows) {
    const { outcome, code, ...finding } = judgeNamed({ ...SEEN, ...more }, wanted);
    assert.deepEqual([outcome, code], ['fail', 'BACKUP_UNFIT']);
    assert.match(finding.seen, seen);
  }
  assert.equal(judgeNamed({ ...SEEN, leftOut: ['metrics'] }, wanted).outcome, 'pass');
});

test('threat 133: too little room for the backup is told before anything is pushed', () => {
  const need = { bytes: 3e9, parts: ['databases of 2500 MB'] };
  const disk = { name: 'backup', path: '/mnt', inodes: 1e6 };
  assert.equal(judgeRoom(need, { ...disk, free: 3e9 }).outcome, 'pass');
  const { outcome, code, seen, expected, advice } = judgeRoom(need, { ...disk, free: 3e9 - 1 });
  assert.deepEqual([outcome, code], ['fail', 'BACKUP_FAILED']);
  assert.deepEqual(
    [seen, expected, advice],
    [
      '3.0 GB free at /mnt',
      '3.0 GB: databases of 2500 MB, and a fifth',
      'make room at /mnt, or name a folder that has it: --backup-dir',
    ],
  );
});
