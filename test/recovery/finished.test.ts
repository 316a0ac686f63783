import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { openBackup } from '../../src/recovery/archive/open.js';
import { markPath, readMark } from '../../src/recovery/marks.js';
import { temporaryFolder } from './archive/helpers.js';
import { type FakeSite, startFakeSite } from './support/fake-site.js';

let site: FakeSite;
beforeEach(async () => {
  site = await startFakeSite();
});
afterEach(() => site.close());

/** 255 bytes are the most that a name may have on the usual file systems. */
const NAME_MAX = 255;
const NOBODY = 65_534;

test('threats 133 and 139: a backup that cannot be marked stays with its key, and what lacks is said', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'b.backup');
  // What the mark would be renamed to is there and no file.
  mkdirSync(join(markPath(file), 'x'), { recursive: true });
  const { made, notes, stateRoot } = await site.backup(folder, { file });
  assert.match(notes.join('\n'), /b\.backup is whole, but .*airgap backup verify/s);
  assert.equal(await readMark(file), undefined);
  const keys = readdirSync(join(stateRoot, 'keys')).map((name) => join(stateRoot, 'keys', name));
  assert.deepEqual([made.keyFile], keys);
  const identity =
    readFileSync(keys[0] ?? '', 'utf8')
      .trim()
      .split('\n')
      .at(-1) ?? '';
  await (await openBackup(file, { identities: [identity] })).close();
});

test('threats 133 and 139: a name that leaves no room for the mark is refused before anything is made', async (t) => {
  const folder = await temporaryFolder(t);
  for (const length of [224, 235, NAME_MAX]) {
    const file = join(folder, 'b'.repeat(length));
    await assert.rejects(site.backup(folder, { file }), (error) => {
      assert.ok(isAirgapError(error, 'OUTPUT_UNWRITABLE'), String(error));
      assert.match(String(error.hint), /shorter/);
      return true;
    });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('b')),
      [],
    );
    assert.deepEqual(site.keysIn(folder), []);
  }
  const file = join(folder, 'b'.repeat(223));
  await site.backup(folder, { file });
  assert.ok(await readMark(file));
});

test('threat 133: a folder that can be written to and not read: the backup is finished, and what could not be done is said', {
  skip: process.getuid?.() === 0 ? false : 'SKIPPED: becoming another user needs root',
}, async (t) => {
  const folder = await temporaryFolder(t);
  const box = join(folder, 'box');
  const state = join(folder, 'state');
  for (const path of [box, state]) mkdirSync(path);
  for (const path of [folder, box, state]) chownSync(path, NOBODY, NOBODY);
  chmodSync(box, 0o300);
  const file = join(box, 'b.backup');
  for (const path of [dirname(site.api.kubeconfig), site.api.kubeconfig]) chmodSync(path, 0o755);
  process.seteuid?.(NOBODY);
  const { made, notes } = await site
    .backup(folder, { file }, { retention: { keepLast: 1 } })
    .finally(() => process.seteuid?.(0));
  assert.ok(existsSync(made.keyFile ?? ''));
  assert.deepEqual(readdirSync(box).sort(), ['b.backup', 'b.backup.verified.json']);
  assert.match(notes.join('\n'), /power failure .* take the name .*b\.backup away/);
  assert.match(notes.join('\n'), /no backup beside .*b\.backup was deleted/);
});
