import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import {
  demandRights,
  findLacks,
  parseDumpRoles,
  parseRights,
  type RestoreNeeds,
  type ServerRights,
} from '../../src/recovery/external-rights.js';

const NEEDS: RestoreNeeds = {
  database: 'backend',
  owner: 'backend',
  owners: ['backend', 'grafana'],
  others: ['reporting'],
  settingRoles: [],
  extensions: [],
  inUse: false,
};
const RIGHTS: ServerRights = {
  user: 'backend',
  superuser: false,
  createdb: true,
  createrole: false,
  number: 160_004,
  recovery: false,
  databases: { backend: { owner: 'backend', mine: true } },
  roles: { backend: 'ours', grafana: 'ours', reporting: 'foreign' },
  lacking: [],
  sessions: 0,
};
const lacks = (needs: Partial<RestoreNeeds>, rights: Partial<ServerRights>) =>
  findLacks({ ...NEEDS, ...needs }, { ...RIGHTS, ...rights });
const statements = (needs: Partial<RestoreNeeds>, rights: Partial<ServerRights>): string[] =>
  lacks(needs, rights).flatMap(({ sql }) => sql ?? []);

describe('what a login lacks for a restore', () => {
  it('is nothing for one that owns the database, may make others, and is a member of every owner', () => {
    assert.deepEqual(lacks({}, {}), []);
    assert.deepEqual(lacks({}, { databases: {} }), [], 'there need not be a live database');
  });

  const rows: readonly [string, Partial<RestoreNeeds>, Partial<ServerRights>, string[]][] = [
    ['CREATEDB', {}, { createdb: false }, ['ALTER ROLE "backend" CREATEDB']],
    [
      'the live database',
      {},
      { databases: { backend: { owner: 'dba', mine: false } } },
      ['ALTER DATABASE "backend" OWNER TO "backend"'],
    ],
    [
      'the name of the new one',
      {},
      { databases: { backend_airgap_new: { owner: 'dba', mine: false } } },
      ['DROP DATABASE "backend_airgap_new"'],
    ],
    [
      'the name of the old one, also for an administrator',
      {},
      { superuser: true, databases: { backend_airgap_old: { owner: 'backend', mine: true } } },
      ['DROP DATABASE "backend_airgap_old"'],
    ],
    [
      'a role, and membership in it',
      { owners: ['odd "Role'] },
      { roles: { 'odd "Role': 'missing', reporting: 'ours' } },
      ['CREATE ROLE "odd ""Role" LOGIN', 'GRANT "odd ""Role" TO "backend"'],
    ],
    [
      'a role with settings before 16',
      { settingRoles: ['reporting', 'backend'] },
      { number: 150_014 },
      ['ALTER ROLE "backend" CREATEROLE'],
    ],
    [
      'a role with settings from 16 on',
      { settingRoles: ['reporting'] },
      { createrole: true },
      ['ALTER ROLE "backend" CREATEROLE; GRANT "reporting" TO "backend" WITH ADMIN OPTION'],
    ],
  ];
  for (const [what, needs, rights, expected] of rows)
    it(`${what}: with the statement that mends it`, () => {
      assert.deepEqual(statements(needs, rights), expected);
    });

  it('never makes the product’s login a member of an administrator', () => {
    const [lack, ...more] = lacks(
      { owners: ['dba'] },
      { roles: { dba: 'administrator', reporting: 'ours' } },
    );
    assert.deepEqual([lack?.where, lack?.sql, more], ['role dba', undefined, []]);
    assert.match(lack?.what ?? '', /put its password into secret runai-backend-postgresql/);
  });

  it('an administrator needs no roles; a standby, extensions and sessions of others stop him too', () => {
    const administrator = { superuser: true, createdb: false, roles: { grafana: 'missing' as const } };
    assert.deepEqual(lacks({ settingRoles: ['reporting'] }, administrator), []);
    const where = lacks({}, { ...administrator, recovery: true, lacking: ['pg_trgm'], sessions: 3 });
    assert.deepEqual(
      where.map(({ where: place }) => place),
      ['server', 'extension pg_trgm', 'database backend'],
    );
    assert.deepEqual(lacks({ inUse: true }, { sessions: 3 }), [], 'the product’s own');
  });
});

it('everything is said at once, with one command line that a shell takes', () => {
  const address = { host: 'db1.example.com', port: 6543, database: 'backend' };
  assert.throws(
    () => demandRights(address, { ...NEEDS, settingRoles: ['reporting'] }, { ...RIGHTS, createdb: false }),
    (error) =>
      isAirgapError(error, 'RESTORE_REFUSED') &&
      error.faults.length === 2 &&
      error.hint.includes(
        "\npsql -h db1.example.com -p 6543 -U postgres -d postgres \\\n  -c 'ALTER ROLE \"backend\" CREATEDB' \\\n  -c 'ALTER ROLE",
      ),
  );
});

it('reads the roles of a dump, and an answer of a server that is none', () => {
  const text = 'grantee PUBLIC\ngrantee "odd ""Role"\nowner backend\nowner "with space"\n';
  assert.deepEqual(parseDumpRoles(text), { owners: ['backend', 'with space'], others: ['odd "Role'] });
  assert.throws(() => parseRights('{"user":"x"}'));
});
