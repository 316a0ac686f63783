import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { AirgapError } from '../errors.js';

/** What a stream of bytes must turn out to be. */
export interface Expectation {
  /** 64 hex digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** The object's name, for messages: "blob sha256:3f9c… of registry/repository". */
  readonly what: string;
}

/**
 * A pass-through that fails with BLOB_MISMATCH at the first byte too many, or at the end when size or digest
 * differ: verification lives in the stream that carries the bytes. The last chunk is held back until the digest is
 * known, so that wrong content never arrives whole.
 */
export function checkedStream(expected: Expectation): Transform {
  const hash = createHash('sha256');
  let size = 0;
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > expected.size) {
        done(mismatch(expected, `more than ${expected.size} bytes`));
        return;
      }
      hash.update(chunk);
      const ready = held;
      held = chunk;
      done(null, ready);
    },
    flush(done) {
      const found = hash.digest('hex');
      const right = size === expected.size && found === expected.sha256;
      if (right) done(null, held);
      else done(mismatch(expected, `sha256:${found}  (${size} bytes)`));
    },
  });
}

/** @throws AirgapError BLOB_MISMATCH when the bytes are not what is expected */
export function checkBytes(bytes: Buffer, expected: Expectation): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== expected.size) throw mismatch(expected, `sha256:${found}  (${bytes.length} bytes)`);
  requireDigest(found, expected);
}

/** For bytes of the right size. @param found 64 hex digits @throws AirgapError BLOB_MISMATCH */
export function requireDigest(found: string, expected: Expectation): void {
  if (found !== expected.sha256) throw mismatch(expected, `sha256:${found}  (${expected.size} bytes)`);
}

function mismatch(expected: Expectation, found: string): AirgapError {
  return new AirgapError('BLOB_MISMATCH', `${expected.what} does not match its digest`, {
    expected: `sha256:${expected.sha256}  (${expected.size} bytes)`,
    found,
  });
}
