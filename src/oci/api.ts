import { AirgapError, isAirgapError, systemCode } from '../errors.js';
import { createGate, type Gate } from '../io/gate.js';
import { withRetry } from '../io/retry.js';
import { answerOf, failureOf } from './answer.js';
import { createAuthorizer, refused } from './auth.js';
import type { RegistryOptions } from './client.js';
import { judgeRedirect, MOST_REDIRECTS } from './policy.js';
import { tlsFaultOf } from './tls-errors.js';
import { createTransport, type HttpAnswer, type HttpRequest } from './transport.js';

/** A request below the registry's own origin (or to where it sent us). */
export interface ApiRequest extends Omit<HttpRequest, 'url'> {
  /** A path such as /v2/a/manifests/b, or a URL that the registry gave. */
  readonly to: string | URL;
  /** `repository:NAME:pull,push`, … */
  readonly scopes: readonly string[];
  /** For messages: "manifest registry/a:b cannot be read". */
  readonly what: string;
}

export interface Api {
  readonly host: string;
  readonly base: URL;
  readonly gate: Gate;
  readonly options: RegistryOptions;
  /** One exchange with redirects and, on 401, one fresh token. Gives any answer. */
  send(request: ApiRequest): Promise<HttpAnswer>;
  /** As send, with retries of what can heal; throws on statuses that are not `expected`. */
  call(request: ApiRequest, expected: readonly number[]): Promise<HttpAnswer>;
  /** Retries `work` while its failures can heal. `progress` resets the count. */
  retrying<T>(
    work: () => Promise<T>,
    options: { signal?: AbortSignal | undefined; progress?: () => number },
  ): Promise<T>;
  fail(answer: HttpAnswer, what: string): Promise<AirgapError>;
  /** The user's error for one that Node threw. */
  translate(error: unknown): unknown;
  now(): number;
  close(): void;
}

/** Statuses that may heal by themselves; everything else is final. */
const HEALING = new Set([408, 429, 499, 500, 502, 503, 504, 522]);
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'STALLED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'HPE_INVALID_EOF_STATE',
]);
/** Only after the registry has answered once: before that they mean a wrong address. */
const AWAY = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

export function createApi(host: string, options: RegistryOptions): Api {
  const base = new URL(
    `${options.plainHttp ? 'http' : 'https'}://${host === 'docker.io' ? 'registry-1.docker.io' : host}`,
  );
  const transport = createTransport(base.host, options);
  const authorizer = createAuthorizer(host, base, transport, options);
  const gate = createGate(options.concurrency ?? 8);
  const now = options.now ?? Date.now;
  let hasAnswered = false;

  const exchange = async (request: ApiRequest, url: URL): Promise<HttpAnswer> => {
    const own = url.origin === base.origin;
    const authorization = own ? await authorizer.headerFor(request.scopes, request.signal) : undefined;
    const headers = { ...request.headers, ...(authorization ? { authorization } : {}) };
    const answer = await followed({ ...request, headers, url });
    hasAnswered = true;
    return answer;
  };

  const followed = async (first: HttpRequest): Promise<HttpAnswer> => {
    let request = first;
    for (let hop = 0; ; hop++) {
      const answer = await transport.request(request);
      const location = answer.headers.location;
      const moved = [301, 302, 303, 307, 308].includes(answer.status);
      if (!moved || !location || !['GET', 'HEAD'].includes(request.method)) return answer;
      answer.body.resume();
      const to = URL.canParse(location, request.url.href) ? new URL(location, request.url) : undefined;
      const verdict = to
        ? judgeRedirect(request.url, to)
        : { follow: false as const, reason: 'it is no URL' };
      if (!to || !verdict.follow || hop + 1 > MOST_REDIRECTS) {
        const reason = verdict.follow ? `more than ${MOST_REDIRECTS} of them` : verdict.reason;
        throw new AirgapError('REGISTRY_PROTOCOL', `a redirect of ${host} is not followed: ${reason}`, {
          found: to ? `${to.protocol}//${to.host}` : 'an unreadable Location',
        });
      }
      const { authorization: _kept, ...rest } = request.headers ?? {};
      request = { ...request, url: to, headers: verdict.withCredentials ? (request.headers ?? {}) : rest };
    }
  };

  const send = async (request: ApiRequest): Promise<HttpAnswer> => {
    const url = request.to instanceof URL ? request.to : new URL(request.to, base);
    try {
      const answer = await exchange(request, url);
      if (answer.status !== 401 || url.origin !== base.origin) return answer;
      await authorizer.learn(answer, request.scopes);
      if (request.body !== undefined && !Buffer.isBuffer(request.body)) {
        throw new AirgapError('REGISTRY_AUTH', request.what, {
          cause: new TokenRenewed('the token had expired'),
        });
      }
      const again = await exchange(request, url);
      if (again.status !== 401) return again;
      throw refused(host, undefined, await failureOf(again, request.what, now()));
    } catch (error) {
      throw translate(error, host, options);
    }
  };

  const heals = (error: unknown): boolean | { after: number } => {
    const answer = answerOf(error);
    if (answer) {
      const may = HEALING.has(answer.status) && !isAirgapError(error, 'REGISTRY_STORAGE');
      if (may) gate.shrink();
      return may && answer.retryAfter !== undefined ? { after: answer.retryAfter } : may;
    }
    const code = rootCode(error);
    if (code === undefined) return false;
    if (BROKEN.has(code)) gate.shrink();
    return BROKEN.has(code) || (hasAnswered && AWAY.has(code));
  };

  const retrying: Api['retrying'] = (work, { signal, progress }) =>
    withRetry(work, {
      retries: options.retries ?? 8,
      first: options.retryDelay ?? 1000,
      heals,
      ...(signal ? { signal } : {}),
      ...(progress ? { progress } : {}),
      onRetry: (error, wait) => {
        const text = `${describeError(error)}; trying again in ${(wait / 1000).toFixed(1)} s`;
        options.emit?.({ type: 'note', level: 'debug', text });
      },
    });

  return {
    host,
    base,
    gate,
    options,
    send,
    retrying,
    async call(request, expected) {
      return retrying(
        async () => {
          const answer = await send(request);
          if (expected.includes(answer.status)) return answer;
          throw await failureOf(answer, request.what, now());
        },
        { signal: request.signal },
      );
    },
    fail: (answer, what) => failureOf(answer, what, now()),
    translate: (error) => translate(error, host, options),
    now,
    close: () => transport.close(),
  };
}

/** A 401 in the middle of a body: the token is fresh now, and the sender goes on from where the server stands. */
export class TokenRenewed extends Error {
  override readonly name = 'TokenRenewed';
}

function rootCode(error: unknown): string | undefined {
  return isAirgapError(error) ? systemCode(error.cause) : systemCode(error);
}

function describeError(error: unknown): string {
  if (!isAirgapError(error)) return String(error);
  return error.found === undefined ? error.message : `${error.message}: ${error.found}`;
}

/** Makes the user's error of what Node throws. Aborts and errors of ours pass unchanged. */
function translate(error: unknown, host: string, options: RegistryOptions): unknown {
  if (isAirgapError(error) || options.signal?.aborted) return error;
  const code = systemCode(error);
  if (code === undefined || code === 'ABORT_ERR') return error;
  const scheme = options.plainHttp ? 'http' : 'https';
  const tls = tlsFaultOf(code, error instanceof Error ? error.message : '');
  if (tls) {
    return new AirgapError('REGISTRY_TLS', `${host} cannot be trusted over TLS: ${tls.what}`, {
      found: code,
      hint: tls.hint,
      cause: error,
    });
  }
  const found = error instanceof Error ? error.message : code;
  if (BROKEN.has(code)) {
    return new AirgapError('REGISTRY_FAILED', `the connection to ${host} broke`, { found, cause: error });
  }
  return new AirgapError('REGISTRY_UNREACHABLE', `${scheme}://${host} cannot be reached`, {
    found: found.includes(code) ? found : `${code}: ${found}`,
    cause: error,
  });
}
