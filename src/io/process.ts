import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';

/** A child that ended, whatever its status. Output is redacted and capped. */
export interface ChildResult {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly canceled: boolean;
  /** Milliseconds. */
  readonly duration: number;
}

export interface ChildOptions {
  /** The whole environment of the child; nothing is inherited beyond it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array | Readable;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Bytes of output kept; more ends the child. 64 MiB when absent. */
  readonly maxBuffer?: number;
  /** Values that must never show in what is kept for messages. */
  readonly secrets?: readonly string[];
  /** Each line of stderr as it comes, already safe to show. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a program without a shell, in its own process group so that the terminal's Ctrl-C does not reach it.
 * A non-zero exit is a result, not an error; a program that is not there is an error.
 * stdout comes back as it was; stderr is redacted.
 * @throws AirgapError FILE_NOT_FOUND
 */
export async function runChild(
  file: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildResult> {
  const { execa } = await import('execa');
  const env = Object.fromEntries(Object.entries(options.env).filter((pair) => pair[1] !== undefined));
  const started = performance.now();
  const child = execa(file, [...args], {
    env: env as Record<string, string>,
    extendEnv: false,
    reject: false,
    detached: true,
    cleanup: true,
    stripFinalNewline: false,
    maxBuffer: options.maxBuffer ?? 64 * 1024 * 1024,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  child.once('exit', (_status: number | null, signal: string | null) => {
    const isOver = options.timeout !== undefined && performance.now() - started >= options.timeout;
    if (signal !== null || isOver || options.signal?.aborted) endGroup(child.pid);
  });
  if (options.onLine) void forwardLines(child.stderr, options.onLine, options.secrets);
  const result = await child;
  if (result.code === 'ENOENT' || result.code === 'EACCES') {
    throw new AirgapError('FILE_NOT_FOUND', `${file} cannot be run`, { found: result.code, cause: result });
  }
  return {
    argv: [file, ...args],
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: String(result.stdout ?? ''),
    stderr: printable(redact(String(result.stderr ?? ''), options.secrets), 64 * 1024),
    timedOut: result.timedOut,
    canceled: result.isCanceled,
    duration: Math.round(performance.now() - started),
  };
}

/** Children of a child that was ended hold its pipes open; they go with it. */
function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left of the group.
  }
}

async function forwardLines(
  stream: Readable | null,
  onLine: (line: string) => void,
  secrets: readonly string[] | undefined,
): Promise<void> {
  if (!stream) return;
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface({ input: stream })) onLine(printable(redact(line, secrets), 500));
}
