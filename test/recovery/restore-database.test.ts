import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import {
  contentMeta,
  type DatabaseContent,
  factLines,
  parseContent,
} from '../../src/recovery/dump-report.js';
import { DUMP_SCRIPT } from '../../src/recovery/dump-script.js';
import { bashCall, execStream } from '../../src/recovery/exec-stream.js';
import {
  type Dump,
  readContent,
  restoreAside,
  runSql,
  type Server,
} from '../../src/recovery/restore-database.js';
import { SWAP_SCRIPT } from '../../src/recovery/restore-script.js';
import type { TestNode } from '../install/support/node.js';
import { databaseFacts, untouched } from './support/facts.js';
import { PASSWORD, type Postgres, startPostgres, withoutPostgres } from './support/postgres.js';
import { fillDatabase, rowsOfJobs } from './support/site.js';

const skip = withoutPostgres();
if (skip !== undefined) console.error(`SKIPPED: restores into a real PostgreSQL, because ${skip}`);
const SIDE = 'backend_airgap_new';
const ROWS = 60_000;

describe('a dump that is restored beside the live database', {
  skip: skip ?? false,
  timeout: 600_000,
}, () => {
  let postgres: Postgres;
  let site: TestNode;
  let server: Server;
  let bytes: Buffer;
  let content: DatabaseContent;
  let before_: { rows: string; facts: string[] };

  before(async () => {
    postgres = await startPostgres();
    site = {
      must: (_psql: string, database: string, text: string) => postgres.sql(database, text),
    } as unknown as TestNode;
    server = {
      client: postgres.client,
      target: { namespace: 'n', pod: 'p', container: 'c' },
      user: 'postgres',
      password: PASSWORD,
      signal: new AbortController().signal,
    };
    postgres.sql('postgres', 'CREATE ROLE backend LOGIN; CREATE ROLE grafana LOGIN');
    postgres.sql('postgres', 'CREATE DATABASE backend OWNER backend');
    postgres.sql(
      'backend',
      'CREATE SCHEMA grafana AUTHORIZATION grafana; CREATE TABLE grafana.dashboard (id int)',
    );
    postgres.sql('backend', 'CREATE TABLE users (id int); CREATE TABLE tenants (id int)');
    fillDatabase(site, { rows: ROWS, files: 0 });
    ({ bytes, content } = await dump());
    before_ = { rows: untouched(site), facts: databaseFacts(site) };
  });
  after(() => postgres?.stop());
  beforeEach(() => {
    postgres.sql(
      'postgres',
      'ALTER ROLE postgres RESET airgap_test.poison; ALTER ROLE postgres RESET temp_file_limit; ALTER ROLE postgres RESET maintenance_work_mem',
    );
  });

  async function dump(): Promise<{ bytes: Buffer; content: DatabaseContent }> {
    const { command, input } = bashCall({
      script: DUMP_SCRIPT,
      args: ['postgres', 'backend'],
      lines: [PASSWORD],
    });
    const call = {
      client: postgres.client,
      target: { ...server.target, command },
      input,
      signal: server.signal,
    };
    const { taken, report } = await execStream(call, async (stdout) => concatAll(stdout));
    return { bytes: taken, content: parseContent(factLines(report)) };
  }

  /** The dump as a backup gives it; `stream` may be another one than what was saved. */
  const saved = (stream: () => Readable = () => Readable.from([bytes])): Dump => ({
    facts: {
      name: 'backend',
      part: 'database/backend.dump',
      format: 'custom',
      serverVersion: content.serverVersion,
      dumpVersion: '15.1',
      tables: content.tables.map(({ schema, name, rows }) => ({ schema, name, rows })),
      meta: contentMeta(content),
    },
    part: {
      path: 'database/backend.dump',
      role: 'database-dump',
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
    stream,
    settings: content.settings,
  });
  const restore = (dumped: Dump): Promise<DatabaseContent> =>
    restoreAside(server, dumped, { name: SIDE, mark: 'mark', onBytes: () => {} });
  const databases = (): string =>
    postgres.sql(
      'postgres',
      "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
    );
  const demandUntouched = (what: string): void => {
    assert.equal(untouched(site), before_.rows, what);
    assert.equal(databases(), 'backend,postgres,second ü', what);
  };

  it('threat 128: no write to the live database in 20 injected failures, and nothing is left behind', async () => {
    const at = (share: number): number => Math.floor(rowsOfJobs(ROWS) * share);
    /** Gives a part of the dump, lets something happen, and goes on with the rest. */
    const withPause = (share: number, act: () => unknown) => () =>
      Readable.from(
        (async function* () {
          const cut = Math.floor(bytes.length * share);
          yield bytes.subarray(0, cut);
          await until(() => postgres.find('pg_restore').length > 0);
          await act();
          yield bytes.subarray(cut);
        })(),
      );
    const kill = () => postgres.find('pg_restore').map((pid) => process.kill(pid, 'SIGKILL'));
    const end = () =>
      postgres.sql(
        'postgres',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${SIDE}'`,
      );
    const cut = (share: number) => () => Readable.from([bytes.subarray(0, Math.floor(bytes.length * share))]);
    const flipped = (share: number) => () => {
      const damaged = Buffer.from(bytes);
      const place = Math.floor(bytes.length * share);
      damaged[place] = (damaged[place] ?? 0) ^ 0x10;
      return Readable.from([damaged]);
    };
    const broken = () =>
      Readable.from(
        (async function* () {
          yield bytes.subarray(0, bytes.length / 2);
          throw new Error('the medium is gone');
        })(),
      );
    const poison = (share: number) => `ALTER ROLE postgres SET airgap_test.poison = '${at(share)}'`;
    const shares = [0.1, 0.35, 0.6, 0.95];
    const failures: { what: string; prepare?: string; stream?: () => Readable }[] = [
      ...shares.map((share) => ({ what: `row ${at(share)} is refused`, prepare: poison(share) })),
      ...shares.map((share) => ({ what: `pg_restore killed at ${share}`, stream: withPause(share, kill) })),
      ...shares.map((share) => ({ what: `session ended at ${share}`, stream: withPause(share, end) })),
      ...shares.map((share) => ({ what: `stream cut at ${share}`, stream: cut(share) })),
      { what: 'a bit flipped at 0.4', stream: flipped(0.4) },
      { what: 'a bit flipped at 0.8', stream: flipped(0.8) },
      { what: 'the medium breaks', stream: broken },
      {
        what: 'no room for temporary files',
        prepare:
          "ALTER ROLE postgres SET temp_file_limit = 0; ALTER ROLE postgres SET maintenance_work_mem = '1MB'",
      },
    ];
    assert.equal(failures.length, 20);
    for (const { what, prepare, stream } of failures) {
      if (prepare) postgres.sql('postgres', prepare);
      const error = await restore(saved(stream)).then(
        () => assert.fail(`${what}: it came through`),
        (thrown: unknown) => thrown,
      );
      const text = `${what}: ${error instanceof Error ? error.message : error}`;
      if (what !== 'the medium breaks') assert.ok(isAirgapError(error, 'RESTORE_FAILED'), text);
      const shown = isAirgapError(error) ? `${error.message} ${error.found}` : '';
      assert.doesNotMatch(shown, /[0-9a-f]{32}\b(?!\w)|Failing row/, `${what} shows a row: ${shown}`);
      postgres.sql('postgres', 'ALTER ROLE postgres RESET ALL');
      await until(() => !databases().includes('airgap'));
      demandUntouched(text);
    }
  });

  it('is the same in every row, and in what belongs to the database itself', async () => {
    const found = await restore(saved());
    assert.deepEqual(found.tables, content.tables);
    assert.deepEqual(found.settings, content.settings);
    assert.deepEqual(await readContent(server, SIDE), found);
    assert.equal(
      postgres.sql(
        'postgres',
        `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '${SIDE}'`,
      ),
      'mark',
    );
    assert.equal(untouched(site), before_.rows);
  });

  it('takes the name of the live one, together with all others or not at all', async () => {
    const names = [
      { name: 'backend', side: SIDE, old: 'backend_airgap_old' },
      { name: 'second ü', side: 'there is none', old: 'second ü_airgap_old' },
    ];
    await assert.rejects(runSql(server, SWAP_SCRIPT, [JSON.stringify(names)]), /refuses a step/);
    assert.equal(databases(), `backend,${SIDE},postgres,second ü`);
    await runSql(server, SWAP_SCRIPT, [JSON.stringify(names.slice(0, 1))]);
    assert.equal(databases(), 'backend,backend_airgap_old,postgres,second ü');
    const named = (lines: readonly string[]) => lines.filter((line) => !line.startsWith('databases '));
    assert.deepEqual(named(databaseFacts(site)), named(before_.facts));
  });

  it('threat 125: an older PostgreSQL is refused before anything is made', async () => {
    const dumped = saved();
    const newer = { ...dumped, facts: { ...dumped.facts, dumpVersion: '16.2' } };
    await assert.rejects(restore(newer), /older than the one that was saved/);
    assert.doesNotMatch(databases(), /airgap_new/);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !holds(); tries++) await new Promise((done) => setTimeout(done, 50));
}

async function concatAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
