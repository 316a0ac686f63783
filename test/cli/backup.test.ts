import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { buildProgram } from '../../src/cli/program.js';
import { isAirgapError } from '../../src/errors.js';
import { generateIdentity, writeIdentityFile } from '../../src/recovery/archive/age/keys.js';
import { markPath, readMark } from '../../src/recovery/marks.js';
import { temporaryFolder, writeSmall } from '../recovery/archive/helpers.js';

/** Runs airgap in this process and gives what it wrote to stdout. */
async function airgap(cwd: string, ...args: string[]): Promise<string> {
  const stdout = new PassThrough();
  const chunks: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const program = buildProgram(
    {
      env: { PATH: process.env['PATH'] },
      cwd,
      stdin: new PassThrough(),
      stdout,
      now: () => Date.UTC(2026, 10, 21, 12),
      signal: new AbortController().signal,
      emit: () => {},
      confirm: undefined,
      version: '0.0.0',
    },
    () => {},
  );
  await program.parseAsync(args, { from: 'user' });
  return Buffer.concat(chunks).toString();
}

test('threat 131: verify marks a backup that is whole; damage takes the mark away and exits 8', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar.age');
  const identity = generateIdentity();
  await writeIdentityFile(join(folder, 'key'), identity, 'now');
  await writeSmall(path, { kind: 'recipients', recipients: [identity.recipient] });
  const report = JSON.parse(
    await airgap(folder, 'backup', 'verify', path, '--identity', 'key', '-o', 'json'),
  );
  assert.equal(report.ok, true);
  assert.equal((await readMark(path))?.verifiedAt, '2026-11-21T12:00:00.000Z');
  assert.ok(!readFileSync(markPath(path), 'utf8').includes('AGE-SECRET'));
  const listed = JSON.parse(await airgap(folder, 'backup', 'list', '-o', 'json'));
  assert.deepEqual([listed.backups.length, listed.backups[0].state], [1, 'locked']);
  assert.match(await airgap(folder, 'backup', 'inspect', path, '--identity', 'key'), /backend.*\n|runai/);
  await assert.rejects(airgap(folder, 'backup', 'verify', path), (error) =>
    isAirgapError(error, 'BACKUP_KEY'),
  );
  assert.ok(await readMark(path), 'a missing key says nothing about the file');
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 1;
  writeFileSync(path, bytes);
  await assert.rejects(airgap(folder, 'backup', 'verify', path, '--identity', 'key'), (error) => {
    assert.ok(isAirgapError(error, 'BACKUP_INVALID'));
    assert.equal(error.exitStatus, 8);
    return true;
  });
  assert.throws(() => readFileSync(markPath(path)));
});

test('a plain backup says loudly that it is one, and lists what it lacks', async (t) => {
  const folder = await temporaryFolder(t);
  await writeSmall(join(folder, 'b.tar'));
  const text = await airgap(folder, 'backup', 'inspect', 'b.tar');
  assert.match(text, /NOT encrypted/);
  assert.match(text, /Not in this backup\n.*\n +Thanos volume +skipped with --skip metrics/);
  assert.match(text, /backend +database\/backend\.dump +2\.50 kB +1 +12/);
  assert.match(await airgap(folder, 'backup', 'verify', 'b.tar'), /whole/);
  assert.match(await airgap(folder, 'backup', 'list', '.'), /readable +2026-11-21T12:00:00\.000Z/);
});
