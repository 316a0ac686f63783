import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { ExecTarget, KubeClient, KubeObject } from '../kube/types.js';
import { type Passwords, POSTGRES, passwordsIn, VALUE_KEYS } from '../runai/postgres.js';
import { addressLines, type ServerAddress } from './database-address.js';
import { bashCall, execText } from './exec-stream.js';
import { listAt, textAt, valueAt } from './value-at.js';
import { claimsOf } from './volume-find.js';

/** A database server and how to log in; the password is a secret. */
export interface Database {
  /** The pod in which programs run: the server's own, or a helper's for a server elsewhere. */
  readonly target: Omit<ExecTarget, 'command'>;
  /** Where the server is, when it is not in that pod. */
  readonly address?: ServerAddress;
  readonly user: string;
  readonly password: string;
  /** Where the password was found, in words. */
  readonly passwordFrom: string;
  readonly image: string;
  readonly pullSecrets: readonly string[];
  /** Claims that the server's own pod has mounted, as NAMESPACE/NAME; none of a server elsewhere. */
  readonly claims: readonly string[];
}

type Client = Pick<KubeClient, 'get' | 'list' | 'exec'>;

/**
 * Finds the pod of the database and a password that it accepts: what counts is the one inside the data directory.
 * @param values of the control plane's release
 * @throws AirgapError BACKUP_FAILED
 */
export async function findDatabase(client: Client, values: unknown, signal: AbortSignal): Promise<Database> {
  const pod = await findPod(client, signal);
  const containers = listAt(pod, ['spec', 'containers']);
  const own = containers.find((each) => valueAt(each, ['name']) === 'postgresql') ?? containers[0];
  const target = {
    namespace: POSTGRES.namespace,
    pod: pod.metadata.name,
    container: textAt(own, ['name']) ?? '',
  };
  const tried: string[] = [];
  for (const login of await logins(client, values, signal)) {
    const refusal = await tryLogin(client, { target, login, signal });
    if (refusal === undefined) {
      const { from, ...rest } = login;
      return {
        ...{ target, ...rest, passwordFrom: from, image: textAt(own, ['image']) ?? '' },
        pullSecrets: pullSecretsOf(pod),
        claims: claimsOf(pod['spec']).map((claim) => `${target.namespace}/${claim}`),
      };
    }
    tried.push(`${login.user} with ${login.from} (${refusal})`);
  }
  throw new AirgapError('BACKUP_FAILED', 'no known password opens the database', {
    expected: `a login as ${POSTGRES.superuser} in pod ${pod.metadata.name}`,
    found: tried.length === 0 ? 'no password in any secret or value' : `refused: ${tried.join('; ')}`,
    hint: `put the password that the data directory was made with into secret ${POSTGRES.secret}, key postgres-password`,
  });
}

async function findPod(client: Client, signal: AbortSignal): Promise<KubeObject> {
  const { namespace, pod: name } = POSTGRES;
  const pod = await client.get(RESOURCES.pods, { namespace, name }, { signal });
  const phase = textAt(pod, ['status', 'phase']);
  if (pod && phase === 'Running') return pod;
  throw new AirgapError('BACKUP_FAILED', `the database pod ${namespace}/${name} does not run`, {
    expected: 'a running pod',
    found: phase ?? 'no such pod',
    hint: `kubectl -n ${namespace} get pods; a database that the site saves itself: --database-by NAME`,
  });
}

/** Names of the secrets with which a pod's images are pulled. */
export function pullSecretsOf(pod: KubeObject | undefined): string[] {
  return listAt(pod, ['spec', 'imagePullSecrets']).flatMap((each) => textAt(each, ['name']) ?? []);
}

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly from: string;
}

/** What may open it, most likely first: the secret that the values name, the usual one under all keys, the values. */
async function logins(client: Client, values: unknown, signal: AbortSignal): Promise<Login[]> {
  const existing = textAt(values, ['global', 'postgresql', 'auth', 'existingSecret']);
  const found: Login[] = [];
  for (const name of [existing, POSTGRES.secret]) {
    if (name === undefined) continue;
    const passwords = await secretPasswords(client, name, signal);
    for (const password of [passwords.superuser, passwords.user])
      if (password !== undefined) found.push({ user: POSTGRES.superuser, password, from: `secret ${name}` });
  }
  for (const { user, superuser } of Object.values(VALUE_KEYS))
    for (const key of [...superuser, user]) {
      const password = textAt(values, key.split('.'));
      if (password !== undefined) found.push({ user: POSTGRES.superuser, password, from: `value ${key}` });
    }
  return distinct(found);
}

/** Each login once; a password with a line end cannot be given to the programs. */
export function distinct(logins: readonly Login[]): Login[] {
  const seen = new Set<string>();
  return logins.filter(({ user, password }) => {
    const key = JSON.stringify([user, password]);
    return !/[\r\n\0]/.test(password) && !seen.has(key) && seen.add(key);
  });
}

/** The passwords in a secret of the control plane's namespace, under either era's keys. */
export async function secretPasswords(
  client: Pick<KubeClient, 'get'>,
  name: string,
  signal: AbortSignal,
): Promise<Passwords> {
  const secret = await client.get(RESOURCES.secrets, { namespace: POSTGRES.namespace, name }, { signal });
  return passwordsIn(decoded(valueAt(secret, ['data'])));
}

/** The data of a Secret. */
export function decoded(data: unknown): Record<string, string> {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(String(text), 'base64').toString('utf8')]),
  );
}

/** The second argument is a database that the user may open. */
const LOGIN = `IFS= read -r PGPASSWORD; export PGPASSWORD PGHOST="\${AIRGAP_HOST:-127.0.0.1}" PGCONNECT_TIMEOUT=15
exec psql -XAtqw -U "$1" -d "$2" -c 'SELECT 1'`;

export interface LoginTry {
  readonly target: Database['target'];
  readonly login: Login;
  readonly address?: ServerAddress;
  readonly signal: AbortSignal;
}

/** What the server says against a login; undefined when it lets it in. */
export async function tryLogin(
  client: Pick<KubeClient, 'exec'>,
  { target, login, address, signal }: LoginTry,
): Promise<string | undefined> {
  const { command, input } = bashCall({
    script: addressLines(address) + LOGIN,
    args: [login.user, address?.database ?? 'postgres'],
    lines: [login.password],
  });
  try {
    await execText(
      { client, target: { ...target, command }, input, signal },
      { code: 'BACKUP_FAILED', what: 'login' },
    );
    return undefined;
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'BACKUP_FAILED') return error.found ?? error.message;
    throw error;
  }
}
