import { askPostgres, type PostgresAnswer } from '../../io/postgres.js';
import { RESOURCES } from '../../kube/resources.js';
import { isAtLeast, type Version } from '../../runai/version.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'database.external', title: 'PostgreSQL of the site' };
const LEAST = { since: 17, major: 16 };
const TIMEOUT_MS = 10_000;
/** Grafana brings its own role and schema, which the product does not make in a database that is not its own. */
const QUESTION = `select current_setting('server_version_num'),
  has_database_privilege(current_database(), 'CREATE'),
  exists (select from pg_roles where rolname = 'grafana'),
  exists (select from pg_namespace where nspname = 'grafana')`;

/** A database that the values name instead of the product’s own. */
export interface ExternalDatabase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Absent where no secret and no value has it. */
  readonly password?: string;
}

export const databaseCheck: Check = {
  row: ROW,
  applies: (context) => authOf(context) !== undefined,
  run: async (context) => {
    const database = await readDatabase(context);
    if (database === undefined) return [];
    const { password } = database;
    const where = `${database.host}:${database.port}/${database.database}`;
    if (password === undefined)
      return [
        { ...ROW, outcome: 'not-checked', seen: `no password for ${where} is in the values or secrets` },
      ];
    const login = { ...database, password, timeout: TIMEOUT_MS, signal: context.signal };
    return [judgeDatabase(where, await askPostgres(login, QUESTION), context.release)];
  },
};

function authOf({ made }: Pick<CheckContext, 'made'>): unknown {
  const planned = made.releases.find(({ chart }) => chart.role === 'control-plane');
  if (planned === undefined) return undefined;
  const auth = valueAt(planned.values, ['global', 'postgresql', 'auth']);
  const own = valueAt(planned.values, ['postgresql', 'enabled']) !== false;
  return own || typeof valueAt(auth, ['host']) !== 'string' ? undefined : auth;
}

async function readDatabase(context: CheckContext): Promise<ExternalDatabase | undefined> {
  const auth = authOf(context);
  const text = (key: string): string | undefined => {
    const found = valueAt(auth, [key]);
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  const host = text('host');
  if (host === undefined) return undefined;
  const secret = text('existingSecret');
  const password = secret === undefined ? text('password') : await passwordIn(context, secret);
  return {
    host,
    port: Number(valueAt(auth, ['port']) ?? 5432) || 5432,
    user: text('username') ?? 'postgres',
    database: text('database') ?? 'backend',
    ...(password === undefined ? {} : { password }),
  };
}

async function passwordIn({ client, signal }: CheckContext, name: string): Promise<string | undefined> {
  const secret = await client.get(RESOURCES.secrets, { name, namespace: 'runai-backend' }, { signal });
  const found = valueAt(secret, ['data', 'password']);
  return typeof found === 'string' ? Buffer.from(found, 'base64').toString('utf8') : undefined;
}

/** What the server says; a database that only the nodes can reach is nothing that can be judged from here. */
export function judgeDatabase(where: string, answer: PostgresAnswer, release?: Version): Finding {
  if ('error' in answer) {
    const seen = `${where}: ${answer.error}`;
    if (answer.code === 'network' || answer.code === 'authentication')
      return { ...ROW, outcome: 'not-checked', seen: `${seen} (asked from this machine)` };
    const advice = 'mend the address, the name or the password in the values, or make the database';
    return {
      ...ROW,
      outcome: 'fail',
      seen,
      expected: 'a login with the name and password of the values',
      advice,
    };
  }
  const [number = '0', mayCreate, role, schema] = answer.rows[0] ?? [];
  const version = Number(number);
  const major = Math.floor(version / 10_000);
  const asks = release === undefined || isAtLeast(release, 2, LEAST.since);
  const faults = [
    ...(asks && major < LEAST.major ? [`PostgreSQL ${major} is older than ${LEAST.major}`] : []),
    ...(mayCreate === 't' ? [] : ['the role may not create in the database']),
    ...(role === 't' ? [] : ['there is no role grafana']),
    ...(schema === 't' ? [] : ['there is no schema grafana']),
  ];
  const seen = `${where}: PostgreSQL ${major}.${version % 10_000}`;
  if (faults.length === 0) return { ...ROW, outcome: 'pass', seen };
  const expected = `PostgreSQL ${LEAST.major} or later, GRANT ALL on the database, role grafana with a schema of its name`;
  const advice = 'let the owner of the database upgrade it, or make what is missing';
  return { ...ROW, outcome: 'fail', seen: `${seen}; ${faults.join('; ')}`, expected, advice };
}
