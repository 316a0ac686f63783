import { type ByteSource, openFiles } from '../../bundle/source.js';
import { AirgapError, isAirgapError } from '../../errors.js';
import { AGE_MAGIC, type AgeHeader, HEADER_LIMIT, parseHeader } from './age/header.js';
import { CHUNK, NONCE, openChunk, type PayloadShape, payloadKey, SEALED, shapeOf } from './age/stream.js';
import { type Unlock, unlockHeader } from './age/unlock.js';

/** Random access to the tar of a backup, encrypted or not. */
export interface TarSource {
  /** Bytes of the tar. */
  readonly size: number;
  /** @throws AirgapError BACKUP_INVALID (damaged), MEDIA_ERROR */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** What shows of a file without any key. */
export interface BackupFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly bytes: ByteSource;
  /** Absent for a plain backup. */
  readonly header?: AgeHeader;
}

/** @throws AirgapError FILE_NOT_FOUND, BACKUP_INVALID (no regular file, a damaged header) */
export async function openBackupFile(path: string): Promise<BackupFile> {
  const bytes = await openFiles(path, [path]).catch((error: unknown) => {
    throw isAirgapError(error, 'NOT_A_BUNDLE') ? notABackup(path, error.found) : error;
  });
  return readAgeHeader(bytes);
}

/** As openBackupFile, from bytes that are open already; closes them when it fails. */
export async function readAgeHeader(bytes: ByteSource): Promise<BackupFile> {
  const { path, size } = bytes;
  try {
    const start = await bytes.read(0, Math.min(size, HEADER_LIMIT));
    if (start.toString('latin1', 0, AGE_MAGIC.length) !== AGE_MAGIC) return { path, size, bytes };
    const header = parseHeader(start);
    if (typeof header === 'string') throw new AirgapError('BACKUP_INVALID', `${path} ${header}`);
    return { path, size, bytes, header };
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** The tar inside a file. @throws AirgapError BACKUP_KEY, BACKUP_INVALID */
export async function openTar(file: BackupFile, unlock: Unlock): Promise<TarSource> {
  const { header, bytes, path } = file;
  if (!header) {
    return {
      size: bytes.size,
      read: (offset, length) => readBytes(file, offset, length),
      close: () => bytes.close(),
    };
  }
  const fileKey = await unlockHeader(header, unlock, path);
  const start = header.length + NONCE;
  const shape = shapeOf(file.size - start);
  if (!shape) throw cut(path, file.size);
  const key = payloadKey(fileKey, await readBytes(file, header.length, NONCE));
  const read = createUnsealer({ file, start, shape, key });
  // The last chunk is marked as such: opening it proves that nothing was cut off.
  await read(Math.max(0, shape.size - 1), Math.min(1, shape.size));
  return { size: shape.size, read, close: () => bytes.close() };
}

interface Sealed {
  readonly file: BackupFile;
  /** Offset of the first chunk in the file. */
  readonly start: number;
  readonly shape: PayloadShape;
  readonly key: Buffer;
}

/** Chunks that are opened at once: sealed and opened bytes of a long range need not lie in memory together. */
const GROUP = 16;

/** Reads ranges of plaintext; the chunk at a boundary is kept, so that reading on opens nothing twice. */
function createUnsealer({ file, start, shape, key }: Sealed): TarSource['read'] {
  let kept: { readonly index: number; readonly bytes: Buffer } | undefined;

  const openFrom = async (first: number, last: number): Promise<Buffer[]> => {
    const from = start + first * SEALED;
    const sealed = await readBytes(file, from, Math.min(start + (last + 1) * SEALED, file.size) - from);
    return Array.from({ length: last - first + 1 }, (_, i) => {
      const place = { index: first + i, isLast: first + i === shape.chunks - 1 };
      const bytes = openChunk(key, place, sealed.subarray(i * SEALED, (i + 1) * SEALED));
      if (bytes) return bytes;
      throw damagedChunk(file.path, from + i * SEALED, place);
    });
  };
  return async (offset, length) => {
    if (offset + length > shape.size) throw cut(file.path, file.size);
    if (length === 0 && shape.size > 0) return Buffer.alloc(0);
    const first = Math.floor(offset / CHUNK);
    const last = Math.max(first, Math.floor((offset + length - 1) / CHUNK));
    const out = Buffer.allocUnsafeSlow(length);
    for (let index = first; index <= last; ) {
      const until = Math.min(last, index + GROUP - 1);
      const pieces = kept?.index === index ? [kept.bytes] : await openFrom(index, until);
      pieces.forEach((piece, i) => {
        const at = (index + i) * CHUNK - offset;
        piece.copy(out, Math.max(0, at), Math.max(0, -at));
      });
      index += pieces.length;
      kept = { index: index - 1, bytes: pieces.at(-1) as Buffer };
    }
    return out;
  };
}

async function readBytes({ bytes, path }: BackupFile, offset: number, length: number): Promise<Buffer> {
  if (offset + length > bytes.size) throw cut(path, bytes.size);
  return bytes.read(offset, length).catch((error: unknown) => {
    throw isAirgapError(error, 'BUNDLE_CHANGED') ? cut(path, bytes.size) : error;
  });
}

function damagedChunk(path: string, at: number, place: { readonly isLast: boolean }): AirgapError {
  return new AirgapError('BACKUP_INVALID', `${path} is damaged near byte ${at}`, {
    expected: place.isLast ? 'the last encrypted chunk' : 'an encrypted chunk of this place',
    found: place.isLast ? 'other bytes: changed, cut short or continued' : 'other bytes',
  });
}

function cut(path: string, size: number): AirgapError {
  return new AirgapError('BACKUP_INVALID', `${path} is cut short`, { found: `${size} bytes` });
}

export function notABackup(path: string, found?: string): AirgapError {
  return new AirgapError('BACKUP_INVALID', `${path} is not an airgap backup, or is cut short`, {
    expected: 'a file that airgap backup create wrote',
    ...(found === undefined ? {} : { found }),
  });
}
