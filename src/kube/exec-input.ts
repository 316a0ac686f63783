import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type WebSocket from 'ws';
import { AirgapError } from '../errors.js';

/** What kubectl sends at a time; some servers refuse much more. */
const STDIN_CHUNK = 32 * 1024;
const STDIN = 0;
const CLOSE = 255;
const V5 = 'v5.channel.k8s.io';

/**
 * Runs the command, says on standard error that it wants no more input, and reads what is left, to its end or to a
 * line that stands in no input. The container runtime waits until somebody has read all that it was given: without this
 * neither status nor output of a command that fails early ever arrives (kubectl exec hangs likewise).
 */
const LEAVING = '"$@"; status=$?; echo "airgap:enough $0" >&2; LC_ALL=C sed -n "/^$0\\$/q"; exit $status';

/** A command that counts its input and may end before it read all of it. */
export interface LeavingCommand {
  readonly command: readonly string[];
  /**
   * What ends the input where the channel cannot be closed: a line that stands in no input, and once more for a sed
   * that reads a line ahead.
   */
  readonly last: string;
  /** Shown every piece of standard error; true once the command wants no more. */
  readonly hasEnough: (said: Buffer) => boolean;
}

/** Wraps a command; its container needs sh and sed. */
export function leavingInput(command: readonly string[]): LeavingCommand {
  const line = `airgap-end-${randomBytes(12).toString('hex')}`;
  const sign = `airgap:enough ${line}`;
  let tail = '';
  let enough = false;
  return {
    command: ['sh', '-c', LEAVING, line, ...command],
    last: `\n${line}\n${line}\n`,
    hasEnough: (said) => {
      if (enough) return true;
      tail = (tail + said.toString('latin1')).slice(-(sign.length + said.length));
      enough = tail.includes(sign);
      return enough;
    },
  };
}

export interface Feeding {
  /** What a counting command is told after it said that it has enough, where the protocol cannot close its input. */
  readonly last: string | undefined;
  /** Aborted when the command wants no more, or is over. */
  readonly enough: AbortSignal;
  /** The conversation is over. */
  readonly over: AbortSignal;
  /** Heard whenever the system took a piece: its bytes. */
  readonly onSent: (bytes: number) => void;
}

/**
 * Sends standard input and its end.
 * @throws AirgapError EXEC_BROKEN where the protocol cannot end an input, and whatever the stream throws
 */
export async function feed(socket: WebSocket, stdin: Readable, feeding: Feeding): Promise<void> {
  const { last, enough, over, onSent } = feeding;
  const send = async (...parts: readonly Uint8Array[]): Promise<void> => {
    const frame = Buffer.concat(parts);
    await sendFrame(socket, frame);
    onSent(frame.length);
  };
  if (last === undefined && socket.protocol !== V5) {
    throw new AirgapError('EXEC_BROKEN', 'this API server cannot end the input of a command', {
      expected: `${V5} (Kubernetes 1.30 or newer)`,
      found: socket.protocol,
    });
  }
  for await (const bytes of untilEnough(stdin, enough))
    for (let at = 0; at < bytes.length && !enough.aborted; at += STDIN_CHUNK)
      await send(Buffer.of(STDIN), bytes.subarray(at, at + STDIN_CHUNK));
  if (over.aborted) return;
  if (socket.protocol === V5) {
    await send(Buffer.of(CLOSE, STDIN));
    return;
  }
  // Nothing follows what the command counts before it is over: it may read ahead.
  await aborted(enough);
  if (!over.aborted && last !== undefined) await send(Buffer.of(STDIN), Buffer.from(last));
}

/** The pieces of a stream; ends at once, wherever the stream is, when the signal says so. */
async function* untilEnough(stdin: Readable, enough: AbortSignal): AsyncGenerator<Buffer> {
  const stop = aborted(enough);
  const pieces = (stdin as AsyncIterable<Buffer | string>)[Symbol.asyncIterator]();
  for (;;) {
    const next = pieces.next();
    next.catch(() => {});
    const found = await Promise.race([next, stop]);
    if (found === undefined) {
      stdin.destroy();
      return;
    }
    if (found.done) return;
    yield Buffer.from(found.value as Buffer);
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function sendFrame(socket: WebSocket, frame: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) {
      // The command ended before it read all; its status says whether that was right.
      resolve();
      return;
    }
    // A connection that broke says so itself: its end is what the caller hears of.
    socket.send(frame, { binary: true }, () => resolve());
  });
}
