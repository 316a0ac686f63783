import type { FileHandle } from 'node:fs/promises';
import { CHUNK, sealChunk } from './age/stream.js';

/** Takes the bytes of the tar, in order. */
export interface ByteSink {
  /** The caller may reuse `bytes` as soon as this is done. */
  write(bytes: Buffer): Promise<void>;
  /** Writes what is held back. Bytes of the file. */
  end(): Promise<number>;
}

/** Bytes gathered before one write. */
const BATCH = 1024 * 1024;

export function plainSink(file: FileHandle): ByteSink {
  let at = 0;
  return {
    async write(bytes) {
      await writeAll(file, [bytes], at);
      at += bytes.length;
    },
    end: async () => at,
  };
}

export interface SealOptions {
  /** The whole age header and the nonce that follows it. */
  readonly head: Buffer;
  /** The key of the payload. */
  readonly key: Buffer;
}

/** Seals in chunks of 64 KiB; while one batch goes to the disk, the next is sealed. */
export function sealingSink(file: FileHandle, { head, key }: SealOptions): ByteSink {
  const pending = Buffer.allocUnsafeSlow(CHUNK);
  let held = 0;
  let index = 0;
  let at = 0;
  let batch: Buffer[] = [head];
  let batched = head.length;
  let writing: Promise<void> = Promise.resolve();

  const flush = async (): Promise<void> => {
    await writing;
    const [buffers, offset] = [batch, at];
    at += batched;
    batch = [];
    batched = 0;
    writing = writeAll(file, buffers, offset);
    // Awaited before the next write; until then a failure must not count as unhandled.
    writing.catch(() => {});
  };
  const sealOne = async (plaintext: Buffer, place: 'inner' | 'last'): Promise<void> => {
    const sealed = sealChunk(key, { index, isLast: place === 'last' }, plaintext);
    index += 1;
    batch.push(...sealed);
    batched += sealed[0].length + sealed[1].length;
    if (batched >= BATCH) await flush();
  };
  return {
    async write(bytes) {
      let done = 0;
      while (done < bytes.length) {
        if (held === CHUNK) {
          await sealOne(pending, 'inner');
          held = 0;
        }
        if (held === 0 && bytes.length - done > CHUNK) {
          await sealOne(bytes.subarray(done, done + CHUNK), 'inner');
          done += CHUNK;
          continue;
        }
        const taken = bytes.copy(pending, held, done, done + CHUNK - held);
        held += taken;
        done += taken;
      }
    },
    async end() {
      await sealOne(pending.subarray(0, held), 'last');
      await flush();
      await writing;
      return at;
    },
  };
}

/** A short write is followed by the rest; the system then says why it was short. */
async function writeAll(file: FileHandle, buffers: readonly Buffer[], offset: number): Promise<void> {
  let left = buffers;
  let at = offset;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    left = dropFront(left, bytesWritten);
  }
}

function dropFront(buffers: readonly Buffer[], count: number): Buffer[] {
  let rest = count;
  return buffers.flatMap((buffer) => {
    const dropped = Math.min(rest, buffer.length);
    rest -= dropped;
    return dropped === buffer.length ? [] : [buffer.subarray(dropped)];
  });
}
