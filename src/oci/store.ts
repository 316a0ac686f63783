import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AirgapError, systemCode } from '../errors.js';
import type { Expectation } from '../io/checked.js';
import { readRange } from '../io/range-stream.js';
import { indexTar, type TarEntry } from './tar-index.js';

/** The files of an OCI layout or docker-archive, in a folder or in place in a tar. Nothing is ever extracted. */
export interface FileStore {
  /** As the user named it. */
  readonly path: string;
  /** Bytes of a file, or undefined when it is not there. */
  size(name: string): Promise<number | undefined>;
  /** The whole of a small file. @throws AirgapError IMAGE_INVALID when it is missing or larger than `limit` */
  read(name: string, limit: number): Promise<Buffer>;
  /** The file from `offset`; `expected` is checked in the stream. */
  stream(name: string, offset: number, expected?: Expectation): Promise<Readable>;
  close(): Promise<void>;
}

/** @throws AirgapError FILE_NOT_FOUND, IMAGE_INVALID (compressed, or no tar) */
export async function openStore(path: string): Promise<FileStore> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, {
      found: systemCode(cause) ?? '',
      cause,
    });
  });
  return info.isDirectory() ? folderStore(path) : tarStore(path, info.size);
}

function folderStore(path: string): FileStore {
  const store: FileStore = {
    path,
    async size(name) {
      const info = await stat(join(path, name)).catch(() => undefined);
      return info?.isFile() ? info.size : undefined;
    },
    async read(name, limit) {
      return readSmall(store, name, limit);
    },
    async stream(name, offset, expected) {
      const size = await store.size(name);
      if (size === undefined) throw missing(path, name);
      const handle = await open(join(path, name), 'r');
      const stream = rangeOf(handle, { offset: 0, size }, `${path}/${name}`, offset, expected);
      return stream.once('close', () => void handle.close().catch(() => undefined));
    },
    async close() {},
  };
  return store;
}

async function tarStore(path: string, size: number): Promise<FileStore> {
  const handle = await open(path, 'r');
  try {
    await refuseCompressed(handle, path);
    const index = await indexTar(handle, size, path);
    const store: FileStore = {
      path,
      async size(name) {
        return index.find(name)?.size;
      },
      async read(name, limit) {
        return readSmall(store, name, limit);
      },
      async stream(name, offset, expected) {
        const entry = index.find(name);
        if (!entry) throw missing(path, name);
        return rangeOf(handle, entry, path, offset, expected);
      },
      close: () => handle.close(),
    };
    return store;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function rangeOf(
  handle: FileHandle,
  entry: TarEntry,
  path: string,
  offset: number,
  expected: Expectation | undefined,
): Readable {
  const start = Math.min(offset, entry.size);
  return readRange(handle, {
    offset: entry.offset + start,
    length: entry.size - start,
    path,
    ...(expected && start === 0 ? { expected } : {}),
  });
}

async function readSmall(store: FileStore, name: string, limit: number): Promise<Buffer> {
  const size = await store.size(name);
  if (size === undefined) throw missing(store.path, name);
  if (size > limit) {
    throw new AirgapError('IMAGE_INVALID', `${name} of ${store.path} is too large`, {
      expected: `at most ${limit} bytes`,
      found: `${size} bytes`,
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await store.stream(name, 0)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const MAGIC: readonly (readonly [string, string])[] = [
  ['1f8b', 'gunzip'],
  ['28b52ffd', 'zstd -d'],
  ['fd377a58', 'xz -d'],
  ['425a68', 'bunzip2'],
];

async function refuseCompressed(handle: FileHandle, path: string): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0);
  const start = buffer.toString('hex');
  const known = MAGIC.find(([magic]) => start.startsWith(magic));
  if (!known) return;
  throw new AirgapError('IMAGE_INVALID', `${path} is compressed`, {
    expected: 'a plain tar, which can be read in place',
    found: `the magic number of ${known[1].split(' ')[0]}`,
    hint: `undo it: ${known[1]} ${path}`,
  });
}

function missing(path: string, name: string): AirgapError {
  return new AirgapError('IMAGE_INVALID', `${path} lacks the file ${name}`, {
    hint: 'make the layout or archive again; it is incomplete',
  });
}
