import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readStatuses } from '../../src/run/status.js';
import { findUnfinished } from '../../src/run/store.js';
import { makeFolder, runOnce } from './support.js';
import { describeWorld, fillWorld, makePlan, makeWorld } from './world.js';

/** Runs as earlier versions left them, kept for ever: `schema-N` of identity.ts, TOOL_SCHEMA. */
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url));
const top = makeFolder('old');
after(() => rmSync(top, { recursive: true, force: true }));

test('threat 140: the record of a run of schema 1 is read', async () => {
  const [status] = await readStatuses(join(FIXTURES, 'schema-1'));
  assert.equal(status?.runId, '20261121T100001Z-01010101');
  assert.equal(status?.state, 'interrupted');
  assert.equal(status?.next?.id, 'delete:ingress');
  assert.deepEqual(
    status?.steps.slice(0, 4).map((step) => step.state),
    ['committed', 'committed', 'committed', 'waiting'],
  );
  assert.equal(status?.safeToWalkAway.answer, false);
});

test('threat 140: a run of schema 1 is gone on with', async () => {
  const state = join(top, 'state');
  cpSync(join(FIXTURES, 'schema-1'), state, { recursive: true });
  const world = makeWorld(join(top, 'site'));
  fillWorld(world);
  for (const name of ['sts-keycloak', 'sts-postgresql']) rmSync(join(world.folder, 'objects', name));
  const { steps } = await runOnce(state, world);
  assert.equal(steps[2]?.outcome, 'earlier');
  assert.equal(steps[3]?.outcome, 'done');
  assert.equal((describeWorld(world)['replicas'] as { count: number }).count, 1);
  assert.equal(await findUnfinished(state, makePlan().clusterUid), undefined);
});
