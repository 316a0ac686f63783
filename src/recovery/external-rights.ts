import * as v from 'valibot';
import { AirgapError, type Fault } from '../errors.js';
import { PASSWORD_KEYS, POSTGRES } from '../runai/postgres.js';
import { parseAnswer } from './answer.js';
import { describeAddress, quote, type ServerAddress } from './database-address.js';
import { oldName, sideName } from './database-names.js';

const schema = v.object({
  user: v.string(),
  superuser: v.boolean(),
  createdb: v.boolean(),
  createrole: v.boolean(),
  /** 160004 */
  number: v.number(),
  /** It follows another server. */
  recovery: v.boolean(),
  databases: v.record(v.string(), v.object({ owner: v.string(), mine: v.boolean() })),
  /** `ours`: the login may make it an owner; `admin`: and hand it on. */
  roles: v.record(v.string(), v.picklist(['missing', 'foreign', 'administrator', 'ours', 'admin'])),
  /** Extensions that the server does not have. */
  lacking: v.array(v.string()),
  /** Connected to the live database. */
  sessions: v.number(),
});

/** What a login may do on a server, and what is there. */
export type ServerRights = v.InferOutput<typeof schema>;

/** @throws AirgapError RESTORE_FAILED */
export function parseRights(text: string): ServerRights {
  const what = 'what the login may do on the database’s server';
  return parseAnswer(text, schema, { code: 'RESTORE_FAILED', what });
}

/** What a restore of one database needs of a server that it shares with others. */
export interface RestoreNeeds {
  readonly database: string;
  /** Who owned it; only asked for. */
  readonly owner: string;
  /** Roles that become owners of something in it. */
  readonly owners: readonly string[];
  /** Roles that only must be there. */
  readonly others: readonly string[];
  /** Roles that have settings of their own in it. */
  readonly settingRoles: readonly string[];
  readonly extensions: readonly string[];
  /** Whether the product runs on it; else nobody may be connected. */
  readonly inUse: boolean;
}

/** One thing that is missing, and the statement with which an administrator mends it, where there is one. */
export interface Lack {
  readonly where: string;
  readonly what: string;
  readonly sql?: string;
}

/** Roles, in the words that DUMP_ROLES_SCRIPT prints. Pure. */
export function parseDumpRoles(text: string): Pick<RestoreNeeds, 'owners' | 'others'> {
  const names = (kind: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${kind} `))
      .map((line) => unquote(line.slice(kind.length + 1)))
      .filter((name) => !(kind === 'grantee' && name === 'PUBLIC'));
  return { owners: names('owner'), others: names('grantee') };
}

/** Everything that would let a restore fail, at once. Pure. */
export function findLacks(needs: RestoreNeeds, rights: ServerRights): Lack[] {
  const { database, inUse } = needs;
  const { user, superuser, createdb, databases, recovery, lacking, sessions } = rights;
  const [side, old] = [sideName(database), oldName(database)];
  const lacks: Lack[] = [];
  if (recovery) lacks.push({ where: 'server', what: 'is a standby; name the primary in the values' });
  if (!superuser && !createdb)
    lacks.push({
      where: `role ${user}`,
      what: 'may not make databases (CREATEDB)',
      sql: `ALTER ROLE ${ident(user)} CREATEDB`,
    });
  if (databases[database]?.mine === false)
    lacks.push({
      where: `database ${database}`,
      what: `belongs to ${databases[database]?.owner}: ${user} may not rename it`,
      sql: `ALTER DATABASE ${ident(database)} OWNER TO ${ident(user)}`,
    });
  if (databases[side]?.mine === false)
    lacks.push({
      where: `database ${side}`,
      what: `is there and belongs to ${databases[side]?.owner}`,
      sql: `DROP DATABASE ${ident(side)}`,
    });
  if (databases[old])
    lacks.push({
      where: `database ${old}`,
      what: 'is there since an earlier restore; when nobody needs it any more, drop it',
      sql: `DROP DATABASE ${ident(old)}`,
    });
  lacks.push(...roleLacks(needs, rights));
  for (const name of lacking)
    lacks.push({ where: `extension ${name}`, what: 'is not installed on that server' });
  if (!inUse && sessions > 0)
    lacks.push({
      where: `database ${database}`,
      what: `${sessions} sessions are connected, although no product runs here: somebody else works with it`,
    });
  return lacks;
}

/** An administrator brings roles back himself; anybody else must find them there, and be a member. */
function roleLacks(
  needs: RestoreNeeds,
  { user, superuser, createrole, number, roles }: ServerRights,
): Lack[] {
  if (superuser) return [];
  const lacks: Lack[] = [];
  for (const name of rolesOf(needs))
    if (roles[name] === 'missing')
      lacks.push({
        where: `role ${name}`,
        what: 'is not there; the dump names it',
        sql: `CREATE ROLE ${ident(name)} LOGIN`,
      });
  for (const name of new Set(needs.owners))
    if (roles[name] === 'administrator')
      lacks.push({
        where: `role ${name}`,
        what: `owns something in the dump and is an administrator: put its password into secret ${POSTGRES.secret}, key ${PASSWORD_KEYS.new.superuser}, while you restore`,
      });
    else if (roles[name] !== 'ours' && roles[name] !== 'admin')
      lacks.push({
        where: `role ${name}`,
        what: `owns something in the dump, and ${user} is not a member of it`,
        sql: `GRANT ${ident(name)} TO ${ident(user)}`,
      });
  for (const name of needs.settingRoles.filter((each) => each !== user)) {
    const needsAdmin = number >= 160_000;
    if (createrole && (!needsAdmin || roles[name] === 'admin')) continue;
    const statements = [
      `ALTER ROLE ${ident(user)} CREATEROLE`,
      ...(needsAdmin ? [`GRANT ${ident(name)} TO ${ident(user)} WITH ADMIN OPTION`] : []),
    ];
    lacks.push({
      where: `role ${name}`,
      what: `has settings of its own in the database, which ${user} may not put back`,
      sql: statements.join('; '),
    });
  }
  return lacks;
}

/** Every role that a restore needs. Pure. */
export function rolesOf({ owners, others, settingRoles }: Omit<RestoreNeeds, 'owner'>): string[] {
  return [...new Set([...owners, ...others, ...settingRoles])];
}

/** @throws AirgapError RESTORE_REFUSED with everything that is missing and what its administrator enters */
export function demandRights(address: ServerAddress, needs: RestoreNeeds, rights: ServerRights): void {
  const lacks = findLacks(needs, rights);
  if (lacks.length === 0) return;
  const statements = [...new Set(lacks.flatMap(({ sql }) => sql ?? []))];
  const faults: Fault[] = lacks.map(({ where, what }) => ({ where, what }));
  throw new AirgapError(
    'RESTORE_REFUSED',
    `${needs.database} cannot be restored at ${describeAddress(address)} as ${rights.user}`,
    {
      expected: 'a login that may make, fill and rename databases there',
      found: `${lacks.length} things that are missing; nothing of the database was touched`,
      faults,
      hint:
        statements.length === 0
          ? 'mend that, then run the same command again; to leave the database as it is: --skip database'
          : `its administrator enters, then the same command again:\n${administratorLine(address, statements)}`,
    },
  );
}

/** One command line for a shell on the administrator's side. */
function administratorLine({ host, port }: ServerAddress, statements: readonly string[]): string {
  const plain = /^[A-Za-z0-9.:_/-]+$/.test(host) ? host : quote(host);
  const words = ['psql', '-h', plain, '-p', String(port), '-U', 'postgres', '-d', 'postgres'];
  return [words.join(' '), ...statements.map((sql) => `  -c ${quote(sql)}`)].join(' \\\n');
}

function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
