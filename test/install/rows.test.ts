import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROWS, type RowName, rowOf } from '../../src/install/rows.js';
import { PREREQUISITES } from '../../src/runai/prerequisites.js';
import { FAULTY_SITES } from './support/faulty-sites.js';

/** Without these there is no report: test/install/preflight.cluster.test.ts makes them fail. */
const ERRORS: readonly RowName[] = ['cluster.reached', 'registry.reached'];
/** Says what was not looked at; test/cli/connected.test.ts shows it. */
const NOTES: readonly RowName[] = ['site'];

test('every row of preflight is made to say its worst on a real node', () => {
  const shown = new Set(FAULTY_SITES.flatMap(({ rows }) => Object.keys(rows)).map(rowOf));
  const missing = Object.keys(ROWS).filter(
    (name) => ![...shown, ...ERRORS, ...NOTES].includes(name as RowName),
  );
  assert.deepEqual(missing, []);
  for (const name of ERRORS) assert.equal(ROWS[name].worst, 'error');
});

test('an id belongs to the most special row', () => {
  assert.equal(rowOf('release.size'), 'release.size');
  assert.equal(rowOf('release.runai-backend'), 'release.*');
  assert.equal(rowOf('release.health.runai-backend'), 'release.health.*');
  assert.equal(rowOf('release.health'), 'release.health.*');
  assert.equal(rowOf('upgrade.claim-missing:pvc-postgresql'), 'upgrade.claim-missing:*');
  assert.equal(rowOf('nothing.of.ours'), undefined);
});

test('every prerequisite of the product has a row that asks for it', () => {
  for (const { id, row } of PREREQUISITES) assert.ok(rowOf(row), `${id}: ${row}`);
});
