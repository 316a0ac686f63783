import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { AirgapError, isAirgapError } from '../../../src/errors.js';
import { generateIdentity } from '../../../src/recovery/archive/age/keys.js';
import type { Encryption } from '../../../src/recovery/archive/encryption.js';
import { openBackup } from '../../../src/recovery/archive/open.js';
import type { BackupFacts } from '../../../src/recovery/archive/types.js';
import { createBackupWriter } from '../../../src/recovery/archive/writer.js';
import { FACTS, noise, PLAIN, pieces, sha256, temporaryFolder, writeSmall } from './helpers.js';

test('a backup that was written is read back, plain, for recipients and with a passphrase', async (t) => {
  const folder = await temporaryFolder(t);
  const { secret, recipient } = generateIdentity();
  const other = generateIdentity();
  const rows = [
    { name: 'plain.tar', encryption: { kind: 'plain' }, unlock: {} },
    {
      name: 'recipients.tar.age',
      encryption: { kind: 'recipients', recipients: [other.recipient, recipient] },
      unlock: { identities: [secret] },
    },
    {
      name: 'passphrase.tar.age',
      encryption: { kind: 'passphrase', passphrase: 'correct horse', workFactor: 10 },
      unlock: { passphrase: 'correct horse' },
    },
  ] as const;
  for (const { name, encryption, unlock } of rows) {
    const path = join(folder, name);
    const { finished, dump, values } = await writeSmall(path, encryption);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(path).size, finished.size);
    for (const key of [unlock, finished.unlock]) {
      const backup = await openBackup(path, key);
      assert.deepEqual(backup.manifest, JSON.parse(JSON.stringify(finished.manifest)));
      assert.equal(backup.backupId, finished.backupId);
      assert.equal(backup.encryption, encryption.kind);
      assert.ok((await backup.read('releases/runai-backend.values.yaml')).equals(values));
      assert.ok((await buffer(backup.stream('database/backend.dump'))).equals(dump));
      assert.equal((await buffer(backup.stream('volumes/empty.tar'))).length, 0);
      assert.deepEqual(backup.part('database/backend.dump')?.chunks?.length, 3);
      await backup.close();
    }
  }
  assert.deepEqual(readdirSync(folder).sort(), ['passphrase.tar.age', 'plain.tar', 'recipients.tar.age']);
});

test('threat 140: the same content makes the same bytes as ever: the format is pinned', async (t) => {
  const folder = await temporaryFolder(t);
  await writeSmall(join(folder, 'a.tar'));
  await writeSmall(join(folder, 'b.tar'), { kind: 'plain' });
  const [a, b] = ['a.tar', 'b.tar'].map((name) => readFileSync(join(folder, name))) as [Buffer, Buffer];
  assert.ok(a.equals(b));
  assert.equal(sha256(a), '4a44f4066ccf9c68b55580ac2887ba5bf5d46ca7c243d6f731e4f049395c384e');
});

test('tar lists and extracts a plain backup, chunks in order', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar');
  const { dump } = await writeSmall(path);
  const names = execFileSync('tar', ['tf', path], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(names, [
    'airgap-backup.txt',
    'releases/runai-backend.values.yaml',
    'database/backend.dump/000001',
    'database/backend.dump/000002',
    'database/backend.dump/000003',
    'volumes/empty.tar/000001',
    'backup.json',
    'backup.end',
  ]);
  execFileSync('tar', ['xf', path, '-C', folder]);
  const joined = names
    .filter((name) => name.startsWith('database/'))
    .map((name) => readFileSync(join(folder, name)));
  assert.ok(Buffer.concat(joined).equals(dump));
});

test('streams of every length around a chunk and a block come back', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar');
  const writer = await createBackupWriter(path, { encryption: PLAIN, chunkSize: 1000 });
  const sizes = [0, 1, 511, 512, 513, 999, 1000, 1001, 1999, 2000, 2001, 5000];
  for (const size of sizes) {
    const bytes = noise(size, `${size}`);
    const written = await writer.addStream(`s/${size}`, pieces(bytes, 300), { role: 'volume' });
    assert.deepEqual(written, { size, sha256: sha256(bytes) });
  }
  await writer.finish(FACTS);
  const backup = await openBackup(path);
  for (const size of sizes) {
    assert.ok((await backup.read(`s/${size}`)).equals(noise(size, `${size}`)), `${size}`);
    assert.equal(backup.part(`s/${size}`)?.chunks?.length, Math.max(1, Math.ceil(size / 1000)));
  }
  await assert.rejects(backup.read('s/6'), (error) => isAirgapError(error, 'BACKUP_INVALID'));
  await backup.close();
});

test('threat 121: a stream that fails leaves nothing, and the writer takes nothing more', async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await createBackupWriter(join(folder, 'b.tar'), { encryption: PLAIN, chunkSize: 1000 });
  const broken = Readable.from(
    (async function* () {
      yield noise(1500, 'x');
      throw new AirgapError('EXEC_BROKEN', 'the stream ended before the command');
    })(),
    { objectMode: false },
  );
  const isBroken = (error: unknown): boolean => isAirgapError(error, 'EXEC_BROKEN');
  await assert.rejects(writer.addStream('database/x.dump', broken, { role: 'database-dump' }), isBroken);
  await assert.rejects(writer.addFile('later', 'x', { role: 'note' }), isBroken);
  await assert.rejects(writer.finish(FACTS), isBroken);
  await writer.abort();
  assert.deepEqual(readdirSync(folder), []);
});

test('a signal ends a stream that says nothing, and nothing is left', async (t) => {
  const folder = await temporaryFolder(t);
  const stop = new AbortController();
  const writer = await createBackupWriter(join(folder, 'b.tar'), { encryption: PLAIN, signal: stop.signal });
  const silent = new Readable({ read() {} });
  const adding = writer.addStream('volume.tar', silent, { role: 'volume' });
  setTimeout(() => stop.abort(new Error('stopped')), 20);
  await assert.rejects(adding);
  assert.ok(silent.destroyed);
  assert.deepEqual(readdirSync(folder), []);
});

test('an output that is there is never touched, and two writers of one output do not meet', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'b.tar');
  const writer = await createBackupWriter(path, { encryption: PLAIN });
  await assert.rejects(createBackupWriter(path, { encryption: PLAIN }), (error) =>
    isAirgapError(error, 'LOCKED'),
  );
  writeFileSync(path, 'precious');
  await assert.rejects(writer.finish(FACTS), (error) => isAirgapError(error, 'OUTPUT_UNWRITABLE'));
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  assert.deepEqual(readdirSync(folder), ['b.tar']);
  await assert.rejects(createBackupWriter(path, { encryption: PLAIN }), (error) =>
    isAirgapError(error, 'OUTPUT_UNWRITABLE'),
  );
});

test('a manifest that does not fit its parts is refused when it is written', async (t) => {
  const folder = await temporaryFolder(t);
  const rows: readonly Partial<BackupFacts>[] = [
    { databases: [{ name: 'a', part: 'database/none', format: 'custom', tables: [] }] },
    { volumes: [{ claim: 'c', namespace: 'n', purpose: 'metrics', method: 'copy' }] },
    { createdAt: 'yesterday' },
    { meta: { share: 0.5 } },
  ];
  for (const facts of rows) {
    const writer = await createBackupWriter(join(folder, 'b.tar'), { encryption: PLAIN });
    await assert.rejects(writer.finish({ ...FACTS, ...facts }), (error) =>
      isAirgapError(error, 'BACKUP_INVALID'),
    );
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('a recipient that is none is refused before anything is written', async (t) => {
  const folder = await temporaryFolder(t);
  const recipients = [generateIdentity().recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'))];
  const rows: readonly Encryption[] = [
    { kind: 'recipients', recipients },
    { kind: 'recipients', recipients: [] },
    { kind: 'recipients', recipients: [generateIdentity().recipient], identity: generateIdentity().secret },
  ];
  for (const encryption of rows) {
    await assert.rejects(createBackupWriter(join(folder, 'b.tar.age'), { encryption }), (error) =>
      isAirgapError(error, 'BACKUP_KEY'),
    );
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('a place below something that is no folder is a place that cannot be written', async () => {
  await assert.rejects(createBackupWriter('/dev/null/x.backup', { encryption: { kind: 'plain' } }), (error) =>
    isAirgapError(error, 'OUTPUT_UNWRITABLE'),
  );
});
