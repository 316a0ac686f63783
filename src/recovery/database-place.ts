import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { ExecTarget, KubeClient, KubeObject } from '../kube/types.js';
import { EXTERNAL_DATABASE, POSTGRES, passwordsIn, VALUE_KEYS } from '../runai/postgres.js';
import { bashCall, execText } from './exec-stream.js';
import { listAt, textAt, valueAt } from './value-at.js';

/** The product's own database server and how to log in; the password is a secret. */
export interface Database {
  readonly pod: KubeObject;
  readonly target: Omit<ExecTarget, 'command'>;
  readonly user: string;
  readonly password: string;
  /** Where the password was found, in words. */
  readonly passwordFrom: string;
  readonly image: string;
}

type Client = Pick<KubeClient, 'get' | 'list' | 'exec'>;

/** The host of a database of the customer's own; undefined when the product brings it. */
export function externalDatabase(values: unknown): string | undefined {
  const enabled = valueAt(values, EXTERNAL_DATABASE.enabled.split('.'));
  if (enabled !== false) return undefined;
  return textAt(values, EXTERNAL_DATABASE.host.split('.')) ?? 'a host that the values do not name';
}

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
    const { exitCode } = await tryLogin(client, { target, login, signal });
    if (exitCode === 0) {
      const { from, ...rest } = login;
      return { pod, target, ...rest, passwordFrom: from, image: textAt(own, ['image']) ?? '' };
    }
    tried.push(`${login.user} with ${login.from}`);
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

interface Login {
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
    const secret = await client.get(RESOURCES.secrets, { namespace: POSTGRES.namespace, name }, { signal });
    const passwords = passwordsIn(decoded(valueAt(secret, ['data'])));
    for (const password of [passwords.superuser, passwords.user])
      if (password !== undefined) found.push({ user: POSTGRES.superuser, password, from: `secret ${name}` });
  }
  for (const { user, superuser } of Object.values(VALUE_KEYS))
    for (const key of [...superuser, user]) {
      const password = textAt(values, key.split('.'));
      if (password !== undefined) found.push({ user: POSTGRES.superuser, password, from: `value ${key}` });
    }
  const seen = new Set<string>();
  return found.filter(
    ({ password }) => !/[\r\n\0]/.test(password) && !seen.has(password) && seen.add(password),
  );
}

function decoded(data: unknown): Record<string, string> {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(String(text), 'base64').toString('utf8')]),
  );
}

const LOGIN = `IFS= read -r PGPASSWORD; export PGPASSWORD PGHOST=127.0.0.1 PGCONNECT_TIMEOUT=15
exec psql -XAtqw -U "$1" -d postgres -c 'SELECT 1'`;

function tryLogin(
  client: Client,
  {
    target,
    login,
    signal,
  }: { readonly target: Database['target']; readonly login: Login; readonly signal: AbortSignal },
) {
  const { command, input } = bashCall({ script: LOGIN, args: [login.user], lines: [login.password] });
  return execText(
    { client, target: { ...target, command }, input, signal },
    { code: 'BACKUP_FAILED', what: 'login' },
  ).then(
    () => ({ exitCode: 0 }),
    (error: unknown) => {
      if (error instanceof AirgapError && error.code === 'BACKUP_FAILED') return { exitCode: 1 };
      throw error;
    },
  );
}
