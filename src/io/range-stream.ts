import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AirgapError, isAirgapError, systemCode } from '../errors.js';
import type { Expectation } from './checked.js';

export interface RangeOptions {
  /** First byte of the range in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** The file's name, for messages. */
  readonly path: string;
  /** What the range must turn out to be; checked as it is read, the last bytes are held until it is known. */
  readonly expected?: Expectation;
}

/** Large enough to make calls rare, small enough to stay in the cache while it is hashed and sent. */
const CHUNK = 1024 * 1024;

/**
 * Streams a range of an open file by positioned reads: no copy, no hash pass of its own, any number at a time.
 * The handle stays open.
 * @throws AirgapError (in the stream) BLOB_MISMATCH, MEDIA_ERROR
 */
export function readRange(handle: FileHandle, options: RangeOptions): Readable {
  const { offset, length, path, expected } = options;
  const hash = expected && createHash('sha256');
  let done = 0;

  const readChunk = async (): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, length - done));
    let filled = 0;
    while (filled < buffer.length) {
      const at = offset + done + filled;
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, at);
      if (bytesRead === 0) throw unreadable(path, at, 'the file ends here');
      filled += bytesRead;
    }
    return buffer;
  };

  const next = async (): Promise<Buffer | null> => {
    if (done >= length) {
      if (length === 0) verify();
      return null;
    }
    const chunk = await readChunk();
    hash?.update(chunk);
    done += chunk.length;
    if (done === length) verify();
    return chunk;
  };

  const verify = (): void => {
    if (!expected || !hash) return;
    const found = hash.digest('hex');
    if (found === expected.sha256 && length === expected.size) return;
    throw new AirgapError('BLOB_MISMATCH', `${expected.what} does not match its digest`, {
      expected: `sha256:${expected.sha256}  (${expected.size} bytes)`,
      found: `sha256:${found}  (${length} bytes)`,
    });
  };

  return new Readable({
    highWaterMark: CHUNK,
    read() {
      next().then(
        (chunk) => this.push(chunk),
        (error: unknown) => {
          const code = isAirgapError(error) ? undefined : systemCode(error);
          this.destroy((code ? unreadable(path, offset + done, code, error) : error) as Error);
        },
      );
    },
  });
}

function unreadable(path: string, at: number, found: string, cause?: unknown): AirgapError {
  return new AirgapError('MEDIA_ERROR', `${path} cannot be read at byte ${at}`, { found, cause });
}
