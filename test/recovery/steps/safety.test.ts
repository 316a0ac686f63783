import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirgapError } from '../../../src/errors.js';
import { generateIdentity, writeIdentityFile } from '../../../src/recovery/archive/age/keys.js';
import { DUMPED_FROM } from '../../../src/recovery/held-parts.js';
import { markPath, readMark, removeMark } from '../../../src/recovery/marks.js';
import {
  claimsInSafety,
  findSafetyBackup,
  freeSafetyPath,
  safetyBackupsIn,
} from '../../../src/recovery/safety-backup.js';
import { safetyStep } from '../../../src/recovery/steps/safety.js';
import { temporaryFolder, writeSmall } from '../archive/helpers.js';

const IDENTITY = generateIdentity();

/** The step on a folder; `taken` are the files that it made. */
function bench(runFolder: string) {
  const notes: string[] = [];
  const taken: string[] = [];
  const options = {
    env: {},
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
    emit: (event: { type: string; text?: string }) => event.type === 'note' && notes.push(event.text ?? ''),
    signal: new AbortController().signal,
  } as never;
  const find = (folder: string) => findSafetyBackup(folder, options);
  const take = async (folder: string): Promise<string> => {
    const path = await freeSafetyPath(folder);
    await writeSmall(path, { kind: 'recipients', recipients: [IDENTITY.recipient] });
    taken.push(path.slice(folder.length + 1));
    return path;
  };
  const step = safetyStep({ safety: { find, take } });
  const claims = () => claimsInSafety(runFolder, options);
  return { step, notes, taken, claims, context: { runFolder } as never };
}

async function killedAfterItsName(folder: string): Promise<string> {
  await writeIdentityFile(join(folder, 'before-restore-00.key'), generateIdentity(), 'of a first attempt');
  await writeIdentityFile(join(folder, 'before-restore-01.key'), IDENTITY, 'now');
  writeFileSync(join(folder, 'before-restore-02.key'), '# created: n');
  const path = join(folder, 'before-restore.backup');
  const meta = { [DUMPED_FROM]: ['runai-backend/pvc-postgresql'] };
  await writeSmall(path, { kind: 'recipients', recipients: [IDENTITY.recipient] }, {}, meta);
  return path;
}

test('threat 127: killed between the name and the mark of the safety backup, the step is done once it was read', async (t) => {
  const folder = await temporaryFolder(t);
  const path = await killedAfterItsName(folder);
  const { step, context, notes } = bench(folder);
  assert.deepEqual(await step.observe(context), { state: 'done', detail: `verified: ${path}` });
  assert.ok(await readMark(path));
  assert.deepEqual(notes, []);
});

test('threat 127: a safety backup that is damaged, or that no key here opens, is made again beside it', async (t) => {
  for (const break_ of ['damage', 'key'] as const) {
    const folder = await temporaryFolder(t);
    const path = await killedAfterItsName(folder);
    const bytes = readFileSync(path);
    if (break_ === 'damage') {
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      writeFileSync(path, bytes);
    } else writeFileSync(join(folder, 'before-restore-01.key'), '');
    const { step, context, notes, taken } = bench(folder);
    assert.deepEqual(await step.observe(context), { state: 'ready' });
    assert.match(notes.join(), /before-restore\.backup does not count as the safety backup, and stays: /);
    await step.perform(context);
    assert.deepEqual(taken, ['before-restore-2.backup']);
    assert.ok(readFileSync(path).equals(bytes));
    const made = join(folder, 'before-restore-2.backup');
    assert.deepEqual(await step.observe(context), { state: 'done', detail: `verified: ${made}` });
  }
});

test('threat 127: what it holds is read from it with the key beside it; where there is none, nothing is saved', async (t) => {
  const folder = await temporaryFolder(t);
  const { claims } = bench(folder);
  assert.deepEqual(await claims(), new Set());
  await killedAfterItsName(folder);
  for (let attempt = 0; attempt < 2; attempt++)
    assert.deepEqual(await claims(), new Set(['runai-backend/pvc-postgresql']));
  rmSync(join(folder, 'before-restore-01.key'));
  await assert.rejects(
    claims(),
    (error) => isAirgapError(error, 'BACKUP_KEY') && /put its key back/.test(error.hint ?? ''),
  );
});

test('a safety backup that could not be marked was verified all the same', async (t) => {
  const folder = await temporaryFolder(t);
  const { step, context } = bench(folder);
  assert.deepEqual(await step.observe(context), { state: 'ready' });
  await step.perform(context);
  await removeMark(join(folder, 'before-restore.backup'));
  assert.equal((await step.observe(context)).state, 'done');
});

test('the newest of several safety backups comes last', () => {
  const names = ['before-restore-10.backup', 'before-restore-2.backup', 'x.backup', 'before-restore.backup'];
  const mark = markPath('before-restore.backup');
  assert.deepEqual(safetyBackupsIn([...names, mark, 'before-restore.backup.partial']), [
    'before-restore.backup',
    'before-restore-2.backup',
    'before-restore-10.backup',
  ]);
});
