import { PassThrough, Readable, Writable } from 'node:stream';
import { AirgapError, type ErrorCode, isAirgapError } from '../errors.js';
import type { ExecResult, ExecTarget, KubeClient } from '../kube/types.js';
import { printable, redact } from '../redact.js';

export interface ExecInput {
  readonly client: Pick<KubeClient, 'exec'>;
  readonly target: ExecTarget;
  /** Given on standard input before anything else: passwords never stand in a command line. */
  readonly input?: string;
  readonly signal: AbortSignal;
}

/** Bytes of standard error that are kept: facts about many tables come that way. */
const MOST_REPORT = 32 * 1024 * 1024;

/**
 * Runs a command whose standard output is a stream of any length and hands that to `take`. Whichever side fails ends
 * the other; what `take` did counts only when this resolves.
 * @throws AirgapError EXEC_BROKEN and whatever `take` throws; a non-zero exit is a result
 */
export async function execStream<T>(
  { client, target, input, signal }: ExecInput,
  take: (stdout: Readable) => Promise<T>,
): Promise<{ readonly taken: T; readonly result: ExecResult; readonly report: string }> {
  const stdout = new PassThrough({ highWaterMark: 1024 * 1024 });
  const stop = new AbortController();
  const report = collector(MOST_REPORT);
  const running = client.exec(target, {
    stdout,
    stderr: report.stream,
    ...(input === undefined
      ? {}
      : { stdin: Readable.from([Buffer.from(input)]), endOfInput: 'counted' as const }),
    signal: AbortSignal.any([signal, stop.signal]),
  });
  running.catch((error: unknown) => stdout.destroy(error instanceof Error ? error : undefined));
  const taking = take(stdout).catch((error: unknown) => {
    stop.abort(error);
    throw error;
  });
  const [ran, took] = await Promise.allSettled([running, taking]);
  if (ran.status === 'rejected')
    throw withWords(stop.signal.aborted ? stop.signal.reason : ran.reason, report.text());
  if (took.status === 'rejected') throw took.reason;
  return { taken: took.value, result: ran.value, report: report.text() };
}

/**
 * Runs a command that reads a stream of known length after its input; it ends by itself when it has read all.
 * @throws AirgapError EXEC_BROKEN and whatever the stream throws; a non-zero exit is a result
 */
export async function execInto(
  { client, target, input = '', signal }: ExecInput,
  stream: Readable,
  onBytes: (done: number) => void,
): Promise<{ readonly exitCode: number; readonly report: string; readonly stdout: string }> {
  let done = 0;
  let failure: unknown;
  const feed = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(input);
    try {
      for await (const piece of stream as AsyncIterable<Buffer>) {
        done += piece.length;
        yield piece;
        onBytes(done);
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const report = collector(MOST_REPORT);
  const stdin = Readable.from(feed(), { objectMode: false });
  try {
    const { exitCode, stdout } = await client.exec(target, {
      stdin,
      endOfInput: 'counted',
      stderr: report.stream,
      signal,
    });
    return { exitCode, report: report.text(), stdout: stdout.toString('utf8') };
  } catch (error) {
    throw failure ?? withWords(error, report.text());
  } finally {
    stdin.destroy();
    stream.destroy();
  }
}

/** Runs a short command to its end. @throws AirgapError of the given code when it exits with another status than 0 */
export async function execText(
  { client, target, input, signal }: ExecInput,
  failure: { readonly code: ErrorCode; readonly what: string },
): Promise<string> {
  const { exitCode, stdout, stderr } = await client.exec(target, {
    ...(input === undefined
      ? {}
      : { stdin: Readable.from([Buffer.from(input)]), endOfInput: 'counted' as const }),
    signal,
  });
  if (exitCode === 0) return stdout.toString('utf8');
  throw new AirgapError(failure.code, failure.what, { found: `exit ${exitCode}: ${lastWords(stderr)}` });
}

/** The last lines of what a program said, safe to show. */
export function lastWords(stderr: string): string {
  // What bash says of a program that was killed begins with our name too, and a space.
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^airgap:(?! )/.test(line));
  return printable(redact(lines.slice(-4).join(' ')), 800) || 'nothing was said';
}

/** A broken stream with what its command had said; what our own programs report is left out: facts may be secrets. */
function withWords(error: unknown, report: string): unknown {
  if (!isAirgapError(error, 'EXEC_BROKEN') || /^(?:airgap:.*\n?|\s)*$/.test(report)) return error;
  const { message, expected, found = '', hint } = error;
  return new AirgapError('EXEC_BROKEN', message, {
    ...(expected === undefined ? {} : { expected }),
    found: `${found}; the command had said: ${lastWords(report)}`,
    hint,
    cause: error,
  });
}

function collector(most: number): { readonly stream: Writable; text(): string } {
  const pieces: Buffer[] = [];
  let size = 0;
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      size += piece.length;
      if (size <= most) pieces.push(Buffer.from(piece));
      done(size <= most ? null : new AirgapError('EXEC_BROKEN', `the command said more than ${most} bytes`));
    },
  });
  return { stream, text: () => Buffer.concat(pieces).toString('utf8') };
}

/** A bash program with its arguments, and what it reads first; the program itself comes over standard input too. */
export interface BashCall {
  readonly script: string;
  readonly args: readonly string[];
  /** Lines that the program reads: secrets. */
  readonly lines?: readonly string[];
}

/** The command line stays short, whatever a proxy before the API server allows, and shows nothing. */
export function bashCall({ script, args, lines = [] }: BashCall): {
  readonly command: string[];
  readonly input: string;
} {
  const size = Buffer.byteLength(script);
  return {
    command: ['bash', '-c', `eval "$(head -c ${size})"`, 'airgap', ...args],
    input: script + lines.map((line) => `${line}\n`).join(''),
  };
}
