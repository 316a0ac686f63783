import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAirgapError } from '../../../src/errors.js';
import { generateIdentity } from '../../../src/recovery/archive/age/keys.js';
import type { Encryption } from '../../../src/recovery/archive/encryption.js';
import { openBackup } from '../../../src/recovery/archive/open.js';
import { createBackupWriter } from '../../../src/recovery/archive/writer.js';
import { listBackups } from '../../../src/recovery/list.js';
import { FACTS, noise, PLAIN, temporaryFolder, writeSmall } from './helpers.js';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const IS_ROOT = process.getuid?.() === 0;
const MIB = 1024 * 1024;

test('threat 131: a writer that is killed leaves no final name, and the next one starts afresh', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar.age');
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, path, 'endless'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(!readdirSync(folder).includes('b.tar.age'));
  assert.ok(statSync(`${path}.partial`).size > MIB);
  assert.equal(statSync(`${path}.partial`).mode & 0o777, 0o600);
  assert.deepEqual(
    (await listBackups(folder)).map(({ state }) => state),
    ['unfinished'],
  );
  await writeSmall(path, PLAIN);
  assert.deepEqual(readdirSync(folder), ['b.tar.age']);
  await (await openBackup(path)).close();
});

test('threat 131: 1 GiB is written and verified in bounded memory', async (t) => {
  const path = join(await temporaryFolder(t), 'b.tar.age');
  const { stdout, status } = spawnSync(process.execPath, ['--import', 'tsx', CHILD, path, 'large'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.equal(status, 0);
  const { ok, written, verified } = JSON.parse(stdout) as { ok: boolean; written: number; verified: number };
  t.diagnostic(`peak ${Math.round(written)} MiB written, ${Math.round(verified)} MiB verified`);
  assert.ok(ok);
  assert.ok(written < 200, `${written} MiB while writing`);
  assert.ok(verified < 200, `${verified} MiB after verifying`);
});

test('threat 133: a full disk ends the backup, says so and leaves nothing', {
  skip: IS_ROOT ? false : 'SKIPPED: mounting a small file system needs root',
}, async (t) => {
  const folder = await temporaryFolder(t);
  const small = join(folder, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
  try {
    const sealed: Encryption = { kind: 'recipients', recipients: [generateIdentity().recipient] };
    for (const encryption of [PLAIN, sealed]) {
      for (const size of [3 * MIB + 900 * 1024, 6 * MIB, 20 * MIB]) {
        await assert.rejects(fill(join(small, 'b.tar'), encryption, size), (error) => {
          assert.ok(isAirgapError(error, 'DISK_FULL'), String(error));
          assert.match(error.message, /was removed/);
          return true;
        });
        assert.deepEqual(readdirSync(small), []);
      }
    }
    await fill(join(small, 'b.tar'), PLAIN, MIB);
    assert.deepEqual(readdirSync(small), ['b.tar']);
  } finally {
    execFileSync('umount', [small]);
  }
});

async function fill(path: string, encryption: Encryption, size: number): Promise<void> {
  const writer = await createBackupWriter(path, { encryption, chunkSize: MIB });
  const block = noise(64 * 1024, 'disk');
  const stream = Readable.from(
    (function* () {
      for (let done = 0; done < size; done += block.length) yield block;
    })(),
    { objectMode: false },
  );
  await writer.addStream('volume.tar', stream, { role: 'volume' });
  // Enough small parts that the last free blocks go to them and to the manifest.
  for (let i = 0; i < 100 && size > 2 * MIB; i++) {
    await writer.addFile(`objects/${i}.json`, noise(4096, `${i}`), { role: 'objects' });
  }
  await writer.finish(FACTS);
}
