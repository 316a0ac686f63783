import { deriveKey, seal, TAG, unseal } from './primitives.js';

/** Bytes of plaintext in every chunk but the last. */
export const CHUNK = 64 * 1024;
/** Bytes of a sealed whole chunk. */
export const SEALED = CHUNK + TAG;
/** Bytes between header and first chunk. */
export const NONCE = 16;

/** Where a chunk stands: the nonce is made of it, so that no chunk can be moved, dropped or added. */
export interface ChunkPlace {
  readonly index: number;
  readonly isLast: boolean;
}

export function payloadKey(fileKey: Buffer, nonce: Buffer): Buffer {
  return deriveKey(fileKey, nonce, 'payload');
}

export function sealChunk(key: Buffer, place: ChunkPlace, plaintext: Buffer): [Buffer, Buffer] {
  return seal(key, nonceOf(place), plaintext);
}

/** Undefined when the bytes are not the chunk of this place. */
export function openChunk(key: Buffer, place: ChunkPlace, sealed: Buffer): Buffer | undefined {
  return unseal(key, nonceOf(place), sealed);
}

export interface PayloadShape {
  readonly chunks: number;
  /** Bytes of plaintext. */
  readonly size: number;
}

/** What a payload of so many bytes (chunks only) holds; undefined when no payload has this length. */
export function shapeOf(length: number): PayloadShape | undefined {
  const chunks = Math.ceil(length / SEALED);
  const last = length - (chunks - 1) * SEALED;
  if (chunks === 0 || last < TAG || (last === TAG && chunks > 1)) return undefined;
  return { chunks, size: length - chunks * TAG };
}

/** Eleven bytes of counter, big endian, and one that marks the last chunk. */
function nonceOf({ index, isLast }: ChunkPlace): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
