import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';
import { pathFault } from '../../bundle/path.js';
import { BLOCK, paddingOf } from '../../bundle/tar.js';
import { AirgapError, isAirgapError } from '../../errors.js';
import { asWriteError } from '../../io/atomic.js';
import { type ChunkRun, cutIntoChunks } from './chunker.js';
import { createSeal, type Encryption } from './encryption.js';
import { CHUNK_SIZE, chunkPath, encodeEnd, entryHeader, MANIFEST_PATH, PART_PATH_LIMIT } from './entries.js';
import { serializeManifest } from './manifest.js';
import { README, README_PATH } from './readme.js';
import { ENTRY_LIMIT } from './schema.js';
import { type ByteSink, plainSink, sealingSink } from './sink.js';
import { type BackupTarget, openTarget } from './target.js';
import {
  type BackupFacts,
  type BackupManifest,
  KIND,
  type Part,
  type PartFacts,
  SCHEMA_VERSION,
} from './types.js';

export interface BackupWriterOptions {
  readonly encryption: Encryption;
  /** Bytes of a chunk of a long stream; 8 MiB when absent. */
  readonly chunkSize?: number;
  readonly signal?: AbortSignal;
  /** Bytes of content that were taken so far, and the part at work. */
  readonly onProgress?: (done: number, current: string) => void;
}

export interface WrittenPart {
  /** Bytes. */
  readonly size: number;
  /** 64 hex digits, over the whole logical file. */
  readonly sha256: string;
}

export interface FinishedBackup {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** SHA-256 of backup.json. */
  readonly backupId: string;
  readonly manifest: BackupManifest;
  /** Opens the file that was just written, for verifying it without its identity; empty for a plain one. */
  readonly unlock: { readonly fileKey?: Buffer };
}

export interface NamedBackup extends FinishedBackup {
  /** What is doubtful about the finished file, in words. */
  readonly doubts: readonly string[];
}

/** Writes one backup, part after part. Any failure before the final name removes the file; nothing is left under the final name. */
export interface BackupWriter {
  /** A small object as one entry. */
  addFile(path: string, bytes: Buffer | string, facts: PartFacts): Promise<WrittenPart>;
  /** A stream of any length, cut into chunk entries; memory stays at one chunk. A failure of the stream ends the backup. */
  addStream(path: string, stream: AsyncIterable<Uint8Array>, facts: PartFacts): Promise<WrittenPart>;
  /** The manifest, the end, fsync, what `check` says of the file as it lies there, and only then the final name. */
  finish(facts: BackupFacts, check?: (unnamed: FinishedBackup) => Promise<void>): Promise<NamedBackup>;
  /** Removes what was written; harmless after finish and a second time. */
  abort(): Promise<void>;
}

/**
 * Begins a backup in OUTPUT.partial. Parts are written one at a time; a call waits for the one before.
 * @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL, LOCKED, BACKUP_KEY; the methods also BACKUP_FAILED, BACKUP_INVALID
 */
export async function createBackupWriter(
  output: string,
  options: BackupWriterOptions,
): Promise<BackupWriter> {
  const seal = options.encryption.kind === 'plain' ? undefined : await createSeal(options.encryption);
  const target = await openTarget(output);
  const sink = seal ? sealingSink(target.file, seal) : plainSink(target.file);
  const tape = createTape(sink, options);
  const guard = createGuard(output, target, options.signal);
  await guard(() => tape.file(README_PATH, Buffer.from(README), { role: 'readme' }));
  return {
    addFile: (path, bytes, facts) =>
      guard(() => tape.file(path, typeof bytes === 'string' ? Buffer.from(bytes) : bytes, facts)),
    addStream: (path, stream, facts) => guard(() => tape.stream(path, stream, facts)),
    finish: (facts, check = async () => {}) =>
      guard(async () => {
        const { manifest, backupId } = await tape.end(facts);
        const size = await sink.end();
        const unlock = seal ? { fileKey: seal.fileKey } : {};
        const finished = { path: output, size, backupId, manifest, unlock };
        const doubts = await target.publish((partial) => check({ ...finished, path: partial }));
        return { ...finished, doubts };
      }),
    abort: () => target.discard(),
  };
}

/** Runs one piece of work at a time; the first failure ends the backup and is what all later calls meet. */
function createGuard(output: string, target: BackupTarget, signal: AbortSignal | undefined) {
  let last: Promise<unknown> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (failure) throw failure.error;
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      failure = { error: explain(error, output) };
      await target.discard();
      throw failure.error;
    }
  };
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(() => run(work));
    last = result.catch(() => {});
    return result;
  };
}

/** A full disk leaves nothing that could be gone on with, other than the table of codes says. */
function explain(error: unknown, output: string): unknown {
  const own = asWriteError(error, output);
  if (!isAirgapError(own, 'DISK_FULL')) return own;
  return new AirgapError('DISK_FULL', `${own.message}; what was written of the backup was removed`, {
    ...(own.found === undefined ? {} : { found: own.found }),
    hint: 'free room there or choose another place with -o, then make the backup again',
    cause: error,
  });
}

/** The tar itself: entries one after another and the list of what was written. */
function createTape(sink: ByteSink, options: BackupWriterOptions) {
  const parts: Part[] = [];
  const paths = new Set<string>();
  const chunkSize = options.chunkSize ?? CHUNK_SIZE;
  let at = 0;
  let entries = 0;
  let done = 0;

  const put = async (bytes: Buffer): Promise<void> => {
    await sink.write(bytes);
    at += bytes.length;
  };
  const putEntry = async (path: string, bytes: Buffer): Promise<void> => {
    await put(entryHeader({ path, size: bytes.length }));
    await put(bytes);
    await put(Buffer.alloc(paddingOf(bytes.length)));
  };
  const admit = (path: string): void => {
    const fault = pathFault(path) ?? (path.length > PART_PATH_LIMIT ? 'is too long' : undefined);
    if (fault !== undefined)
      throw new AirgapError('INTERNAL', `the path of a part ${fault}`, { found: path });
    if (paths.has(path.toLowerCase())) throw new AirgapError('INTERNAL', `two parts are called ${path}`);
    paths.add(path.toLowerCase());
  };
  const count = (bytes: number, path: string): void => {
    options.signal?.throwIfAborted();
    done += bytes;
    options.onProgress?.(done, path);
  };
  const countEntry = (): void => {
    entries += 1;
    if (entries <= ENTRY_LIMIT) return;
    throw new AirgapError('BACKUP_FAILED', 'the backup would have too many entries', {
      expected: `at most ${ENTRY_LIMIT}`,
    });
  };
  return {
    async file(path: string, bytes: Buffer, facts: PartFacts): Promise<WrittenPart> {
      admit(path);
      countEntry();
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await putEntry(path, bytes);
      parts.push({ path, ...facts, size: bytes.length, sha256 });
      count(bytes.length, path);
      return { size: bytes.length, sha256 };
    },
    async stream(path: string, stream: AsyncIterable<Uint8Array>, facts: PartFacts): Promise<WrittenPart> {
      admit(path);
      if (options.signal && stream instanceof Readable) addAbortSignal(options.signal, stream);
      const run: ChunkRun = await cutIntoChunks(stream, {
        chunkSize,
        pathOf: (index) => chunkPath(path, index),
        write: async (entry) => {
          countEntry();
          await put(entry);
        },
        onBytes: (bytes) => count(bytes, path),
      });
      parts.push({ path, ...facts, chunkSize, ...run });
      return { size: run.size, sha256: run.sha256 };
    },
    async end(facts: BackupFacts): Promise<{ readonly manifest: BackupManifest; readonly backupId: string }> {
      const manifest: BackupManifest = { schemaVersion: SCHEMA_VERSION, kind: KIND, ...facts, parts };
      const bytes = serializeManifest(manifest);
      const backupId = createHash('sha256').update(bytes).digest('hex');
      const offset = at + BLOCK;
      await putEntry(MANIFEST_PATH, bytes);
      await put(encodeEnd({ offset, size: bytes.length, sha256: backupId }));
      return { manifest, backupId };
    },
  };
}
