import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { generateIdentity } from '../../../src/recovery/archive/age/keys.js';
import { openBackup } from '../../../src/recovery/archive/open.js';
import { temporaryFolder, writeSmall } from './helpers.js';

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
