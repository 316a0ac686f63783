import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepBeforeSwap, readBeforeSwap, readMade } from '../../src/recovery/before-swap.js';
import type { Server } from '../../src/recovery/restore-database.js';
import { dropOldStep } from '../../src/recovery/steps/database.js';
import { swapStep } from '../../src/recovery/steps/swap.js';
import type { RestoreWork } from '../../src/recovery/steps/types.js';
import { type Bench, makeBench, object, runStep } from '../install/support/step.js';
import { PASSWORD, type Postgres, startPostgres, withoutPostgres } from './support/postgres.js';

const skip = withoutPostgres();
if (skip !== undefined) console.error(`SKIPPED: what a real PostgreSQL had before the swap, because ${skip}`);
const NAMESPACE = 'runai-backend';
const MARK = 'airgap restore run-1 of backup b';
const HOUR = 3_600_000;

describe('threat 127: what was there before the swap is dropped only when this run’s install made it', {
  skip: skip ?? false,
  timeout: 600_000,
}, () => {
  let postgres: Postgres;
  let bench: Bench;
  let server: Server;

  before(async () => {
    postgres = await startPostgres();
    server = {
      client: postgres.client,
      target: { namespace: NAMESPACE, pod: 'runai-backend-postgresql-0', container: 'postgresql' },
      user: 'postgres',
      password: PASSWORD,
      signal: new AbortController().signal,
    };
    bench = await makeBench();
    const data = { 'postgres-password': Buffer.from(PASSWORD).toString('base64') };
    bench.api.put(object('Secret', 'runai-backend-postgresql', NAMESPACE, { data }));
    bench.api.put(
      object('Pod', 'runai-backend-postgresql-0', NAMESPACE, {
        spec: { containers: [{ name: 'postgresql' }] },
        status: { phase: 'Running' },
      }),
    );
    // An age of whole seconds is then more than none.
    await sleep(1100);
  });
  after(async () => {
    await bench?.close();
    await postgres?.stop();
  });
  beforeEach(() => {
    for (const name of ['backend', 'backend_airgap_new', 'backend_airgap_old'])
      postgres.sql('postgres', `DROP DATABASE IF EXISTS ${name}`);
    postgres.sql('postgres', 'CREATE DATABASE backend');
    postgres.sql('backend', 'CREATE TABLE of_the_customer AS SELECT 42 AS answer');
    postgres.sql('postgres', 'CREATE DATABASE backend_airgap_new');
    postgres.sql('postgres', `COMMENT ON DATABASE backend_airgap_new IS '${MARK}'`);
  });

  const workOf = (sinceInstall: number | undefined): RestoreWork =>
    ({
      backup: { backupId: 'b' },
      client: { ...bench.api.client, exec: postgres.client.exec },
      values: {},
      random: () => Buffer.alloc(4),
      emit: () => {},
      sinceInstall: () => sinceInstall,
    }) as unknown as RestoreWork;
  const there = (): string =>
    postgres.sql(
      'postgres',
      "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname ~ '^b'",
    );
  const swapped = async (sinceInstall: number | undefined): Promise<RestoreWork> => {
    const work = workOf(sinceInstall);
    assert.equal(await runStep(swapStep(work, ['backend']), bench.context), 'done');
    assert.equal(there(), 'backend,backend_airgap_old');
    return work;
  };

  it('the server tells how long ago initdb was, to any login', async () => {
    postgres.sql('postgres', `CREATE ROLE nobody LOGIN PASSWORD '${PASSWORD}'`);
    const [made, again] = [await readMade(server), await readMade({ ...server, user: 'nobody' })];
    assert.ok(made.age >= 1 && made.age < 300, `${made.age} seconds`);
    assert.equal(again.system, made.system);
    assert.deepEqual(again.oids, made.oids);
    const began = Number(BigInt(made.system) >> 32n);
    assert.ok(Math.abs(Date.now() / 1000 - began) < 300, made.system);
  });

  it('one that came from the install is dropped', async () => {
    const work = await swapped(HOUR);
    assert.equal(await runStep(dropOldStep(work, 'backend'), bench.context), 'done');
    assert.equal(there(), 'backend');
  });

  for (const [what, since] of [
    ['older than the install', 0],
    ['of a run that installed nothing', undefined],
  ] as const)
    it(`one that is ${what} stays with its rows, and the command that drops it is said`, async () => {
      const work = await swapped(since);
      const { state, detail } = await dropOldStep(work, 'backend').observe(bench.context);
      assert.equal(state, 'done');
      assert.match(detail ?? '', /kept: backend_airgap_old .*psql .*DROP DATABASE "backend_airgap_old"/);
      assert.equal(postgres.sql('backend_airgap_old', 'SELECT answer FROM of_the_customer'), '42');
    });

  it('a run that an earlier version began did not look: it stays', async () => {
    const work = await swapped(HOUR);
    const context = { ...bench.context, saved: { ...bench.context.saved, get: async () => undefined } };
    const { state, detail } = await dropOldStep(work, 'backend').observe(context);
    assert.deepEqual([state, /^kept/.test(detail ?? '')], ['done', true]);
  });

  it('another database of that name is left to the operator', async () => {
    const work = await swapped(HOUR);
    postgres.sql('postgres', 'DROP DATABASE backend_airgap_old');
    postgres.sql('postgres', 'CREATE DATABASE backend_airgap_old');
    const { state, detail } = await dropOldStep(work, 'backend').observe(bench.context);
    assert.deepEqual(
      [state, detail],
      ['impossible', 'backend_airgap_old is not what was called backend before the swap'],
    );
  });

  it('a server whose clock was set back counts as one that outlived its cluster', async () => {
    const said = JSON.stringify({ age: -5, system: '1', oids: {} });
    const exec = async () => ({ exitCode: 0, stdout: Buffer.from(said), stderr: '', protocol: '' });
    await keepBeforeSwap(workOf(HOUR), { ...server, client: { exec } }, bench.context);
    assert.equal((await readBeforeSwap(bench.context.saved))?.fresh, false);
  });
});
