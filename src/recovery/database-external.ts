import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import { CA_SECRET } from '../runai/names.js';
import { EXTERNAL_DATABASE, POSTGRES } from '../runai/postgres.js';
import { describeAddress, externalDatabase, type ServerAddress } from './database-address.js';
import { type Database, distinct, type Login, secretPasswords, tryLogin } from './database-place.js';
import { type HelperPod, startHelper } from './helper-pod.js';
import { textAt } from './value-at.js';

export interface ExternalOptions {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'exec' | 'create' | 'delete'>;
  /** Effective values of the control plane's release. */
  readonly values: unknown;
  /** An image with PostgreSQL's client programs and bash. */
  readonly image: string;
  readonly pullSecrets: readonly string[];
  /** Begins the name of the pod; dump when absent. */
  readonly purpose?: string;
  /** Databases to log into, the first that lets somebody in; the product's own when absent. */
  readonly entries?: readonly string[];
  readonly random: (size: number) => Buffer;
  readonly signal: AbortSignal;
}

/** A server that was logged into through a pod. */
export interface OpenedExternal {
  readonly database: Database & { readonly address: ServerAddress };
  /** The database that let the login in. */
  readonly entry: string;
  /** Removes the pod. */
  readonly close: () => Promise<void>;
}

/**
 * Reaches the customer's own server from a pod of ours in the control plane's namespace, which may do what the
 * product itself may; this host needs neither a way to it nor PostgreSQL's programs.
 * @returns the server, and what removes the pod
 * @throws AirgapError BACKUP_FAILED
 */
export async function openExternal(options: ExternalOptions): Promise<OpenedExternal> {
  const { client, image, pullSecrets, purpose = 'dump', random, signal } = options;
  const address = await addressOf(options);
  const { namespace } = POSTGRES;
  const pod = await startHelper({
    ...{ client, namespace, image, pullSecrets, random, signal },
    purpose,
    user: NOBODY,
  });
  try {
    const { login, entry } = await logIn(options, { pod, address });
    const { from, ...rest } = login;
    const database = { target: pod.target, address, ...rest, passwordFrom: from, image, pullSecrets };
    return { database: { ...database, claims: [] }, entry, close: () => pod.remove().catch(() => {}) };
  } catch (error) {
    await pod.remove().catch(() => {});
    throw error;
  }
}

/** The dump needs no rights in its pod. */
const NOBODY = 65_534;

async function addressOf({ client, values, signal }: ExternalOptions): Promise<ServerAddress> {
  const address = externalDatabase(values);
  if (!address?.host) {
    throw new AirgapError('BACKUP_FAILED', 'the values do not say where the external database is', {
      expected: EXTERNAL_DATABASE.host,
      found: `${EXTERNAL_DATABASE.enabled}: false without it`,
      hint: 'name what saves it: --database-by "nightly dump on db1", or leave it out: --skip database',
    });
  }
  if (!/^verify-/.test(address.sslMode ?? '')) return address;
  const { namespace } = POSTGRES;
  const secret = await client.get(RESOURCES.secrets, { namespace, name: CA_SECRET.name }, { signal });
  const ca = textAt(secret, ['data', CA_SECRET.key]);
  return { ...address, ...(ca === undefined ? {} : { ca: Buffer.from(ca, 'base64').toString('utf8') }) };
}

async function logIn(
  options: ExternalOptions,
  { pod, address }: { readonly pod: HelperPod; readonly address: ServerAddress },
): Promise<{ readonly login: Login; readonly entry: string }> {
  const { client, entries = [address.database], signal } = options;
  const tried: string[] = [];
  for (const login of await logins(options))
    for (const entry of entries) {
      const where = { ...address, database: entry };
      const refusal = await tryLogin(client, { target: pod.target, login, address: where, signal });
      if (refusal === undefined) return { login, entry };
      tried.push(`${login.user} with ${login.from}: ${refusal}`);
    }
  throw new AirgapError(
    'BACKUP_FAILED',
    `no known password opens the database at ${describeAddress(address)}`,
    {
      expected: `a login to database ${entries.join(' or ')}`,
      found: tried.length === 0 ? 'no password in any secret or value' : tried.join('; ').slice(0, 1500),
      hint: 'name what saves it: --database-by "nightly dump on db1", or mend the credentials in the values',
    },
  );
}

/** The administrator, where the site gave him to the product; else the product's own user. */
async function logins({ client, values, signal }: ExternalOptions): Promise<Login[]> {
  const at = (key: string): string | undefined => textAt(values, [...EXTERNAL_DATABASE.auth.split('.'), key]);
  const user = at('username') ?? POSTGRES.database;
  const found: Login[] = [];
  const add = (name: string, password: string | undefined, from: string): void => {
    if (password !== undefined) found.push({ user: name, password, from });
  };
  for (const name of [at('existingSecret'), POSTGRES.secret]) {
    if (name === undefined) continue;
    const passwords = await secretPasswords(client, name, signal);
    add(POSTGRES.superuser, passwords.superuser, `secret ${name}`);
    add(user, passwords.user, `secret ${name}`);
  }
  add(POSTGRES.superuser, at('postgresPassword'), `value ${EXTERNAL_DATABASE.auth}.postgresPassword`);
  add(user, at('password'), `value ${EXTERNAL_DATABASE.auth}.password`);
  return distinct(found);
}
