import { BLOCK, encodeHeader, paddingOf, TRAILER_SIZE } from '../../bundle/tar.js';
import type { Part } from './types.js';

/** The manifest; its size is known only when everything else is written. */
export const MANIFEST_PATH = 'backup.json';
/** The last entry: of fixed size, so that a reader finds the manifest from the end of the file. */
export const END_PATH = 'backup.end';
/** Bytes from the header of END_PATH to the end of the file. */
export const END_SIZE = BLOCK + BLOCK + TRAILER_SIZE;

/** Bytes of a chunk of a long stream. */
export const CHUNK_SIZE = 8 * 1024 * 1024;
/** Digits of a chunk's number. */
const DIGITS = 6;

/** One tar entry of the archive. */
export interface ArchiveEntry {
  readonly path: string;
  /** Offset of the content in the tar. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Of the part's bytes up to the end of this entry. */
  readonly sha256: string;
  readonly part: Part;
}

export interface ArchiveLayout {
  readonly entries: readonly ArchiveEntry[];
  /** Offset of the header of MANIFEST_PATH. */
  readonly end: number;
}

/** Where every entry lies, from the manifest alone: what a header says is never believed. */
export function layoutEntries(parts: readonly Part[]): ArchiveLayout {
  const entries: ArchiveEntry[] = [];
  let at = 0;
  const place = (path: string, size: number, sha256: string, part: Part): void => {
    entries.push({ path, offset: at + BLOCK, size, sha256, part });
    at += BLOCK + size + paddingOf(size);
  };
  for (const part of parts) {
    const { chunkSize, chunks } = part;
    if (chunkSize === undefined || chunks === undefined) place(part.path, part.size, part.sha256, part);
    else {
      chunks.forEach((sha256, index) => {
        place(chunkPath(part.path, index), Math.min(chunkSize, part.size - index * chunkSize), sha256, part);
      });
    }
  }
  return { entries, end: at };
}

/** How many chunks a stream of this size is cut into. */
export function chunkCount(size: number, chunkSize: number): number {
  return Math.max(1, Math.ceil(size / chunkSize));
}

/** @param index from 0 */
export function chunkPath(path: string, index: number): string {
  return `${path}/${String(index + 1).padStart(DIGITS, '0')}`;
}

/** The longest path that a part may have, so that its chunks fit a tar header. */
export const PART_PATH_LIMIT = 99 - DIGITS - 1;

/** The one header that an entry of a backup can have: for its owner's eyes, as it may hold secrets. */
export function entryHeader({ path, size }: { readonly path: string; readonly size: number }): Buffer {
  return encodeHeader({ path, size, mode: 0o600 });
}

/** Where the manifest lies and what it must be. */
export interface ManifestPlace {
  /** Offset of its content in the tar. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** The last END_SIZE bytes of a backup. */
export function encodeEnd({ offset, size, sha256 }: ManifestPlace): Buffer {
  const text = `airgap-backup 1\nmanifest-offset ${offset}\nmanifest-size ${size}\nmanifest-sha256 ${sha256}\n`;
  const end = Buffer.alloc(END_SIZE);
  entryHeader({ path: END_PATH, size: BLOCK }).copy(end);
  end.write(text, BLOCK, 'latin1');
  return end;
}

/** Undefined for anything that encodeEnd would not write for a file of this size. */
export function decodeEnd(end: Buffer, tarSize: number): ManifestPlace | undefined {
  const content = end.toString('latin1', BLOCK, 2 * BLOCK);
  const match =
    /^airgap-backup 1\nmanifest-offset (\d{1,15})\nmanifest-size (\d{1,15})\nmanifest-sha256 ([0-9a-f]{64})\n/.exec(
      content,
    );
  if (!match) return undefined;
  const place = { offset: Number(match[1]), size: Number(match[2]), sha256: match[3] as string };
  const ends = place.offset + place.size + paddingOf(place.size) + END_SIZE;
  const isWhole = place.offset % BLOCK === 0 && place.offset >= BLOCK && ends === tarSize;
  return isWhole && encodeEnd(place).equals(end) ? place : undefined;
}
