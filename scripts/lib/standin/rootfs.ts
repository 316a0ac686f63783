import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Layer } from './oci/blob.js';
import { withChecksum } from './oci/tar.js';

const BLOCK = 512;

/** Folders and files (by prefix) of a Debian root file system that a PostgreSQL server never opens. */
const DROPPED = [
  'boot/',
  'dev/',
  'etc/apt/',
  'lib/systemd/',
  'media/',
  'usr/bin/apt',
  'usr/bin/perl',
  'usr/lib/apt/',
  'usr/lib/postgresql/15/lib/bitcode/',
  'usr/lib/postgresql/15/lib/llvmjit',
  'usr/lib/postgresql/15/lib/plperl',
  'usr/lib/systemd/',
  'usr/lib/x86_64-linux-gnu/gconv/',
  'usr/lib/x86_64-linux-gnu/libLLVM',
  'usr/lib/x86_64-linux-gnu/libapt',
  'usr/lib/x86_64-linux-gnu/libperl',
  'usr/lib/x86_64-linux-gnu/libz3',
  'usr/lib/x86_64-linux-gnu/perl',
  'usr/share/doc/',
  'usr/share/i18n/',
  'usr/share/info/',
  'usr/share/locale/',
  'usr/share/man/',
  'usr/share/perl',
  'usr/share/postgresql/15/man/',
  'usr/share/postgresql-common/',
  'usr/share/zoneinfo/right/',
  'var/cache/',
  'var/lib/apt/',
  'var/lib/dpkg/',
  'var/lib/postgresql/15/',
  'var/log/',
];

/** Programs in usr/bin that are Perl wrappers; the real ones are on the image's PATH. */
const WRAPPERS = /^usr\/bin\/(pg_|pgbench$|psql$|create|drop|clusterdb$|reindexdb$|vacuum)/;

/** Names the rules above; another text means another layer. */
export const DROP_RULES = [...DROPPED, WRAPPERS.source].join(' ');

/** Whether the layer keeps this path of the root file system. */
export function isKept(path: string): boolean {
  const name = path.replace(/^\.\//, '');
  return !WRAPPERS.test(name) && !DROPPED.some((prefix) => name.startsWith(prefix));
}

/**
 * Writes the root file system as a compressed layer without what the server does not need, all times zero.
 * @param tar an uncompressed GNU or ustar archive
 */
export async function layerOfRootfs(tar: string, file: string): Promise<Layer> {
  const diff = createHash('sha256');
  const blob = createHash('sha256');
  let size = 0;
  await pipeline(
    createReadStream(tar, { highWaterMark: 1 << 20 }),
    keptBlocks,
    tapped((chunk) => diff.update(chunk)),
    createGzip({ level: 6 }),
    tapped((chunk) => {
      blob.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(file),
  );
  return {
    digest: `sha256:${blob.digest('hex')}`,
    diffId: `sha256:${diff.digest('hex')}`,
    size,
    content: { file },
  };
}

function tapped(see: (chunk: Buffer) => void) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      see(chunk);
      yield chunk;
    }
  };
}

/** Passes on the headers and data of kept entries; GNU long names stay with the entry that they name. */
async function* keptBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const reader = blockReader(source);
  let held: Buffer[] = [];
  let longName: string | undefined;
  for (;;) {
    const header = await reader.read(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = sizeOf(header);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'L' || type === 'K') {
      const data = await reader.read(padded(size));
      if (type === 'L') longName = cString(data);
      held.push(header, data);
      continue;
    }
    const kept = isKept(longName ?? nameOf(header));
    if (kept) yield* [...held, timeless(header)];
    for await (const chunk of reader.stream(padded(size))) if (kept) yield chunk;
    held = [];
    longName = undefined;
  }
  yield Buffer.alloc(2 * BLOCK);
}

function blockReader(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  async function* stream(length: number): AsyncGenerator<Buffer> {
    let left = length;
    while (left > 0) {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done) throw new Error('the root file system ends in the middle of an entry');
        rest = next.value;
      }
      const part = rest.subarray(0, left);
      rest = rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
  async function read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of stream(length)) parts.push(part);
    return Buffer.concat(parts);
  }
  return { stream, read };
}

function timeless(header: Buffer): Buffer {
  const copy = Buffer.from(header);
  copy.write('00000000000\u0000', 136);
  return withChecksum(copy);
}

function nameOf(header: Buffer): string {
  const posix = header.toString('latin1', 257, 263) === 'ustar\u0000';
  const prefix = posix ? cString(header.subarray(345, 500)) : '';
  const name = cString(header.subarray(0, 100));
  return prefix === '' ? name : `${prefix}/${name}`;
}

function sizeOf(header: Buffer): number {
  return Number.parseInt(cString(header.subarray(124, 136)).trim() || '0', 8);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
