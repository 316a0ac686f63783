import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { AirgapError, systemCode } from '../errors.js';
import { findFiles } from './parts.js';

/** One file that a bundle is read from: the whole of it, or one part of a set. */
export interface Piece {
  readonly path: string;
  readonly fd: number;
  /** Offset of the piece's first byte in the bundle. */
  readonly start: number;
  /** Bytes. */
  readonly size: number;
}

/** Random access to the bytes of a bundle, whatever holds them. */
export interface ByteSource {
  /** As the user named it. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Empty when the bytes are not in files. */
  readonly pieces: readonly Piece[];
  /** Reads exactly `length` bytes. @throws AirgapError MEDIA_ERROR, BUNDLE_CHANGED */
  read(offset: number, length: number): Promise<Buffer>;
  /** Fails when a file was replaced or modified since it was opened. @throws AirgapError BUNDLE_CHANGED */
  recheck(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file, or a set of parts (NAME.001, NAME.002…) when `path` is NAME or any part. Descriptors stay open until
 * close, so that nothing can be put in the place of what was verified (threats 14, 17, 19).
 * @throws AirgapError FILE_NOT_FOUND, NOT_A_BUNDLE (no regular file), BUNDLE_PART
 */
export async function openSource(path: string): Promise<ByteSource> {
  return openFiles(path, await findFiles(path));
}

/** Opens the files named, in order, as one run of bytes. */
export async function openFiles(path: string, files: readonly string[]): Promise<ByteSource> {
  const opened: OpenedFile[] = [];
  try {
    for (const file of files) opened.push(await openRegular(file));
  } catch (error) {
    await Promise.all(opened.map(({ handle }) => handle.close()));
    throw error;
  }
  const pieces: Piece[] = [];
  let size = 0;
  for (const { path: file, handle, stats } of opened) {
    pieces.push({ path: file, fd: handle.fd, start: size, size: stats.size });
    size += stats.size;
  }
  return {
    path,
    size,
    pieces,
    read: (offset, length) => readPieces(opened, pieces, { path, offset, length }),
    recheck: () => recheckAll(opened),
    close: async () => {
      await Promise.all(opened.map(({ handle }) => handle.close()));
    },
  };
}

/** Bytes that are in memory already. */
export function memorySource(bytes: Buffer, path = 'bundle in memory'): ByteSource {
  return {
    path,
    size: bytes.length,
    pieces: [],
    read: async (offset, length) => {
      if (offset + length > bytes.length) throw cutShort(path, offset + length);
      return bytes.subarray(offset, offset + length);
    },
    recheck: async () => {},
    close: async () => {},
  };
}

/** A reading error of the system as the user meets it; `offset` is in the bundle. */
export function mediaError(
  path: string,
  offset: number,
  code: string | undefined,
  cause?: unknown,
): AirgapError {
  return new AirgapError('MEDIA_ERROR', `${path} cannot be read at byte ${offset}`, {
    ...(code === undefined ? {} : { found: code }),
    ...(cause === undefined ? {} : { cause }),
  });
}

interface OpenedFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** O_NONBLOCK: opening a FIFO must not wait for a writer. */
async function openRegular(path: string): Promise<OpenedFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = systemCode(error);
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be opened`, {
      ...(code === undefined ? {} : { found: code }),
      cause: error,
    });
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { path, handle, stats };
  await handle.close();
  throw new AirgapError('NOT_A_BUNDLE', `${path} is not an airgap bundle`, {
    expected: 'a regular file',
    found: kindOf(stats),
    hint: 'give the file itself: runai-air-gapped-<version>.tar, or its first part .tar.001',
  });
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

interface Want {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

async function readPieces(
  opened: readonly OpenedFile[],
  pieces: readonly Piece[],
  { path, offset, length }: Want,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const at = offset + done;
    const index = pieces.findIndex((piece) => at >= piece.start && at < piece.start + piece.size);
    const piece = pieces[index];
    if (!piece) throw cutShort(path, offset + length);
    const handle = (opened[index] as OpenedFile).handle;
    const most = Math.min(length - done, piece.start + piece.size - at);
    const { bytesRead } = await handle.read(buffer, done, most, at - piece.start).catch((error: unknown) => {
      throw mediaError(piece.path, at - piece.start, systemCode(error), error);
    });
    if (bytesRead === 0) throw cutShort(piece.path, piece.size);
    done += bytesRead;
  }
  return buffer;
}

async function recheckAll(opened: readonly OpenedFile[]): Promise<void> {
  for (const { path, handle, stats } of opened) {
    const now = await handle.stat();
    const named = await stat(path).catch(() => undefined);
    const same = now.size === stats.size && now.mtimeMs === stats.mtimeMs && now.ctimeMs === stats.ctimeMs;
    if (same && named?.ino === stats.ino && named.dev === stats.dev) continue;
    throw new AirgapError('BUNDLE_CHANGED', `${path} was replaced or modified while it was in use`, {
      expected: `${stats.size} bytes, modified ${stats.mtime.toISOString()}`,
      found: same ? 'another file under this name' : `${now.size} bytes, modified ${now.mtime.toISOString()}`,
    });
  }
}

function cutShort(path: string, needed: number): AirgapError {
  return new AirgapError('BUNDLE_CHANGED', `${path} became shorter while it was in use`, {
    expected: `at least ${needed} bytes`,
  });
}
