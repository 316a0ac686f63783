import type { Credentials } from './client.js';

/** What an auth file (docker config.json, containers auth.json) says of one registry. */
export interface AuthFile {
  readonly auths: ReadonlyMap<string, Credentials>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

/** The key that Docker files its hub's credentials under. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/**
 * Reads the text of an auth file. Entries without content (docker writes them beside a credsStore) are left out.
 * @throws Error with a reason that shows no secret
 */
export function parseAuthFile(text: string): AuthFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  if (!isRecord(value)) throw new Error('it is not a JSON object');
  const auths = new Map<string, Credentials>();
  for (const [key, entry] of entriesOf(value.auths, 'auths')) {
    const credentials = readEntry(entry, key);
    if (credentials) auths.set(normalKey(key), credentials);
  }
  const credHelpers = new Map<string, string>();
  for (const [key, name] of entriesOf(value.credHelpers, 'credHelpers')) {
    if (typeof name !== 'string') throw new Error(`credHelpers["${key}"] is not a name`);
    credHelpers.set(normalKey(key), name);
  }
  const store = value.credsStore;
  return { auths, credHelpers, credsStore: typeof store === 'string' && store !== '' ? store : undefined };
}

/** Keys to look under for HOST[:PORT] and a repository, longest first: host/a/b, host/a, host. */
export function keysFor(host: string, repository?: string): string[] {
  const parts = repository ? repository.split('/') : [];
  const keys = parts.map((_part, index) => `${host}/${parts.slice(0, parts.length - index).join('/')}`);
  return [...keys, host];
}

/** Keys are written with or without scheme, /v1/ or /v2/, and Docker's hub under several names. */
export function normalKey(key: string): string {
  const bare = key
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/+$/, '');
  return /^(?:index\.docker\.io|registry-1\.docker\.io)$/.test(bare) ? 'docker.io' : bare;
}

function readEntry(entry: unknown, key: string): Credentials | undefined {
  if (!isRecord(entry)) throw new Error(`auths["${key}"] is not an object`);
  const text = (name: string): string => (typeof entry[name] === 'string' ? (entry[name] as string) : '');
  if (text('identitytoken') !== '') return { kind: 'identity', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'bearer', token: text('registrytoken') };
  if (text('auth') !== '') return decodePair(text('auth'), key);
  if (text('username') === '') return undefined;
  return { kind: 'basic', username: text('username'), password: text('password') };
}

/** The password may hold colons; the user name cannot. */
function decodePair(auth: string, key: string): Credentials {
  const valid = /^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(auth);
  const pair = valid ? Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '') : '';
  const colon = pair.indexOf(':');
  if (colon <= 0 || pair.includes('\ufffd'))
    throw new Error(`auths["${key}"].auth is not base64 of user:password`);
  return { kind: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function entriesOf(value: unknown, name: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isRecord(value)) throw new Error(`${name} is not an object`);
  return Object.entries(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
