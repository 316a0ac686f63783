import type { Readable } from 'node:stream';
import { AirgapError, type ErrorCode, isAirgapError, systemCode } from '../../errors.js';
import { withRetry } from '../../io/retry.js';
import type { RegistryOptions } from '../../oci/client.js';
import { parseRetryAfter } from '../../oci/headers.js';
import { judgeRedirect, MOST_REDIRECTS } from '../../oci/policy.js';
import { tlsFaultOf } from '../../oci/tls-errors.js';
import { createTransport, type HttpAnswer, type Transport } from '../../oci/transport.js';
import { printable, redact } from '../../redact.js';

/** What web servers are reached with; the same settings as for registries. */
export type HttpOptions = Pick<
  RegistryOptions,
  | 'env'
  | 'caFile'
  | 'certsDir'
  | 'insecureSkipTlsVerify'
  | 'retries'
  | 'retryDelay'
  | 'signal'
  | 'emit'
  | 'now'
>;

/** For the host of the first address only. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface DownloadOptions extends HttpOptions {
  /** For messages: "the chart repository", "the CRD file". */
  readonly what: string;
  /** The code of a 404. */
  readonly missing: ErrorCode;
  readonly login?: Login;
}

/**
 * GETs an address and hands the body to `consume`; the whole of it is tried again when it breaks in a way that
 * can heal. Redirects keep TLS, and credentials stay with their host.
 * @throws AirgapError REGISTRY_* and the code of `missing`
 */
export async function download<T>(
  address: string,
  consume: (body: Readable) => Promise<T>,
  options: DownloadOptions,
): Promise<T> {
  const attempt = async (): Promise<T> => {
    const answer = await request(new URL(address), options);
    try {
      return await consume(answer.body);
    } catch (error) {
      answer.body.destroy();
      throw isAirgapError(error) ? error : connectionError(error, new URL(address), options);
    } finally {
      answer.close();
    }
  };
  return withRetry(attempt, {
    retries: options.retries ?? 4,
    heals: (error) => healing(error, options),
    ...(options.retryDelay === undefined ? {} : { first: options.retryDelay }),
    ...(options.signal ? { signal: options.signal } : {}),
    onRetry: (error, wait) =>
      options.emit?.({
        type: 'note',
        level: 'info',
        text: `${error instanceof Error ? error.message : String(error)}; again in ${Math.ceil(wait / 1000)} s`,
      }),
  });
}

/** Bytes of a body, at most `limit` of them. */
export async function readBody(body: Readable, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      throw new AirgapError('REGISTRY_PROTOCOL', `${what} is too large`, {
        expected: `at most ${limit} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Answer {
  readonly body: Readable;
  readonly close: () => void;
}

async function request(start: URL, options: DownloadOptions): Promise<Answer> {
  let url = start;
  let login = options.login;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const transport = createTransport(url.host, options);
    const answer = await send(transport, { url, login }, options);
    if (answer.status === 200) return { body: answer.body, close: () => transport.close() };
    answer.body.destroy();
    transport.close();
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status > 399 || !location) throw statusError(answer, url, options);
    const next = new URL(location, url);
    const verdict = judgeRedirect(url, next);
    if (!verdict.follow) throw refused(url, `redirects to ${next.host}: ${verdict.reason}`, options);
    if (!verdict.withCredentials) login = undefined;
    url = next;
  }
  throw refused(start, `redirects more than ${MOST_REDIRECTS} times`, options);
}

async function send(
  transport: Transport,
  { url, login }: { readonly url: URL; readonly login: Login | undefined },
  options: DownloadOptions,
): Promise<HttpAnswer> {
  const headers = { accept: '*/*', ...(login ? { authorization: basic(login) } : {}) };
  try {
    return await transport.request({ method: 'GET', url, headers, signal: options.signal });
  } catch (error) {
    transport.close();
    throw connectionError(error, url, options);
  }
}

function statusError(answer: HttpAnswer, url: URL, options: DownloadOptions): AirgapError {
  const { status } = answer;
  const found = `HTTP ${status}`;
  const what = `${options.what} ${shown(url)}`;
  if (status === 401 || status === 407) {
    return new AirgapError('REGISTRY_AUTH', `${what} wants other credentials`, {
      found,
      hint: 'name the variables with user and password in the spec (credentials:), or run helm repo add',
    });
  }
  if (status === 403) return new AirgapError('REGISTRY_DENIED', `${what} may not be read`, { found });
  if (status === 404 || status === 410) {
    return new AirgapError(options.missing, `${what} is not there`, { found });
  }
  const after = parseRetryAfter(answer.headers['retry-after'], (options.now ?? Date.now)());
  const code = status === 429 ? 'REGISTRY_RATE_LIMIT' : 'REGISTRY_FAILED';
  const error = new AirgapError(code, `${what} gives no answer that can be used`, { found });
  if (status === 408 || status === 429 || status >= 500) WAITS.set(error, after ?? true);
  return error;
}

/** Errors that may heal, and how long the other side asked to wait (milliseconds). */
const WAITS = new WeakMap<Error, number | true>();

function healing(error: unknown, options: DownloadOptions): boolean | { readonly after: number } {
  if (options.signal?.aborted || !(error instanceof Error)) return false;
  const wait = WAITS.get(error);
  if (wait === undefined) return false;
  return wait === true ? true : { after: wait };
}

function connectionError(error: unknown, url: URL, options: DownloadOptions): unknown {
  if (options.signal?.aborted) return error;
  const code = systemCode(error) ?? systemCode((error as { cause?: unknown }).cause);
  const what = `${options.what} ${shown(url)}`;
  const tls = tlsFaultOf(code);
  if (tls) {
    return new AirgapError('REGISTRY_TLS', `${what}: ${tls.what}`, {
      found: code ?? '',
      hint: tls.hint,
      cause: error,
    });
  }
  const text = error instanceof Error ? printable(redact(error.message), 200) : String(error);
  const fault = new AirgapError('REGISTRY_UNREACHABLE', `${what} cannot be reached`, {
    found: code ?? text,
    cause: error,
  });
  if (code !== 'ENOTFOUND' && code !== 'ECONNREFUSED') WAITS.set(fault, true);
  return fault;
}

function refused(url: URL, reason: string, options: DownloadOptions): AirgapError {
  return new AirgapError('REGISTRY_PROTOCOL', `${options.what} ${shown(url)} ${reason}`);
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function shown(url: URL): string {
  return printable(redact(url.href), 300);
}
