import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import type { Api } from './api.js';
import { hexOf } from './digest.js';
import { parseContentRange } from './headers.js';
import type { HttpAnswer } from './transport.js';
import type { BlobOptions, Descriptor } from './types.js';

/** Where a blob is and what it must be. */
interface Wanted {
  readonly api: Api;
  readonly path: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly what: string;
  readonly signal: AbortSignal | undefined;
}

/** Pieces of the network are gathered to this size: a file is written and hashed in few large steps. */
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
  let current: Readable | undefined;
  let resume: (() => void) | undefined;

  const stream = new Readable({
    highWaterMark: BLOCK,
    read() {
      if (resume) resume();
    },
    destroy(error, done) {
      current?.destroy();
      done(error);
    },
  });

  /** Gathers bytes; false when the reader has enough for now. The last block is kept until the digest is known. */
  const take = (bytes: Buffer): boolean => {
    let wantsMore = true;
    for (let at = 0; at < bytes.length; ) {
      block ??= Buffer.allocUnsafeSlow(Math.min(BLOCK, descriptor.size - position));
      const copied = bytes.copy(block, filled, at);
      at += copied;
      filled += copied;
      position += copied;
      if (filled < block.length) continue;
      hash?.update(block);
      if (position === descriptor.size) last = block;
      else wantsMore = stream.push(block);
      block = undefined;
      filled = 0;
    }
    return wantsMore;
  };

  /** Passes on what one answer brings; ends when it has ended. */
  const drain = (answer: HttpAnswer, skip: number): Promise<void> =>
    new Promise((resolve, reject) => {
      let ahead = skip;
      const body = answer.body;
      current = body;
      resume = () => body.resume();
      body.on('data', (bytes: Buffer) => {
        const chunk = ahead > 0 ? bytes.subarray(ahead) : bytes;
        ahead = Math.max(0, ahead - bytes.length);
        if (position + chunk.length > descriptor.size) {
          reject(mismatch(descriptor, what, `more than ${descriptor.size} bytes`));
          body.destroy();
        } else if (!take(chunk)) {
          body.pause();
        }
      });
      body.on('end', () => resolve());
      body.on('error', (error) => reject(wanted.api.translate(error)));
      body.on('close', () => resolve());
    });

  const fetchRest = async (): Promise<void> => {
    if (stream.destroyed || position >= descriptor.size) return;
    const from = position;
    const answer = await requestFrom(wanted, from);
    if (stream.destroyed) {
      answer.body.destroy();
      return;
    }
    await drain(answer, answer.status === 200 ? from : 0);
    if (position < descriptor.size && !stream.destroyed) {
      const missing = `the connection ended after ${position} of ${descriptor.size} bytes`;
      throw new AirgapError('REGISTRY_FAILED', what, { found: missing, cause: premature(missing) });
    }
  };

  const run = async (): Promise<void> => {
    await wanted.api.retrying(fetchRest, { signal: wanted.signal, progress: () => position });
    const found = hash && `sha256:${hash.digest('hex')}`;
    if (found !== undefined && found !== descriptor.digest) {
      throw mismatch(descriptor, what, `${found}  (${position} bytes)`);
    }
    if (last) stream.push(last);
    stream.push(null);
  };
  run().catch((error: unknown) => stream.destroy(error as Error));
  return stream;
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
