import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { failureOf, readCapped } from './answer.js';
import type { Credentials, RegistryOptions } from './client.js';
import { type FoundCredentials, findCredentials } from './credentials.js';
import { type Challenge, parseChallenges } from './headers.js';
import { judgeRealm } from './policy.js';
import type { HttpAnswer, Transport } from './transport.js';

/** Knows how to prove who we are to one registry. */
export interface Authorizer {
  /** The Authorization header for scopes, from what earlier challenges taught; undefined before the first. */
  headerFor(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** Learns from a 401 and forgets the refused token. @throws REGISTRY_AUTH when nothing can be done about it */
  learn(answer: HttpAnswer, scopes: readonly string[]): Promise<void>;
}

interface Token {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** What the registry told of its way to log in. */
type Way =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** Tokens are taken as expired this much early (milliseconds). */
const SLACK = 10_000;
const TOKEN_BODY_LIMIT = 256 * 1024;

export function createAuthorizer(
  host: string,
  base: URL,
  transport: Transport,
  options: RegistryOptions,
): Authorizer {
  const now = options.now ?? Date.now;
  const tokens = new Map<string, Promise<Token>>();
  const logins = new Map<string, Promise<FoundCredentials | undefined>>();
  let way: Way | undefined;

  const loginFor = (scopes: readonly string[]): Promise<FoundCredentials | undefined> => {
    const repository = scopes.map((scope) => scope.split(':')[1] ?? '').find((name) => name !== '');
    const key = repository ?? '';
    const known = logins.get(key) ?? findCredentials(host, repository, options);
    logins.set(key, known);
    return known;
  };

  const fetchToken = async (
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    signal?: AbortSignal,
  ) => {
    const login = await loginFor(scopes);
    const request = tokenRequest(realm, service, scopes, login?.credentials);
    const answer = await transport.request({ ...request, signal });
    if (answer.status !== 200) {
      const found = await failureOf(
        answer,
        `the token service ${realm.host} of ${host} gives no token`,
        now(),
      );
      const denied =
        answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 408;
      throw denied ? refused(host, login, found) : found;
    }
    return readToken(await readCapped(answer.body, TOKEN_BODY_LIMIT), realm, now());
  };

  return {
    async headerFor(scopes, signal) {
      if (way === undefined) return undefined;
      const login = await loginFor(scopes);
      if (way.kind === 'basic') return basicHeader(login?.credentials);
      if (login?.credentials.kind === 'bearer') return `Bearer ${login.credentials.token}`;
      const { realm, service } = way;
      const key = scopes.join(' ');
      const known = await tokens.get(key)?.catch(() => undefined);
      if (known && known.expires > now()) return known.header;
      const fetching = fetchToken(realm, service, scopes, signal);
      tokens.set(key, fetching);
      return (await fetching).header;
    },

    async learn(answer, scopes) {
      tokens.delete(scopes.join(' '));
      const challenges = parseChallenges(answer.headers['www-authenticate'] ?? '');
      const bearer = challenges.find((challenge) => challenge.scheme === 'bearer' && challenge.params.realm);
      const failure = await failureOf(answer, `${host} wants to know who asks`, now());
      const login = await loginFor(scopes);
      if (bearer) {
        way = bearerWay(base, bearer, host, options);
      } else if (challenges.some((challenge) => challenge.scheme === 'basic')) {
        if (login?.credentials.kind !== 'basic') throw refused(host, login, failure);
        way = { kind: 'basic' };
      } else {
        throw refused(host, login, failure);
      }
    },
  };
}

/** The error for credentials that were refused, or missing. */
export function refused(host: string, login: FoundCredentials | undefined, cause: AirgapError): AirgapError {
  const what = login
    ? `${host} refuses the credentials of ${login.origin}`
    : `${host} wants credentials, none were found`;
  return new AirgapError('REGISTRY_AUTH', what, {
    ...(cause.found === undefined ? {} : { found: cause.found }),
    hint: `log in (docker login ${host}, or podman login), or give --authfile`,
    cause: cause.cause,
  });
}

function bearerWay(base: URL, challenge: Challenge, host: string, options: RegistryOptions): Way {
  const realm = challenge.params.realm ?? '';
  const verdict = judgeRealm(base, realm, options.tokenHosts ?? []);
  if (!verdict.trusted) {
    throw new AirgapError('REGISTRY_AUTH', `the token service that ${host} names ${verdict.reason}`, {
      expected: `a service of ${base.hostname}`,
      found: printable(realm.replace(/\/\/[^/@]*@/, '//'), 200),
      hint: 'if it is the right one, list its host under tokenHosts in the configuration',
    });
  }
  return { kind: 'bearer', realm: verdict.url, service: challenge.params.service };
}

function basicHeader(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== 'basic') return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

/** GET with basic credentials or none; POST of a refresh token (distribution's token and oauth2 specs). */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): { method: string; url: URL; headers: Record<string, string>; body?: Buffer } {
  if (credentials?.kind === 'identity') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'airgap',
      refresh_token: credentials.token,
      scope: scopes.join(' '),
    });
    if (service !== undefined) form.set('service', service);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const header = basicHeader(credentials);
  return { method: 'GET', url, headers: header ? { authorization: header } : {} };
}

function readToken(bytes: Buffer, realm: URL, now: number): Token {
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    answer = JSON.parse(bytes.toString('utf8')) ?? {};
  } catch {
    answer = {};
  }
  const token = [answer.token, answer.access_token].find((text) => typeof text === 'string' && text !== '');
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new AirgapError('REGISTRY_AUTH', `the token service ${realm.host} answers without a token`, {
      expected: '{"token": "…"}',
      found: `${bytes.length} bytes of something else`,
    });
  }
  // 60 seconds is what the token spec says of an answer without expires_in.
  const seconds = typeof answer.expires_in === 'number' && answer.expires_in > 0 ? answer.expires_in : 60;
  return { header: `Bearer ${token}`, expires: now + seconds * 1000 - Math.min(SLACK, seconds * 500) };
}
