import { AirgapError } from '../errors.js';
import { runChild } from '../io/process.js';
import { printable, redact } from '../redact.js';
import type { Credentials, Env } from './client.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const TIMEOUT = 10_000;
const OUTPUT_LIMIT = 64 * 1024;

/**
 * Asks `docker-credential-NAME get` for the credentials of a server (docker-credential-helpers protocol).
 * Undefined when it says that it has none.
 * @throws AirgapError REGISTRY_AUTH
 */
export async function askHelper(
  name: string,
  server: string,
  options: { readonly env: Env; readonly signal?: AbortSignal; readonly timeout?: number },
): Promise<Credentials | undefined> {
  if (!NAME.test(name)) throw broken(name, 'its name is not one of a program', printable(name, 80));
  const timeout = options.timeout ?? TIMEOUT;
  const result = await runChild(`docker-credential-${name}`, ['get'], {
    env: options.env,
    input: `${server}\n`,
    timeout,
    maxBuffer: OUTPUT_LIMIT,
    ...(options.signal ? { signal: options.signal } : {}),
  }).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    throw broken(name, 'it cannot be run', `docker-credential-${name} is not on PATH`, error);
  });
  options.signal?.throwIfAborted();
  if (result.timedOut) throw broken(name, `it did not answer within ${timeout / 1000} s`, 'no answer');
  if (Buffer.byteLength(result.stdout) >= OUTPUT_LIMIT)
    throw broken(name, 'it writes too much', '64 KiB and more');
  if (result.exitCode !== 0) {
    const words = `${result.stdout} ${result.stderr}`;
    if (/credentials not found|no credentials|not found in native keychain/i.test(words)) return undefined;
    // Its stdout may be the secret itself; only stderr is shown, redacted.
    throw broken(
      name,
      'it failed',
      printable(redact(result.stderr.trim()), 200) || `status ${result.exitCode}`,
    );
  }
  return readAnswer(name, result.stdout);
}

function readAnswer(name: string, text: string): Credentials | undefined {
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    throw broken(name, 'its answer is not JSON', `${text.length} characters`);
  }
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw broken(name, 'its answer lacks Username or Secret', 'another JSON document');
  }
  if (username === '' && secret === '') return undefined;
  if (username === '<token>') return { kind: 'identity', token: secret };
  return { kind: 'basic', username, password: secret };
}

function broken(name: string, why: string, found: string, cause?: unknown): AirgapError {
  return new AirgapError(
    'REGISTRY_AUTH',
    `the credential helper ${printable(name, 80)} is of no use: ${why}`,
    {
      found,
      hint: 'mend the helper, or give another file with --authfile',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
