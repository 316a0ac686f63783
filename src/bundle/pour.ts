import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import { checkBytes, requireDigest } from '../io/checked.js';
import {
  BLOCK_SIZE,
  type Block,
  giveBack,
  type RunningHash,
  startHash,
  takeBlock,
} from '../io/hash-thread.js';
import { putBytes } from '../oci/byte-sink.js';
import type { ByteSink } from '../oci/types.js';
import type { Position } from './positions.js';
import type { Target } from './target.js';

/**
 * The bytes of an entry. A plain stream is hashed while it is written, and so is what a source pours (`what` is its
 * name for messages); `checked` is for a stream that itself fails unless size and digest are right
 * (ImageSource.blob), so that nothing is hashed twice.
 */
export type EntryBytes =
  | Buffer
  | Readable
  | { readonly checked: Readable }
  | { readonly pour: (sink: ByteSink) => Promise<void>; readonly what: string };

export interface Place {
  readonly target: Target;
  readonly position: Position;
  readonly signal: AbortSignal;
  readonly onBytes: (count: number) => void;
}

/**
 * Writes the bytes of an entry to their place; nothing is written beyond the entry's end.
 * @throws AirgapError BLOB_MISMATCH when size or digest are not the entry's; and what the source and the disk throw
 */
export async function pourEntry(bytes: EntryBytes, place: Place): Promise<void> {
  const { position, target, onBytes } = place;
  const expected = { what: position.path, size: position.size, sha256: position.sha256 as string };
  if (Buffer.isBuffer(bytes)) {
    checkBytes(bytes, expected);
    await target.write([bytes], position.offset);
    onBytes(bytes.length);
    return;
  }
  if ('checked' in bytes) {
    await fill(place, undefined, (sink) => drain(bytes.checked, sink, place.signal));
    return;
  }
  const hash = startHash(position.size);
  const [what, pour] =
    'pour' in bytes
      ? [bytes.what, bytes.pour]
      : [position.path, (sink: ByteSink) => drain(bytes, sink, place.signal)];
  try {
    await fill(place, hash, pour);
  } catch (error) {
    hash.drop();
    throw error;
  }
  requireDigest(await hash.digest(), { ...expected, what });
}

async function fill(
  { target, position, signal, onBytes }: Place,
  hash: RunningHash | undefined,
  pour: (sink: ByteSink) => Promise<void>,
): Promise<void> {
  const end = position.offset + position.size;
  let at = position.offset;
  let block: Block | undefined;
  let filled = 0;

  const flush = async (): Promise<void> => {
    if (block === undefined) return;
    await target.write([block.bytes.subarray(0, filled)], at);
    if (hash) hash.update(block, filled);
    else giveBack(block);
    block = undefined;
    at += filled;
    onBytes(filled);
    filled = 0;
  };
  const sink: ByteSink = {
    space() {
      const left = end - at - filled;
      if (left === 0) throw wrongSize(position);
      block ??= takeBlock();
      return block.bytes.subarray(filled, filled + left);
    },
    filled(count) {
      signal.throwIfAborted();
      filled += count;
      return filled === BLOCK_SIZE ? flush() : undefined;
    },
  };
  try {
    await pour(sink);
    signal.throwIfAborted();
    await flush();
    if (at !== end) throw wrongSize(position);
  } finally {
    if (block) giveBack(block);
  }
}

async function drain(stream: Readable, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const abort = (): void => void stream.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) await putBytes(sink, chunk);
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

function wrongSize({ path, size }: Position): AirgapError {
  return new AirgapError('BLOB_MISMATCH', `${path} does not have the size that its descriptor gives`, {
    expected: `${size} bytes`,
  });
}
