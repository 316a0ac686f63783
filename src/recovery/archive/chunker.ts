import { createHash } from 'node:crypto';
import { BLOCK, paddingOf } from '../../bundle/tar.js';
import { entryHeader } from './entries.js';

export interface ChunkOptions {
  /** Bytes of every chunk but the last. */
  readonly chunkSize: number;
  /** Path of a chunk's entry; index from 0. */
  readonly pathOf: (index: number) => string;
  /** Takes one whole entry: header, content, padding. The buffer is used again afterwards. */
  readonly write: (entry: Buffer) => Promise<void>;
  /** Bytes that came in. */
  readonly onBytes: (count: number) => void;
}

export interface ChunkRun {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly chunks: readonly string[];
}

/**
 * Cuts a stream into tar entries whose size is known when their header is written: one chunk is held in memory, in one
 * buffer with room for its header and padding.
 */
export async function cutIntoChunks(
  stream: AsyncIterable<Uint8Array>,
  options: ChunkOptions,
): Promise<ChunkRun> {
  const { chunkSize } = options;
  const buffer = Buffer.allocUnsafeSlow(BLOCK + chunkSize + paddingOf(chunkSize));
  const hash = createHash('sha256');
  const chunks: string[] = [];
  let size = 0;
  let held = 0;

  const flush = async (): Promise<void> => {
    const content = buffer.subarray(BLOCK, BLOCK + held);
    entryHeader({ path: options.pathOf(chunks.length), size: held }).copy(buffer);
    const end = BLOCK + held + paddingOf(held);
    buffer.fill(0, BLOCK + held, end);
    hash.update(content);
    chunks.push(hash.copy().digest('hex'));
    await options.write(buffer.subarray(0, end));
    held = 0;
  };
  for await (const piece of stream) {
    let done = 0;
    while (done < piece.length) {
      if (held === chunkSize) await flush();
      const taken = Math.min(piece.length - done, chunkSize - held);
      buffer.set(piece.subarray(done, done + taken), BLOCK + held);
      held += taken;
      done += taken;
    }
    size += piece.length;
    options.onBytes(piece.length);
  }
  if (held > 0 || chunks.length === 0) await flush();
  return { size, sha256: hash.digest('hex'), chunks };
}
