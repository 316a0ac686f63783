import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ByteSource } from '../../bundle/source.js';
import { BLOCK, paddingOf } from '../../bundle/tar.js';
import { AirgapError } from '../../errors.js';
import type { Unlock } from './age/unlock.js';
import { needsPassphrase } from './age/wrap.js';
import {
  type ArchiveEntry,
  type ArchiveLayout,
  decodeEnd,
  END_SIZE,
  entryHeader,
  layoutEntries,
  MANIFEST_PATH,
} from './entries.js';
import { MANIFEST_LIMIT, parseBackupManifest } from './manifest.js';
import {
  type BackupFile,
  notABackup,
  openBackupFile,
  openTar,
  readAgeHeader,
  type TarSource,
} from './source.js';
import type { BackupManifest, Part } from './types.js';

/** Bytes of a part that `read` takes into memory. */
const READ_LIMIT = 64 * 1024 * 1024;
/** Bytes read at once: of a plain backup a whole chunk, so that it is checked before any of it is given out. */
const PIECE = 8 * 1024 * 1024;
/** Of an encrypted one less: every 64 KiB of it prove themselves as they are opened. */
const SEALED_PIECE = 1024 * 1024;

export interface OpenBackupOptions extends Unlock {
  readonly signal?: AbortSignal;
}

export type EncryptionKind = 'plain' | 'recipients' | 'passphrase';

/** A backup whose end and manifest were read and checked; its parts are checked as they are read. */
export interface OpenBackup {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly encryption: EncryptionKind;
  readonly manifest: BackupManifest;
  /** SHA-256 of backup.json. */
  readonly backupId: string;
  readonly layout: ArchiveLayout;
  /** The tar's bytes, for whoever checks all of them. */
  readonly tar: TarSource;
  part(path: string): Part | undefined;
  /** All of a small part. @throws AirgapError BACKUP_INVALID (not there, damaged, larger than 64 MiB) */
  read(path: string): Promise<Buffer>;
  /** A part's bytes, chunks joined. No byte of a damaged chunk is given out. @throws AirgapError BACKUP_INVALID */
  stream(path: string): Readable;
  close(): Promise<void>;
}

/**
 * Opens a backup from its end: trailer, manifest. An encrypted one is decrypted only where it is read.
 * @throws AirgapError FILE_NOT_FOUND, BACKUP_INVALID, BACKUP_KEY, MEDIA_ERROR
 */
export async function openBackup(path: string, options: OpenBackupOptions = {}): Promise<OpenBackup> {
  return openTarOf(await openBackupFile(path), options);
}

/** As openBackup, from bytes that are open already; they are closed by the backup's close, or when this fails. */
export async function openBackupBytes(
  bytes: ByteSource,
  options: OpenBackupOptions = {},
): Promise<OpenBackup> {
  return openTarOf(await readAgeHeader(bytes), options);
}

async function openTarOf(file: BackupFile, options: OpenBackupOptions): Promise<OpenBackup> {
  const { path } = file;
  try {
    const tar = await openTar(file, options);
    const { manifest, place } = await readManifest(tar, path);
    const layout = layoutEntries(manifest.parts);
    if (layout.end !== place.offset - BLOCK) {
      throw new AirgapError('BACKUP_INVALID', `${path} has a manifest that does not fit its parts`, {
        expected: `parts up to byte ${layout.end}`,
        found: `a manifest at byte ${place.offset}`,
      });
    }
    return describe({ file, tar, manifest, backupId: place.sha256, layout }, options.signal);
  } catch (error) {
    await file.bytes.close();
    throw error;
  }
}

interface Opened extends Pick<OpenBackup, 'tar' | 'manifest' | 'backupId' | 'layout'> {
  readonly file: BackupFile;
}

function describe(opened: Opened, signal: AbortSignal | undefined): OpenBackup {
  const { file, tar, manifest, backupId, layout } = opened;
  const byPart = new Map<string, ArchiveEntry[]>();
  for (const entry of layout.entries) {
    const own = byPart.get(entry.part.path);
    if (own) own.push(entry);
    else byPart.set(entry.part.path, [entry]);
  }
  const entriesOf = (path: string): ArchiveEntry[] => {
    const found = byPart.get(path);
    if (found) return found;
    throw new AirgapError('BACKUP_INVALID', `${file.path} holds no ${path}`);
  };
  const piece = file.header ? SEALED_PIECE : PIECE;
  return {
    path: file.path,
    size: file.size,
    encryption: encryptionOf(file),
    manifest,
    backupId,
    layout,
    tar,
    part: (path) => byPart.get(path)?.[0]?.part,
    async read(path) {
      const entries = entriesOf(path);
      const size = entries[0]?.part.size ?? 0;
      if (size > READ_LIMIT) {
        throw new AirgapError('BACKUP_INVALID', `${path} is too large to be read at once`, {
          expected: `at most ${READ_LIMIT} bytes`,
          found: `${size} bytes`,
        });
      }
      const pieces: Buffer[] = [];
      for await (const each of readEntries({ tar, entries, name: file.path, piece }, signal))
        pieces.push(each);
      return Buffer.concat(pieces);
    },
    stream: (path) =>
      Readable.from(readEntries({ tar, entries: entriesOf(path), name: file.path, piece }, signal), {
        objectMode: false,
        // No piece is read ahead of the one that is being taken.
        highWaterMark: 1,
      }),
    close: () => tar.close(),
  };
}

export function encryptionOf({ header }: BackupFile): EncryptionKind {
  if (!header) return 'plain';
  return needsPassphrase(header.stanzas) ? 'passphrase' : 'recipients';
}

async function readManifest(tar: TarSource, path: string) {
  if (tar.size < END_SIZE + 2 * BLOCK) throw notABackup(path);
  const place = decodeEnd(await tar.read(tar.size - END_SIZE, END_SIZE), tar.size);
  if (!place) throw notABackup(path);
  if (place.size > MANIFEST_LIMIT) {
    throw new AirgapError('BACKUP_INVALID', `${path} has a manifest that is too large`, {
      expected: `at most ${MANIFEST_LIMIT} bytes`,
      found: `${place.size} bytes`,
    });
  }
  const block = await tar.read(place.offset - BLOCK, BLOCK + place.size + paddingOf(place.size));
  const bytes = block.subarray(BLOCK, BLOCK + place.size);
  const isRight =
    entryHeader({ path: MANIFEST_PATH, size: place.size }).equals(block.subarray(0, BLOCK)) &&
    block.subarray(BLOCK + place.size).every((byte) => byte === 0) &&
    createHash('sha256').update(bytes).digest('hex') === place.sha256;
  if (!isRight) {
    throw new AirgapError('BACKUP_INVALID', `${path} has a damaged manifest`, {
      expected: `backup.json with sha256:${place.sha256}`,
    });
  }
  return { manifest: parseBackupManifest(bytes), place };
}

interface Range {
  readonly tar: TarSource;
  readonly entries: readonly ArchiveEntry[];
  /** The backup's name, for messages. */
  readonly name: string;
  /** Bytes read at once. */
  readonly piece: number;
}

async function* readEntries(
  { tar, entries, name, piece: most }: Range,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for (const entry of entries) {
    for (let at = 0; at < entry.size; at += most) {
      signal?.throwIfAborted();
      const piece = await tar.read(entry.offset + at, Math.min(most, entry.size - at));
      hash.update(piece);
      if (at + piece.length < entry.size) yield piece;
      else {
        requireHash(entry, hash, name);
        yield piece;
      }
    }
    if (entry.size === 0) requireHash(entry, hash, name);
  }
}

function requireHash(entry: ArchiveEntry, hash: Hash, name: string): void {
  const found = hash.copy().digest('hex');
  if (found === entry.sha256) return;
  throw new AirgapError('BACKUP_INVALID', `${entry.path} in ${name} is damaged`, {
    expected: `sha256:${entry.sha256} up to the end of it`,
    found: `sha256:${found}`,
  });
}
