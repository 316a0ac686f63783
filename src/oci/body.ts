import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import type { Descriptor, OpenBlob } from './types.js';

/** Hands out a blob's bytes in pieces of any length, from one stream as long as they are asked for in order. */
export interface BlobFeed {
  /** Exactly `length` bytes from `offset`, in chunks as they come. The last is held back until the source ended well. */
  take(offset: number, length: number): AsyncGenerator<Buffer, void, undefined>;
  close(): void;
  /** The farthest byte ever handed out: the registry cannot have more than that. */
  readonly handed: number;
}

/**
 * @throws AirgapError BLOB_MISMATCH when the source has fewer or more bytes than the descriptor says; what the
 * source throws passes unchanged
 */
export function createFeed(
  descriptor: Descriptor,
  open: OpenBlob,
  signal: AbortSignal | undefined,
): BlobFeed {
  let source: Readable | undefined;
  let chunks: AsyncIterator<Buffer> | undefined;
  let rest: Buffer | undefined;
  let position = -1;
  let handed = 0;

  const close = (): void => {
    source?.destroy();
    source = undefined;
    chunks = undefined;
    rest = undefined;
    position = -1;
  };

  const seek = async (offset: number): Promise<void> => {
    if (position === offset && chunks) return;
    close();
    source = await open(offset, signal);
    chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    position = offset;
  };

  const next = async (): Promise<Buffer | undefined> => {
    if (rest) {
      const chunk = rest;
      rest = undefined;
      return chunk;
    }
    const result = await chunks?.next();
    return result?.done === false ? result.value : undefined;
  };

  return {
    close,
    get handed() {
      return handed;
    },
    async *take(offset, length) {
      await seek(offset);
      let out = offset;
      const give = (chunk: Buffer): Buffer => {
        out += chunk.length;
        handed = Math.max(handed, out);
        return chunk;
      };
      let wanted = length;
      let held: Buffer | undefined;
      while (wanted > 0) {
        const chunk = await next();
        if (!chunk) throw short(descriptor, position);
        const piece = chunk.length > wanted ? chunk.subarray(0, wanted) : chunk;
        if (piece.length < chunk.length) rest = chunk.subarray(piece.length);
        position += piece.length;
        wanted -= piece.length;
        if (held) yield give(held);
        held = piece;
      }
      if (position === descriptor.size) {
        const surplus = await next();
        if (surplus && surplus.length > 0) throw long(descriptor);
      }
      if (held) yield give(held);
    },
  };
}

function short(descriptor: Descriptor, position: number): AirgapError {
  return new AirgapError('BLOB_MISMATCH', `blob ${descriptor.digest} ends too early`, {
    expected: `${descriptor.size} bytes`,
    found: `${position} bytes`,
  });
}

function long(descriptor: Descriptor): AirgapError {
  return new AirgapError('BLOB_MISMATCH', `blob ${descriptor.digest} is longer than it should be`, {
    expected: `${descriptor.size} bytes`,
    found: `more than ${descriptor.size} bytes`,
  });
}
