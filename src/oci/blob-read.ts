import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import type { Api } from './api.js';
import { putBytes } from './byte-sink.js';
import { hexOf } from './digest.js';
import { canReadDirect, readDirect } from './direct-body.js';
import { parseContentRange } from './headers.js';
import type { HttpAnswer } from './transport.js';
import type { BlobOptions, ByteSink, Descriptor } from './types.js';

/** Where a blob is and what it must be. */
export interface Wanted {
  readonly api: Api;
  readonly path: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly what: string;
  readonly signal: AbortSignal | undefined;
}

/** Pieces of the network are gathered to this size for readers of the stream. */
const BLOCK = 1024 * 1024;

/**
 * A blob as a stream that goes on after a broken connection with a Range request, and that fails with BLOB_MISMATCH
 * at the first byte too many or, read from byte 0, at its end when the digest is wrong.
 */
export function readBlob(wanted: Wanted, options: BlobOptions): Readable {
  const { descriptor, what } = wanted;
  const start = options.offset ?? 0;
  const hash = start === 0 ? createHash('sha256') : undefined;
  let position = start;
  let block: Buffer | undefined;
  let filled = 0;
  let last: Buffer | undefined;
  let resume: (() => void) | undefined;

  /** Gathers bytes; the last block is kept until the digest is known. */
  const sink: ByteSink = {
    space() {
      block ??= Buffer.allocUnsafeSlow(Math.min(BLOCK, descriptor.size - position));
      return block.subarray(filled);
    },
    filled(count) {
      filled += count;
      position += count;
      if (block === undefined || filled < block.length) return undefined;
      const full = block;
      block = undefined;
      filled = 0;
      hash?.update(full);
      if (position === descriptor.size) last = full;
      else if (!stream.push(full)) {
        return new Promise((resolve) => {
          resume = resolve;
        });
      }
      return undefined;
    },
  };

  const pouring = pourBlob(wanted, { from: start, sink });
  const stream = new Readable({
    highWaterMark: BLOCK,
    read() {
      resume?.();
    },
    destroy(error, done) {
      pouring.stop();
      done(error);
    },
  });
  const finish = async (): Promise<void> => {
    await pouring.done;
    const found = hash && `sha256:${hash.digest('hex')}`;
    if (found !== undefined && found !== descriptor.digest) {
      throw mismatch(descriptor, what, `${found}  (${position} bytes)`);
    }
    if (last) stream.push(last);
    stream.push(null);
  };
  finish().catch((error: unknown) => stream.destroy(error as Error));
  return stream;
}

/** Bytes on their way to a taker. */
export interface Pouring {
  /** All bytes were taken, as many as the descriptor says; their digest is not checked. */
  readonly done: Promise<void>;
  stop(): void;
}

/** The bytes of a blob from `from` on, in the network's pieces; goes on after a broken connection with Range. */
export function pourBlob(
  wanted: Wanted,
  { from: start, sink }: { readonly from: number; readonly sink: ByteSink },
): Pouring {
  const { descriptor, what } = wanted;
  let position = start;
  let current: Readable | undefined;
  let stopped = false;
  const counted: ByteSink = {
    space: () => sink.space(),
    filled(count) {
      position += count;
      return sink.filled(count);
    },
  };

  /** Passes on what one answer brings; ends when it has ended. */
  const drain = (answer: HttpAnswer, skip: number): Promise<void> =>
    new Promise((resolve, reject) => {
      let ahead = skip;
      let waiting: Promise<void> | undefined;
      const body = answer.body;
      const end = (settle: () => void): void => {
        if (waiting) waiting.then(settle, reject);
        else settle();
      };
      const fail = (error: unknown): void => {
        reject(error);
        body.destroy();
      };
      body.on('data', (bytes: Buffer) => {
        const chunk = ahead > 0 ? bytes.subarray(ahead) : bytes;
        ahead = Math.max(0, ahead - bytes.length);
        if (position + chunk.length > descriptor.size) {
          fail(mismatch(descriptor, what, `more than ${descriptor.size} bytes`));
          return;
        }
        try {
          const busy = putBytes(counted, chunk);
          if (busy === undefined) return;
          body.pause();
          waiting = busy;
          busy.then(() => {
            waiting = undefined;
            body.resume();
          }, fail);
        } catch (error) {
          fail(error);
        }
      });
      body.on('end', () => end(resolve));
      body.on('error', (error) => end(() => reject(wanted.api.translate(error))));
      body.on('close', () => end(resolve));
    });

  const fetchRest = async (): Promise<void> => {
    if (stopped || position >= descriptor.size) return;
    const from = position;
    const answer = await requestFrom(wanted, from);
    if (stopped) {
      answer.body.destroy();
      return;
    }
    current = answer.body;
    const rest = descriptor.size - from;
    const skip = answer.status === 200 ? from : 0;
    if (skip === 0 && canReadDirect(answer.body, rest)) {
      await readDirect(answer.body, rest, counted).catch((error: unknown) => {
        throw wanted.api.translate(error);
      });
    } else await drain(answer, skip);
    if (position < descriptor.size && !stopped) {
      const missing = `the connection ended after ${position} of ${descriptor.size} bytes`;
      throw new AirgapError('REGISTRY_FAILED', what, { found: missing, cause: premature(missing) });
    }
  };

  return {
    done: wanted.api.retrying(fetchRest, { signal: wanted.signal, progress: () => position }),
    stop() {
      stopped = true;
      current?.destroy();
    },
  };
}

async function requestFrom(wanted: Wanted, from: number): Promise<HttpAnswer> {
  const { api, what, scopes, signal } = wanted;
  const answer = await api.send({
    method: 'GET',
    to: wanted.path,
    scopes,
    what,
    headers: from > 0 ? { range: `bytes=${from}-` } : {},
    ...(signal ? { signal } : {}),
  });
  if (answer.status === 206) {
    const range = parseContentRange(answer.headers['content-range']);
    if (range?.start === from) return answer;
    answer.body.destroy();
    throw new AirgapError('REGISTRY_PROTOCOL', what, {
      expected: `bytes from ${from}`,
      found: `Content-Range: ${String(answer.headers['content-range']).slice(0, 80)}`,
    });
  }
  if (answer.status === 200) return answer;
  throw await api.fail(answer, what);
}

function premature(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

function mismatch(descriptor: Descriptor, what: string, found: string): AirgapError {
  return new AirgapError('BLOB_MISMATCH', `${what}: it does not match its digest`, {
    expected: `sha256:${hexOf(descriptor.digest)}  (${descriptor.size} bytes)`,
    found,
  });
}
