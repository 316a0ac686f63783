import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BeforeSwap } from '../../src/recovery/before-swap.js';
import { findKept } from '../../src/recovery/kept.js';
import { dropCommand } from '../../src/recovery/old-left.js';
import { dropStep, safetyStep, swapStep } from '../../src/recovery/plan-steps.js';
import type { Plan } from '../../src/run/types.js';

const planOf = (steps: Plan['steps']): Plan => ({
  kind: 'restore',
  title: 'restore',
  bundleId: 'b',
  clusterUid: 'u',
  steps,
});

const BEFORE: BeforeSwap = { age: 9, system: '1', oids: { backend: '16384' }, fresh: false };

test('what was replaced is named with its safety backup, its key and the way to be rid of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-kept-'));
  try {
    for (const name of ['before-restore.backup', 'before-restore-0a1b2c3d.key', 'journal', 'plan.json'])
      await writeFile(join(folder, name), '');
    const plan = planOf([safetyStep(), swapStep(['backend', 'not there before'], undefined)]);
    assert.deepEqual(await findKept({ plan, runFolder: folder, before: BEFORE, server: undefined }), {
      safetyBackup: {
        path: join(folder, 'before-restore.backup'),
        keyFiles: [join(folder, 'before-restore-0a1b2c3d.key')],
      },
      databases: [{ name: 'backend', old: 'backend_airgap_old', drop: dropCommand('backend_airgap_old') }],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('on an empty cluster what the fresh install had made is dropped; what outlived the cluster is not', async () => {
  const database = { name: 'backend', part: 'database/backend.dump', format: 'custom', tables: [] } as const;
  const plan = planOf([swapStep(['backend'], undefined), dropStep(database)]);
  const namesOf = async (before: BeforeSwap | undefined): Promise<string[]> =>
    (await findKept({ plan, runFolder: '/nowhere', before, server: undefined })).databases.map(
      ({ old }) => old,
    );
  assert.deepEqual(await namesOf({ ...BEFORE, fresh: true }), []);
  assert.deepEqual(await namesOf(BEFORE), ['backend_airgap_old']);
  assert.deepEqual(await namesOf(undefined), ['backend_airgap_old']);
  assert.deepEqual(await namesOf({ ...BEFORE, oids: {} }), []);
});

test('the command that drops a database quotes any name, for SQL and for the shell', () => {
  assert.equal(
    dropCommand(`it's "odd"`),
    `kubectl -n runai-backend exec -it runai-backend-postgresql-0 -- psql -U postgres -c 'DROP DATABASE "it'\\''s ""odd"""'`,
  );
});
