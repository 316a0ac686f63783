import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ContentDigest, HashAlgorithm } from './content-digest.js';
import type { Upload } from './types.js';

/** Bytes gathered before they are hashed and written at once: system calls and thread changes cost more than copies. */
const BATCH = 1024 * 1024;

/** Bytes after which the disk is made to catch up: a client waits for the rest only, not for gigabytes at the end. */
const SYNC_EVERY = 128 * 1024 * 1024;

/** An upload session with the file that its bytes are in. */
export interface FileUpload extends Upload {
  /** Temporary file. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly lastUse: () => number;
  /** True when a write failed: what is in the file is unknown. */
  readonly isBroken: () => boolean;
  /** Syncs the file and gives the hex digest of its content. */
  seal(algorithm: HashAlgorithm): Promise<string>;
}

export interface UploadOptions {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  /** What the digest will probably be made with. */
  readonly algorithm: HashAlgorithm;
  readonly now: () => number;
}

/** Begins a session; the file is created by the caller. */
export function createUpload(options: UploadOptions): FileUpload {
  let running: { algorithm: HashAlgorithm; hash: Hash } = startHash(options.algorithm);
  let size = 0;
  let broken = false;
  let used = options.now();

  async function writeBatch(file: SyncedFile, batch: readonly Buffer[], length: number): Promise<void> {
    const writing = writeAll(file.handle, batch, size);
    writing.catch(() => {
      broken = true;
    });
    for (const chunk of batch) running.hash.update(chunk);
    await writing;
    size += length;
    await file.wrote(length);
    used = options.now();
  }

  return {
    id: options.id,
    repository: options.repository,
    path: options.path,
    get size() {
      return size;
    },
    lastUse: () => used,
    isBroken: () => broken,
    expect(algorithm) {
      if (size === 0 && algorithm !== running.algorithm) running = startHash(algorithm);
    },
    async append(body) {
      const file = await openSynced(options.path);
      try {
        await gather(body, (batch, length) => writeBatch(file, batch, length));
      } finally {
        used = options.now();
        await file.close();
      }
    },
    async seal(algorithm) {
      const file = await open(options.path, 'r+');
      try {
        await file.truncate(size);
        await file.datasync();
      } finally {
        await file.close();
      }
      if (running.algorithm === algorithm) return running.hash.copy().digest('hex');
      return hashFile(options.path, algorithm);
    },
  };
}

interface SyncedFile {
  readonly handle: FileHandle;
  wrote(length: number): Promise<void>;
  close(): Promise<void>;
}

/** A file that is synced in the background while it grows, one sync at a time. */
async function openSynced(path: string): Promise<SyncedFile> {
  const handle = await open(path, 'r+');
  let syncing: Promise<void> = Promise.resolve();
  let unsynced = 0;
  return {
    handle,
    async wrote(length) {
      unsynced += length;
      if (unsynced < SYNC_EVERY) return;
      await syncing;
      unsynced = 0;
      syncing = handle.datasync();
      syncing.catch(() => {});
    },
    async close() {
      try {
        await syncing;
      } finally {
        await handle.close();
      }
    },
  };
}

/** Hands on what arrives in batches, one at a time; what arrived before a failure is handed on as well. */
async function gather(
  body: AsyncIterable<Buffer>,
  write: (batch: readonly Buffer[], length: number) => Promise<void>,
): Promise<void> {
  let batch: Buffer[] = [];
  let length = 0;
  let writing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    if (length === 0) return;
    writing = write(batch, length);
    writing.catch(() => {});
    batch = [];
    length = 0;
  };
  try {
    for await (const chunk of body) {
      batch.push(chunk);
      length += chunk.length;
      if (length >= BATCH) await flush();
    }
  } finally {
    await flush();
    await writing;
  }
}

async function writeAll(file: FileHandle, batch: readonly Buffer[], position: number): Promise<void> {
  const total = batch.reduce((sum, chunk) => sum + chunk.length, 0);
  const { bytesWritten } = await file.writev([...batch], position);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let done = 0; done < rest.length; ) {
    const more = await file.write(rest, done, rest.length - done, position + bytesWritten + done);
    done += more.bytesWritten;
  }
}

function startHash(algorithm: HashAlgorithm): { algorithm: HashAlgorithm; hash: Hash } {
  return { algorithm, hash: createHash(algorithm) };
}

async function hashFile(path: string, algorithm: ContentDigest['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: BATCH })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
