import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { demandServer, parseList, type ServerFacts } from '../../src/recovery/database-list.js';
import { demandEnough, productDatabase } from '../../src/recovery/enough.js';
import { allTotals } from '../../src/recovery/totals.js';

const total = (name: string, tables: number, rows: number) => ({ name, tables, rows });
const last = { path: '/b/last.backup', databases: [total('backend', 40, 10_000), total('keycloak', 10, 50)] };

/** The faults of a refusal; none when it is accepted. */
function faultsOf(found: ReturnType<typeof total>[], least: Parameters<typeof demandEnough>[2]): string[] {
  try {
    demandEnough(found, 'backend', least);
    return [];
  } catch (error) {
    assert.ok(isAirgapError(error, 'BACKUP_FAILED'));
    return error.faults.map(({ where, what }) => `${where} ${what}`);
  }
}

describe('threat 124: a wrong, empty or lagging database gives no backup', () => {
  it('the product’s database must be there and hold something', () => {
    assert.deepEqual(faultsOf([total('postgres', 0, 0)], {}), ['backend is not on this server']);
    assert.deepEqual(faultsOf([total('backend', 0, 0)], {}), ['backend is empty: 0 tables, 0 rows']);
    assert.deepEqual(faultsOf([total('backend', 5, 0)], {}), ['backend is empty: 5 tables, 0 rows']);
    assert.deepEqual(faultsOf([total('backend', 1, 1)], {}), []);
  });

  it('it must not hold much less than at the last backup', () => {
    const keycloak = total('keycloak', 10, 50);
    assert.deepEqual(faultsOf([total('backend', 40, 9000), keycloak], { last }), []);
    assert.deepEqual(faultsOf([total('backend', 40, 5000), keycloak], { last }), []);
    assert.deepEqual(faultsOf([total('backend', 40, 4999), keycloak], { last }), [
      'backend lost more than half of its rows',
    ]);
    assert.deepEqual(faultsOf([total('backend', 19, 10_000), keycloak], { last }), [
      'backend lost more than half of its tables',
    ]);
    assert.deepEqual(faultsOf([total('backend', 40, 10_000)], { last }), ['keycloak is gone']);
    // Of so few rows any number may go.
    assert.deepEqual(faultsOf([total('backend', 40, 10_000), total('keycloak', 10, 1)], { last }), []);
  });

  it('only what is smaller can be accepted by the operator', () => {
    const hint = (found: ReturnType<typeof total>[]): string => {
      try {
        demandEnough(found, 'backend', { last });
      } catch (error) {
        if (isAirgapError(error)) return error.hint;
      }
      return '';
    };
    assert.match(hint([total('backend', 40, 10), total('keycloak', 10, 50)]), /--allow-smaller/);
    assert.doesNotMatch(hint([total('backend', 0, 0), total('keycloak', 10, 50)]), /--allow-smaller/);
  });

  it('an answer that lost its end is refused wherever it was cut', () => {
    const whole =
      '{"databases":["backend"],"server":"15.14","number":150014}\npg_dump (PostgreSQL) 15.14\nend-of-answer\n';
    assert.equal(parseList(whole).dumpVersion, '15.14');
    for (let end = 0; end < whole.length; end++)
      assert.throws(
        () => parseList(whole.slice(0, end)),
        (error) => isAirgapError(error, 'BACKUP_FAILED'),
      );
  });

  it('a standby is refused, and a login that may not read all', () => {
    const server: ServerFacts = {
      databases: ['backend'],
      server: '15.14',
      number: 150_014,
      recovery: false,
      superuser: true,
      unreadable: [],
    };
    const place = { dumpVersion: '15.14', place: 'db1:5432' };
    demandServer(server, place);
    for (const [facts, words] of [
      [{ ...server, recovery: true }, /standby/],
      [{ ...server, unreadable: ['grafana.dashboard'] }, /may not read all tables/],
    ] as const)
      assert.throws(
        () => demandServer(facts, place),
        (error) => isAirgapError(error, 'BACKUP_FAILED') && words.test(error.message),
      );
  });

  it('threat 125: a pg_dump older than the server is refused, a newer one taken', () => {
    const server: ServerFacts = {
      databases: [],
      server: '16.2',
      number: 160_002,
      recovery: false,
      superuser: true,
      unreadable: [],
    };
    for (const dumpVersion of ['15.14', '9.6.24', 'nonsense'])
      assert.throws(
        () => demandServer(server, { dumpVersion, place: 'x' }),
        (error) => isAirgapError(error, 'BACKUP_FAILED') && /older than the server/.test(error.message),
      );
    for (const dumpVersion of ['16.0', '16.2', '17.1', '18beta1'])
      demandServer(server, { dumpVersion, place: 'x' });
  });
});

describe('what is counted', () => {
  it('is of dumps, and of databases whose volume was saved', () => {
    const table = (rows: number) => ({ schema: 'public', name: `t${rows}`, rows });
    const dump = { name: 'a', part: 'a.dump', format: 'custom' as const, tables: [table(3), table(4)] };
    const meta = { databases: [total('b', 2, 9)] };
    const volume = { claim: 'c', namespace: 'n', method: 'copy' as const, meta };
    assert.deepEqual(
      allTotals({
        databases: [dump],
        volumes: [
          { ...volume, purpose: 'database' },
          { ...volume, purpose: 'metrics' },
          { ...volume, purpose: 'database', meta: { databases: 'nonsense' } },
        ],
      }),
      [total('a', 2, 7), total('b', 2, 9)],
    );
  });

  it('is compared for the database that the values of each era name', () => {
    const of = (values: unknown): string => productDatabase({ values, external: undefined });
    assert.equal(of({}), 'backend');
    assert.equal(of({ global: { db: { dbName: 'old' } } }), 'old');
    assert.equal(of({ postgresql: { auth: { database: 'middle' } } }), 'middle');
    assert.equal(of({ global: { postgresql: { auth: { database: 'new' } } } }), 'new');
    const external = { host: 'db1', port: 5432, database: 'elsewhere' };
    assert.equal(productDatabase({ values: {}, external }), 'elsewhere');
  });
});
