import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { type AirgapError, isAirgapError } from '../../src/errors.js';
import type { Connection } from '../../src/kube/client.js';
import type { KubeObject } from '../../src/kube/types.js';
import type { OpenBackup } from '../../src/recovery/archive/open.js';
import { contentMeta, factLines, parseContent } from '../../src/recovery/dump-report.js';
import { DUMP_SCRIPT, GLOBALS_SCRIPT } from '../../src/recovery/dump-script.js';
import { bashCall, execStream } from '../../src/recovery/exec-stream.js';
import { externalServer } from '../../src/recovery/external-server.js';
import { restoreExecutors } from '../../src/recovery/steps/index.js';
import type { RestoreWork } from '../../src/recovery/steps/types.js';
import type { PlanStep } from '../../src/run/types.js';
import { type Bench, makeBench } from '../install/support/step.js';
import { PASSWORD, type Postgres, startPostgres, withoutPostgres } from './support/postgres.js';

const skip = withoutPostgres();
if (skip !== undefined) console.error(`SKIPPED: restores into a server of the customer’s, because ${skip}`);

describe('a restore on a server that others use too', { skip: skip ?? false, timeout: 600_000 }, () => {
  let postgres: Postgres;
  let bench: Bench;
  let work: RestoreWork;
  let pods = 0;
  let made = 0;
  let read = 0;
  const databases = (): string =>
    postgres.sql(
      'postgres',
      "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
    );
  const rows = (database: string): string =>
    postgres.sql(database, "SELECT md5(string_agg(j::text, ',' ORDER BY id)) FROM jobs j");

  /** What a pod of ours would be told, without a pod. */
  async function dump(script: string, args: readonly string[]): Promise<{ bytes: Buffer; report: string }> {
    const { command, input } = bashCall({ script, args: ['postgres', ...args], lines: [PASSWORD] });
    const target = { namespace: 'n', pod: 'p', container: 'c', command };
    const { taken, report } = await execStream(
      { client: postgres.client, target, input, signal: bench.context.signal },
      async (stdout) => Buffer.concat(await stdout.toArray()),
    );
    return { bytes: taken, report };
  }

  const step = async (id: string, action: object): Promise<void> => {
    const shown = { id, title: id, destructive: false, saves: [], doneWhen: '' };
    const executors = restoreExecutors(work, () => assert.fail());
    const executor = executors({ ...shown, input: { restore: action } } as PlanStep);
    await executor.save?.(bench.context);
    await executor.perform(bench.context);
    assert.equal((await executor.observe(bench.context)).state, 'done', id);
  };
  const access = (): Promise<void> => step('database:access', { kind: 'external-access' });
  const refusal = async (): Promise<AirgapError> =>
    access().then(
      () => assert.fail('it was let in'),
      (error: unknown) => {
        assert.ok(isAirgapError(error, 'RESTORE_REFUSED'), String(error));
        return error;
      },
    );

  before(async () => {
    postgres = await startPostgres();
    bench = await makeBench();
    fill(postgres);
    const port = Number(postgres.sql('postgres', 'SHOW port'));
    const values = {
      postgresql: { enabled: false },
      global: { postgresql: { auth: { host: '127.0.0.1', port, username: 'backend', password: 'its-own' } } },
    };
    const { bytes, report } = await dump(DUMP_SCRIPT, ['backend']);
    const globals = (await dump(GLOBALS_SCRIPT, ['postgres', ''])).bytes;
    const content = parseContent(factLines(report));
    const part = (path: string, role: string, body: Buffer, meta?: object) => ({
      path,
      role,
      size: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      ...(meta ? { meta } : {}),
    });
    const bodies: Record<string, Buffer> = {
      'database/backend.dump': bytes,
      'database/globals.sql': globals,
      'database/backend.settings.json': Buffer.from(JSON.stringify(content.settings)),
    };
    const roles = ['database-dump', 'database-globals', 'database-settings'];
    const parts = Object.entries(bodies).map(([path, body], index) =>
      part(path, roles[index] ?? '', body, { database: 'backend' }),
    );
    const facts = {
      name: 'backend',
      part: 'database/backend.dump',
      format: 'custom',
      serverVersion: content.serverVersion,
      dumpVersion: '15.1',
      tables: content.tables.map(({ schema, name, rows: count }) => ({ schema, name, rows: count })),
      meta: contentMeta(content),
    };
    const backup = {
      backupId: 'b'.repeat(64),
      manifest: { databases: [facts], parts },
      part: (path: string) => parts.find((each) => each.path === path),
      read: async (path: string) => bodies[path],
      stream: (path: string) => {
        read++;
        return Readable.from([bodies[path]]);
      },
    } as unknown as OpenBackup;
    const client = {
      ...bench.api.client,
      exec: postgres.client.exec,
      create: async (object: KubeObject) => {
        const created = await bench.api.client.create(object);
        if (object.kind !== 'Pod') return created;
        pods++;
        made++;
        bench.api.put({ ...(created as KubeObject), status: { phase: 'Running' } });
        return created;
      },
      delete: async (...args: Parameters<Connection['delete']>) => {
        if (args[0].kind === 'Pod') pods--;
        return bench.api.client.delete(...args);
      },
    } as unknown as Connection;
    const random = (size: number): Buffer => Buffer.alloc(size, made);
    const external = externalServer({
      backup,
      client,
      values,
      image: 'registry.test/postgresql:15',
      pullSecrets: async () => [],
      inUse: false,
      random,
    });
    const safety = {
      find: async () => undefined,
      take: async () => '',
      claims: async () => new Set<string>(),
    };
    work = {
      backup,
      client,
      random,
      emit: () => {},
      safety,
      sinceInstall: () => undefined,
      values,
      external,
    };
  });
  after(async () => {
    await bench?.close();
    await postgres?.stop();
  });

  it('says everything that is missing before anything is made, and what the administrator enters is enough', async () => {
    const before_ = [databases(), rows('backend')];
    postgres.sql(
      'postgres',
      'CREATE DATABASE backend_airgap_old; DROP OWNED BY reporting; ALTER ROLE reporting RENAME TO other',
    );
    const error = await refusal();
    const missing = error.faults.map(({ where, what }) => `${where}: ${what}`).join('\n');
    for (const expected of [
      /role backend: may not make databases/,
      /database backend: belongs to postgres/,
      /database backend_airgap_old: is there since an earlier restore/,
      /role reporting: is not there/,
      /role grafana: owns something in the dump/,
      /role reporting: has settings of its own/,
    ])
      assert.match(missing, expected);
    assert.match(
      error.hint,
      /psql -h 127\.0\.0\.1 -p \d+ -U postgres -d postgres \\\n {2}-c 'ALTER ROLE "backend" CREATEDB'/,
    );
    for (const [, sql = ''] of error.hint.matchAll(/^ {2}-c '(.*)'(?: \\)?$/gm))
      for (const statement of sql.replaceAll("'\\''", "'").split('; ')) postgres.sql('postgres', statement);
    await access();
    assert.deepEqual([databases(), rows('backend')], before_);
    assert.equal(pods, 1, 'one pod serves all steps');
    assert.equal(read, 1, 'what the dump needs is looked up once');
  });

  it('restores beside, swaps by rename, and leaves what was there', async () => {
    const saved = rows('backend');
    postgres.sql('backend', 'DELETE FROM jobs WHERE id % 2 = 0');
    const after_ = rows('backend');
    // What a run that was killed in the middle leaves.
    postgres.sql('postgres', 'CREATE DATABASE backend_airgap_new OWNER backend');
    await step('database:roles', { kind: 'globals' });
    await step('database:backend', { kind: 'database', database: 'backend' });
    assert.equal(databases(), 'backend,backend_airgap_new,postgres');
    assert.equal(rows('backend'), after_, 'the live one goes on');
    await step('swap', { kind: 'swap', databases: ['backend'] });
    assert.equal(databases(), 'backend,backend_airgap_old,postgres');
    assert.deepEqual([rows('backend'), rows('backend_airgap_old')], [saved, after_]);
    const owners =
      "SELECT string_agg(DISTINCT tableowner, ',' ORDER BY tableowner) FROM pg_tables WHERE schemaname IN ('public', 'grafana')";
    assert.equal(postgres.sql('backend', owners), 'backend,grafana');
    assert.equal(pods, 0, 'the pod is gone with the last step that needs it');
  });

  it('threat 128: a dump that breaks leaves the live database and the server as they were', async () => {
    postgres.sql('postgres', 'DROP DATABASE backend_airgap_old');
    const before_ = [databases(), rows('backend')];
    const broken = {
      ...work,
      backup: { ...work.backup, stream: () => Readable.from([Buffer.from('PGDMP no dump')]) },
    };
    const whole = work;
    work = broken as RestoreWork;
    await assert.rejects(step('database:backend', { kind: 'database', database: 'backend' }), (error) =>
      isAirgapError(error, 'RESTORE_FAILED'),
    );
    work = whole;
    await work.external?.close();
    assert.deepEqual([databases(), rows('backend')], before_);
  });

  it('an administrator’s login needs no member roles, and brings back those that are missing', async () => {
    postgres.sql(
      'postgres',
      'DROP DATABASE backend; DROP OWNED BY grafana, reporting; DROP ROLE grafana, reporting',
    );
    const secret = { 'postgres-password': Buffer.from(PASSWORD).toString('base64') };
    const name = { name: 'runai-backend-postgresql', namespace: 'runai-backend' };
    bench.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: name, data: secret });
    await access();
    await step('database:roles', { kind: 'globals' });
    await step('database:backend', { kind: 'database', database: 'backend' });
    await step('swap', { kind: 'swap', databases: ['backend'] });
    assert.equal(databases(), 'backend,postgres', 'there was none of that name');
    assert.equal(
      postgres.sql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname IN ('grafana', 'reporting')"),
      '2',
    );
    assert.equal(pods, 0);
  });
});

/** What the product and its administrator make: tables of two roles, an extension, settings, grants, a large object. */
function fill(postgres: Postgres): void {
  postgres.sql('postgres', "CREATE ROLE backend LOGIN PASSWORD 'its-own'");
  postgres.sql(
    'postgres',
    'CREATE ROLE grafana LOGIN; CREATE ROLE reporting NOLOGIN; GRANT reporting TO grafana',
  );
  postgres.sql('postgres', 'CREATE DATABASE backend OWNER backend');
  const statements = [
    'SET ROLE backend',
    'CREATE EXTENSION pg_trgm',
    'CREATE TABLE jobs (id int PRIMARY KEY, name text)',
    'INSERT INTO jobs SELECT g, md5(g::text) FROM generate_series(1, 10000) g',
    'GRANT SELECT ON jobs TO reporting',
    "SELECT lo_from_bytea(0, convert_to(repeat('large object ', 1000), 'UTF8'))",
    'RESET ROLE',
    'CREATE SCHEMA grafana AUTHORIZATION grafana',
    'SET ROLE grafana',
    'CREATE TABLE grafana.dashboard AS SELECT g FROM generate_series(1, 500) g',
    'RESET ROLE',
    'ALTER ROLE reporting IN DATABASE backend SET statement_timeout = 42000',
    'GRANT CONNECT ON DATABASE backend TO reporting',
    'ALTER DATABASE backend OWNER TO postgres',
  ];
  postgres.sql('backend', statements.join(';\n'));
}
