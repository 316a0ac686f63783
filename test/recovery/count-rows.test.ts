import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { countRows, countServer } from '../../src/recovery/count-rows.js';
import { PASSWORD, type Postgres, startPostgres, withoutPostgres } from './support/postgres.js';

const signal = new AbortController().signal;

describe('the rows of every database', { skip: withoutPostgres() }, () => {
  let postgres: Postgres;

  before(async () => {
    postgres = await startPostgres();
    postgres.sql('postgres', 'CREATE DATABASE backend');
    postgres.sql('postgres', 'CREATE DATABASE "odd \'name\'"');
    postgres.sql(
      'backend',
      `CREATE TABLE users AS SELECT g FROM generate_series(1, 300) g; CREATE TABLE none (x int);
       CREATE SCHEMA grafana; CREATE TABLE grafana."or g" AS SELECT 1 AS x;
       CREATE TABLE parted (x int) PARTITION BY LIST (x); CREATE TABLE part PARTITION OF parted FOR VALUES IN (1);
       INSERT INTO parted VALUES (1); CREATE VIEW seen AS SELECT * FROM users`,
    );
  });
  after(() => postgres.stop());

  const count = (password = PASSWORD, client: Pick<Postgres['client'], 'exec'> = postgres.client) =>
    countServer({
      client,
      database: {
        target: { namespace: 'runai-backend', pod: 'runai-backend-postgresql-0', container: 'postgresql' },
        ...{ user: 'postgres', password, passwordFrom: 'secret', image: '', pullSecrets: [], claims: [] },
      },
      signal,
    });

  it('tables of all schemas, each row once, and what tells the data directory from another', async () => {
    const counted = await count();
    assert.ok(counted.kind === 'counted');
    assert.match(counted.server, /^\d{15,}$/);
    assert.deepEqual(counted.databases, [
      { name: 'backend', tables: 4, rows: 302 },
      { name: "odd 'name'", tables: 0, rows: 0 },
      { name: 'postgres', tables: 0, rows: 0 },
    ]);
    assert.deepEqual(await count(), counted);
    postgres.sql('backend', 'TRUNCATE users');
    const emptied = await count();
    assert.deepEqual(emptied.kind === 'counted' && emptied.databases[0], {
      ...{ name: 'backend', tables: 4, rows: 2 },
    });
  });

  it('counts that were cut off are an error, not rows that are gone', async () => {
    const cut = (keep: (stdout: string) => string) => async (target: never, io: never) => {
      const ran = await postgres.client.exec(target, io);
      const text = ran.stdout.toString('utf8');
      return text.startsWith('{') ? ran : { ...ran, stdout: Buffer.from(keep(text)) };
    };
    const halves = [
      () => '',
      (text: string) => text.slice(0, 2),
      (text: string) => text.split('\n').slice(0, -2).join('\n'),
    ];
    for (const half of halves) {
      await assert.rejects(count(PASSWORD, { exec: cut(half) as never }), {
        ...{ code: 'BACKUP_FAILED', message: 'the counts of backend did not arrive whole' },
      });
    }
  });

  it('a login that is refused is an error without the password in it', async () => {
    await assert.rejects(count('canary-secret'), (error: Error & { found?: string }) => {
      assert.doesNotMatch(`${error.message} ${error.found}`, /canary/);
      return /password authentication failed/.test(error.found ?? '');
    });
  });
});

describe('which database is asked', () => {
  const client = (...secrets: readonly unknown[]) =>
    ({
      list: async () => secrets,
      get: async () => undefined,
      exec: async () => assert.fail('asked'),
    }) as never;

  it('none where no control plane is, and none of the site’s own', async () => {
    assert.deepEqual(await countRows(client(), signal), {
      ...{ kind: 'not-asked', why: 'no control plane is here' },
    });
    const auth = { host: 'db.site', password: 'canary' };
    const config = { postgresql: { enabled: false }, global: { postgresql: { auth } } };
    const chart = { metadata: { name: 'control-plane', version: '2.20.4' }, values: {} };
    const body = { name: 'runai-backend', version: 1, info: { status: 'deployed' }, config, chart };
    const packed = gzipSync(JSON.stringify(body)).toString('base64');
    const data = { release: Buffer.from(packed).toString('base64') };
    const secret = { metadata: { name: 'sh.helm.release.v1.runai-backend.v1' }, data };
    assert.deepEqual(await countRows(client(secret), signal), {
      ...{ kind: 'not-asked', why: 'it is the site’s own, at db.site:5432' },
    });
  });
});
