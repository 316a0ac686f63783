import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirgapError } from '../../../../src/errors.js';
import {
  generateIdentity,
  parseIdentityFile,
  recipientOf,
  writeIdentityFile,
} from '../../../../src/recovery/archive/age/keys.js';
import type { Encryption } from '../../../../src/recovery/archive/encryption.js';
import { openBackup } from '../../../../src/recovery/archive/open.js';
import { noise, temporaryFolder, writeSmall } from '../helpers.js';
import { plainOf, sealedBytes } from './seal.js';

const PASSPHRASE = 'twelve blue whales sing';

/** Runs age on a terminal of its own, which is the only place where it takes a passphrase. */
function ageOnTerminal(args: readonly string[], typed: string): number | null {
  const command = ['age', ...args.map((arg) => `'${arg}'`)].join(' ');
  const { status } = spawnSync('script', ['-qec', command, '/dev/null'], { input: typed, stdio: 'pipe' });
  return status;
}

test('threat 138: the real age opens what we wrote for a recipient, and tar lists it', async (t) => {
  const folder = await temporaryFolder(t);
  const [path, key] = [join(folder, 'b.tar.age'), join(folder, 'key.txt')];
  const identity = generateIdentity();
  await writeIdentityFile(key, identity, '2026-11-21T10:00:00Z');
  const { dump } = await writeSmall(path, { kind: 'recipients', recipients: [identity.recipient] });
  const tar = execFileSync('age', ['-d', '-i', key, path], { maxBuffer: 1 << 26 });
  mkdirSync(join(folder, 'out'));
  execFileSync('tar', ['x', '-C', join(folder, 'out')], { input: tar });
  const parts = ['000001', '000002', '000003'].map((name) =>
    readFileSync(join(folder, 'out', 'database/backend.dump', name)),
  );
  assert.ok(Buffer.concat(parts).equals(dump));
  assert.equal(execFileSync('age-keygen', ['-y', key], { encoding: 'utf8' }).trim(), identity.recipient);
});

test('threat 138: we open what the real age wrote, for keys of the real age-keygen', async (t) => {
  const folder = await temporaryFolder(t);
  const [plain, sealed, key] = ['b.tar', 'b.tar.age', 'key.txt'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  execFileSync('age-keygen', ['-o', key], { stdio: 'pipe' });
  const identities = parseIdentityFile(readFileSync(key, 'utf8'), key);
  const recipient = recipientOf(identities[0] as string);
  assert.ok(readFileSync(key, 'utf8').includes(recipient));
  const { finished } = await writeSmall(plain);
  execFileSync('age', ['-r', recipient, '-o', sealed, plain]);
  const backup = await openBackup(sealed, { identities });
  assert.equal(backup.backupId, finished.backupId);
  await backup.close();
});

test('threat 138: plaintexts at the edges of the 64 KiB chunks open both ways', async (t) => {
  const folder = await temporaryFolder(t);
  const key = join(folder, 'key.txt');
  const identity = generateIdentity();
  await writeIdentityFile(key, identity, '2026-11-21T10:00:00Z');
  for (const size of [0, 1, 65535, 65536, 65537, 131072, 200_001]) {
    const bytes = noise(size, 'edge');
    const path = join(folder, `${size}.age`);
    writeFileSync(path, await sealedBytes(bytes, identity.recipient));
    assert.ok(execFileSync('age', ['-d', '-i', key, path], { maxBuffer: 1 << 26 }).equals(bytes), `${size}`);
    execFileSync('age', ['-r', identity.recipient, '-o', `${path}.2`], { input: bytes });
    assert.ok((await plainOf(`${path}.2`, { identities: [identity.secret] })).equals(bytes), `${size}`);
  }
});

test('threat 139: passphrases work both ways with the real age, and a wrong one is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const [ours, theirs, plain, out] = ['ours.age', 'theirs.age', 'b.tar', 'out.tar'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  const encryption: Encryption = { kind: 'passphrase', passphrase: PASSPHRASE };
  const { finished } = await writeSmall(ours, encryption);
  assert.notEqual(ageOnTerminal(['-d', '-o', out, ours], 'another\n'), 0);
  assert.equal(ageOnTerminal(['-d', '-o', out, ours], `${PASSPHRASE}\n`), 0);
  const reopened = await openBackup(out);
  assert.equal(reopened.backupId, finished.backupId);
  await reopened.close();

  const { finished: second } = await writeSmall(plain);
  assert.equal(ageOnTerminal(['-p', '-o', theirs, plain], `${PASSPHRASE}\n${PASSPHRASE}\n`), 0);
  const backup = await openBackup(theirs, { passphrase: PASSPHRASE });
  assert.equal(backup.backupId, second.backupId);
  assert.equal(backup.encryption, 'passphrase');
  await backup.close();
  await assert.rejects(openBackup(theirs, { passphrase: 'another' }), (error) =>
    isAirgapError(error, 'BACKUP_KEY'),
  );
});
