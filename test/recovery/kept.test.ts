import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
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

test('what was replaced is named with its safety backup, its key and the way to be rid of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-kept-'));
  try {
    for (const name of ['before-restore.backup', 'before-restore-0a1b2c3d.key', 'journal', 'plan.json'])
      await writeFile(join(folder, name), '');
    assert.deepEqual(await findKept(planOf([safetyStep(), swapStep(['backend'], undefined)]), folder), {
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

test('on an empty cluster nothing was replaced: what the fresh install had made is dropped', async () => {
  const database = { name: 'backend', part: 'database/backend.dump', format: 'custom', tables: [] } as const;
  const kept = await findKept(planOf([swapStep(['backend'], undefined), dropStep(database)]), '/nowhere');
  assert.deepEqual(kept, { databases: [] });
});

test('the command that drops a database quotes any name, for SQL and for the shell', () => {
  assert.equal(
    dropCommand(`it's "odd"`),
    `kubectl -n runai-backend exec -it runai-backend-postgresql-0 -- psql -U postgres -c 'DROP DATABASE "it'\\''s ""odd"""'`,
  );
});
