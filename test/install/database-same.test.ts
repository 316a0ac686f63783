import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseLosses, databaseShrinkages } from '../../src/install/database-same.js';

const count = (server: string, ...databases: readonly (readonly [string, number, number])[]) => ({
  kind: 'counted' as const,
  server,
  databases: databases.map(([name, tables, rows]) => ({ name, tables, rows })),
});
const lost = (before: ReturnType<typeof count>, after: ReturnType<typeof count>): string[] =>
  databaseLosses(before, after).map(({ where, what, found }) => `${where} ${what} (${found})`);

const BEFORE = count('7001', ['backend', 40, 5000], ['keycloak', 90, 800], ['postgres', 0, 0]);

test('a migration may add and take away tables and rows', () => {
  assert.deepEqual(lost(BEFORE, BEFORE), []);
  const after = count(
    '7001',
    ['backend', 47, 4990],
    ['keycloak', 88, 811],
    ['new', 1, 1],
    ['postgres', 0, 0],
  );
  assert.deepEqual(lost(BEFORE, after), []);
});

test('threat 118: a database that is gone, or that has nothing left, is lost', () => {
  assert.deepEqual(lost(BEFORE, count('7001', ['backend', 40, 0], ['postgres', 0, 0])), [
    'backend had rows and has none now (40 tables, 0 rows)',
    'keycloak is gone (no such database)',
  ]);
  assert.deepEqual(lost(count('7001', ['empty', 3, 0]), count('7001', ['empty', 3, 0])), [], 'as before');
});

test('a product that began anew on an empty volume has tables and first users, and is found out all the same', () => {
  const anew = count('7002', ['backend', 47, 60], ['keycloak', 90, 800], ['postgres', 0, 0]);
  assert.deepEqual(lost(BEFORE, anew), [
    'backend lies in another data directory, and lacks rows (47 tables, 60 rows)',
  ]);
  const moved = count('7002', ['backend', 47, 5000], ['keycloak', 90, 800], ['postgres', 0, 0]);
  assert.deepEqual(lost(BEFORE, moved), [], 'somebody moved all of it');
});

test('much less than before, on the same server, is told', () => {
  const after = count('7001', ['backend', 40, 2499], ['keycloak', 90, 400]);
  assert.deepEqual(databaseShrinkages(BEFORE, after), [
    'database backend has 40 tables, 2499 rows; before the upgrade it had 40 tables, 5000 rows',
  ]);
});
