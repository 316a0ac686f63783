import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { TableFacts } from '../../src/recovery/archive/types.js';
import { createBackupWriter } from '../../src/recovery/archive/writer.js';
import { parseDumpHeader } from '../../src/recovery/dump-header.js';
import type { VerifyBackupReport } from '../../src/recovery/types.js';
import { requireBackupOk, verifyBackupFile } from '../../src/recovery/verify.js';
import { formatBackupVerify } from '../../src/term/backup.js';
import { FACTS, noise, PLAIN, pieces, temporaryFolder } from './archive/helpers.js';
import { customDump } from './dump.js';

const PG_RESTORE = spawnSync('pg_restore', ['--version']).status === 0;
const PROJECTS: TableFacts = { schema: 'public', name: 'projects', rows: 3 };
const ODD: TableFacts = { schema: 'my schema', name: 'odd name', rows: 1 };

async function verifyDump(
  t: TestContext,
  dump: Buffer,
  tables: readonly TableFacts[],
  path = process.env['PATH'],
): Promise<VerifyBackupReport> {
  const file = join(await temporaryFolder(t), 'b.tar');
  const writer = await createBackupWriter(file, { encryption: PLAIN });
  await writer.addStream('database/backend.dump', pieces(dump, 50_000), { role: 'database-dump' });
  await writer.finish({
    ...FACTS,
    databases: [{ name: 'backend', part: 'database/backend.dump', format: 'custom', tables }],
  });
  return verifyBackupFile(file, { env: { PATH: path } });
}

test('threat 131: pg_restore lists the dumps, and a table without data is found', {
  skip: PG_RESTORE ? false : 'SKIPPED: no pg_restore on PATH',
}, async (t) => {
  const dump = customDump([PROJECTS, ODD]);
  const good = await verifyDump(t, dump, [PROJECTS, ODD, { schema: 'public', name: 'empty', rows: 0 }]);
  assert.deepEqual(good.faults, []);
  assert.equal(good.structure[0]?.state, 'listed');
  assert.match(good.structure[0]?.detail ?? '', /^2 entries/);
  const lacking = await verifyDump(t, dump, [PROJECTS, { schema: 'grafana', name: 'dashboard', rows: 9 }]);
  assert.equal(lacking.ok, false);
  assert.match(lacking.structure[0]?.detail ?? '', /grafana\.dashboard/);
  assert.throws(
    () => requireBackupOk(lacking),
    (error) => isAirgapError(error, 'BACKUP_INVALID'),
  );
  const long = await verifyDump(t, customDump([PROJECTS], { data: noise(20_000_000, 'data') }), [PROJECTS]);
  assert.equal(long.structure[0]?.state, 'listed');
  const cut = await verifyDump(t, dump.subarray(0, 150), [PROJECTS]);
  assert.equal(cut.structure[0]?.state, 'damaged');
});

test('threat 131: without pg_restore the dump is read to its end all the same, and the report says so', async (t) => {
  const report = await verifyDump(t, customDump([PROJECTS]), [PROJECTS], await temporaryFolder(t));
  assert.ok(report.ok);
  assert.equal(report.structure[0]?.state, 'walked');
  assert.match(
    report.structure[0]?.detail ?? '',
    /all 1 entries and 1 blocks of data read.*pg_restore --list did not run: there is none/,
  );
  assert.match(formatBackupVerify(report), /read to its end by airgap alone/);
  assert.match(report.structure[0]?.detail ?? '', /format 1\.14\.0, pg_dump 15\.18, server 15\.18/);
  const text = await verifyDump(t, Buffer.from('-- SQL\n'), [], await temporaryFolder(t));
  assert.equal(text.ok, false);
});

test('threat 125: a pg_restore that is older than the dump is no fault of the dump', async (t) => {
  const folder = await temporaryFolder(t);
  const fake = join(folder, 'pg_restore');
  writeFileSync(
    fake,
    '#!/bin/sh\necho "pg_restore: error: unsupported version (1.16) in file header" >&2\nexit 1\n',
  );
  chmodSync(fake, 0o755);
  const report = await verifyDump(t, customDump([PROJECTS]), [PROJECTS], folder);
  assert.ok(report.ok);
  assert.match(report.structure[0]?.detail ?? '', /older than the dump/);
});

test('a dump header that is cut anywhere is no header, and none makes the reader fall', () => {
  const whole = customDump([PROJECTS]);
  const header = parseDumpHeader(whole);
  assert.deepEqual(header, {
    version: '1.14.0',
    database: 'backend',
    serverVersion: '15.18',
    dumpVersion: '15.18',
    layout: { minor: 14, offsetSize: 8, entries: 1, length: 88 },
  });
  for (let length = 0; length < 80; length++) {
    assert.equal(typeof parseDumpHeader(whole.subarray(0, length)), 'string', `${length}`);
  }
});
