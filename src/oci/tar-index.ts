import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { parseTarHeader, readPax, type TarHeader } from './tar-header.js';

/** Where the bytes of a file lie in a tar. */
export interface TarEntry {
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Finds regular files in a tar by name; links are followed inside the tar. */
export interface TarIndex {
  find(path: string): TarEntry | undefined;
}

const BLOCK = 512;
const MOST_ENTRIES = 500_000;
const METADATA_LIMIT = 1024 * 1024;
const MOST_LINKS = 8;

/**
 * Indexes a tar of any maker (ustar, GNU, PAX) by hopping from header to header; no content is read. Names that
 * leave the archive are not found under any path.
 * @throws AirgapError IMAGE_INVALID
 */
export async function indexTar(handle: FileHandle, size: number, path: string): Promise<TarIndex> {
  const files = new Map<string, TarEntry>();
  const links = new Map<string, string>();
  let extra: Partial<TarHeader> = {};
  let position = 0;
  for (let count = 0; position + BLOCK <= size; count++) {
    if (count > MOST_ENTRIES) throw invalid(path, position, `more than ${MOST_ENTRIES} entries`);
    const block = await readAt(handle, position, BLOCK);
    if (block.every((byte) => byte === 0)) break;
    const plain = parseTarHeader(block);
    if (!plain) throw invalid(path, position, 'something else than a tar header');
    const content = position + BLOCK;
    if ('xgLK'.includes(plain.type)) {
      if (plain.size > METADATA_LIMIT) throw invalid(path, position, `metadata of ${plain.size} bytes`);
      const text = await readAt(handle, content, plain.size);
      if (plain.type !== 'g') extra = { ...extra, ...metadataOf(plain.type, text) };
      position = content + padded(plain.size);
      continue;
    }
    const header = { ...plain, ...extra };
    extra = {};
    if (content + header.size > size) throw invalid(path, position, 'an entry that goes beyond the end');
    const name = normalName(header.name);
    if (name !== undefined) note(header, name, content);
    position = content + padded(hasContent(header.type) ? header.size : 0);
  }

  function note(header: TarHeader, name: string, offset: number): void {
    if (isFile(header.type)) {
      if (files.has(name))
        throw invalid(path, offset - BLOCK, `a second entry named ${printable(name, 200)}`);
      files.set(name, { offset, size: header.size });
    } else if (header.type === '1' || header.type === '2') {
      const base = header.type === '2' ? posix.dirname(name) : '.';
      const target = normalName(posix.join(base, header.link));
      if (target !== undefined) links.set(name, target);
    }
  }

  return {
    find(wanted) {
      let name = normalName(wanted);
      for (let hop = 0; name !== undefined && hop <= MOST_LINKS; hop++) {
        const entry = files.get(name);
        if (entry) return entry;
        name = links.get(name);
      }
      return undefined;
    },
  };
}

/** `./a//b` is `a/b`; undefined for names that are absolute or leave the archive. */
function normalName(name: string): string | undefined {
  if (name === '' || name.includes('\0')) return undefined;
  const normal = posix.normalize(name).replace(/\/$/, '');
  return normal.startsWith('/') || normal === '..' || normal.startsWith('../') ? undefined : normal;
}

function metadataOf(type: string, bytes: Buffer): Partial<TarHeader> {
  if (type === 'x') return readPax(bytes);
  const text = bytes.toString('utf8').replace(/\0[\s\S]*$/, '');
  return type === 'L' ? { name: text } : { link: text };
}

function isFile(type: string): boolean {
  return type === '0' || type === '\0' || type === '7';
}

/** Links and special files have no content, whatever their size field says. */
function hasContent(type: string): boolean {
  return !'123456'.includes(type);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function invalid(path: string, offset: number, found: string): AirgapError {
  return new AirgapError('IMAGE_INVALID', `${path} is not a tar that can be read`, {
    expected: 'a tar header',
    found: `${found} at byte ${offset}`,
    hint: 'make the archive again, or copy it again from its source',
  });
}
