import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AirgapError } from '../../../src/errors.js';
import { compareDatabase, countBefore } from '../../../src/install/steps/database.js';
import type { Results } from '../../../src/install/steps/types.js';
import { waitStep } from '../../../src/install/steps/wait.js';
import type { DatabaseCount } from '../../../src/run/database-count.js';
import { type Bench, LIMITS, makeBench, object } from '../support/step.js';

const counted = (rows: number, server = '7001'): DatabaseCount => ({
  kind: 'counted',
  server,
  databases: [{ name: 'backend', tables: 4, rows }],
});
const EXTERNAL: DatabaseCount = { kind: 'not-asked', why: 'it is the site’s own, at db.site:5432' };
const REFUSED = new AirgapError('BACKUP_FAILED', 'no known password opens the database', {
  found: 'refused',
});

describe('what the database holds, before and after', () => {
  let bench: Bench;
  let results: Results;
  let says: DatabaseCount | Error;

  beforeEach(async () => {
    bench = await makeBench();
    results = { health: new Map(), revisions: new Map() };
    says = counted(1000);
  });
  afterEach(() => bench.close());

  const work = () => ({
    results,
    limits: LIMITS,
    countRows: async (): Promise<DatabaseCount> => {
      if (says instanceof Error) throw says;
      return says;
    },
  });
  const wait = () =>
    waitStep({ ...work(), client: bench.api.client } as never, {
      kind: 'wait-healthy',
      release: 'runai-backend',
      namespace: 'runai-backend',
    });
  const before = () => countBefore(work(), bench.context);
  const after = () => compareDatabase(work(), bench.context);

  it('both counts are told and kept for the report', async () => {
    await before();
    says = counted(990);
    assert.equal(
      await after(),
      'database: 1 database, 4 tables, 990 rows; before: 1 database, 4 tables, 1000 rows',
    );
    assert.deepEqual(results.database, { before: counted(1000), after: counted(990) });
    assert.deepEqual(bench.notes, []);
  });

  it('threat 118: a control plane that is healthy on an empty database is not done, and the way back is said', async () => {
    bench.api.put(object('ServiceAccount', 'default', 'runai-backend'));
    await before();
    assert.match((await wait().observe(bench.context)).detail ?? '', /before: 1 database/);
    await bench.context.saved.put('backup/begun.json', JSON.stringify({ path: '/safe/before.backup' }));
    for (const lost of [counted(0), counted(7, '7002')]) {
      says = lost;
      await assert.rejects(wait().observe(bench.context), (error: AirgapError) => {
        assert.equal(error.code, 'DATABASE_LOST');
        assert.deepEqual(
          error.faults.map(({ where }) => where),
          ['backend'],
        );
        assert.match(error.hint, /\/safe\/before\.backup.*airgap rollback --run run-1/s);
        return true;
      });
    }
    assert.deepEqual(results.database?.after, counted(7, '7002'), 'the report shows it');
  });

  it('one that answered before and does not now is lost; one that never did is only told', async () => {
    says = REFUSED;
    await before();
    assert.match((await after()) ?? '', /not asked: no known password opens the database: refused/);
    says = counted(1);
    assert.match((await after()) ?? '', /^database: 1 database, 4 tables, 1 rows$/);
    await before();
    says = REFUSED;
    await assert.rejects(after(), { code: 'DATABASE_LOST', found: 'refused' });
    says = new AirgapError('CLUSTER_UNREACHABLE', 'the API server does not answer');
    await assert.rejects(after(), { code: 'CLUSTER_UNREACHABLE' }, 'that says nothing about the database');
  });

  it('a database of the site’s own is said not to have been asked', async () => {
    says = EXTERNAL;
    await before();
    assert.equal(await after(), 'database: not asked: it is the site’s own, at db.site:5432');
    says = counted(5);
    await before();
    says = EXTERNAL;
    assert.match((await after()) ?? '', /not asked: .*; before: 1 database, 4 tables, 5 rows/);
  });

  it('where nothing was before, or nobody can ask, there is nothing to compare', async () => {
    assert.equal(await after(), 'database: 1 database, 4 tables, 1000 rows');
    assert.equal(await compareDatabase({ results }, bench.context), undefined);
    says = counted(2000);
    await before();
    says = counted(900);
    await after();
    assert.match(bench.notes.join(), /database backend has 4 tables, 900 rows.*look at it/);
  });
});
