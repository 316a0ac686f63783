/** The tar's unit: headers, padding and the end are made of blocks of this many bytes (POSIX ustar). */
export const BLOCK = 512;

/** The end of the archive: two zero blocks. */
export const TRAILER_SIZE = 2 * BLOCK;

/** The first size that eleven octal digits cannot hold: 8 GiB. */
export const OCTAL_LIMIT = 8 ** 11;

/**
 * Bytes of the name field in use; one less than the field, so that a zero always ends it.
 * Longer paths are refused when the manifest is made: prefix, PAX and GNU long names never occur.
 */
export const PATH_LIMIT = 99;

const FIELD = { name: 0, mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156 };
const MAGIC = 257;
const DEVICES = 329;

/** What a header is made of; everything else in it is fixed. */
export interface HeaderFacts {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 0644, or 0755 below tools/, when absent. */
  readonly mode?: number;
}

/** The one header that an entry can have: ustar, regular file, owner and time zero, mode from the path. */
export function encodeHeader(facts: HeaderFacts): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(facts.path, FIELD.name, 'latin1');
  const mode = facts.mode ?? (facts.path.startsWith('tools/') ? 0o755 : 0o644);
  block.write(octal(mode, 7), FIELD.mode, 'latin1');
  block.write('0000000', FIELD.uid, 'latin1');
  block.write('0000000', FIELD.gid, 'latin1');
  writeSize(block, facts.size);
  block.write('00000000000', FIELD.mtime, 'latin1');
  block.write('0', FIELD.type, 'latin1');
  block.write('ustar\x0000', MAGIC, 'latin1');
  block.write('0000000\x000000000', DEVICES, 'latin1');
  block.write(`${octal(checksum(block), 6)}\x00 `, FIELD.checksum, 'latin1');
  return block;
}

/** Zero bytes between the end of an entry's content and the next block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The fields of a header that was not made here; used to explain what a file is, never to find content. */
export interface ForeignHeader {
  readonly path: string;
  readonly size: number;
}

/** Reads name and size of any tar header; undefined when the checksum is wrong or the size is no size. */
export function decodeHeader(block: Buffer): ForeignHeader | undefined {
  if (block.length < BLOCK) return undefined;
  const stored = Number.parseInt(block.toString('latin1', FIELD.checksum, FIELD.type).trim(), 8);
  const size = decodeSize(block);
  if (stored !== checksum(block) || size === undefined) return undefined;
  const end = block.indexOf(0);
  return { path: block.toString('latin1', 0, Math.min(end < 0 ? 100 : end, 100)), size };
}

/** The size field: eleven octal digits and a zero, or base-256 from 8 GiB on; undefined for any other form. */
export function decodeSize(block: Buffer): number | undefined {
  const field = block.subarray(FIELD.size, FIELD.mtime);
  if (field[0] !== 0x80) {
    const digits = /^([0-7]{11})[\0 ]$/.exec(field.toString('latin1'))?.[1];
    return digits === undefined ? undefined : Number.parseInt(digits, 8);
  }
  const value = field.readBigUInt64BE(4);
  const high = field.readUInt32BE(0) & 0x7fffffff;
  if (high !== 0 || value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(OCTAL_LIMIT)) return undefined;
  return Number(value);
}

function writeSize(block: Buffer, size: number): void {
  if (size < OCTAL_LIMIT) {
    block.write(octal(size, 11), FIELD.size, 'latin1');
    return;
  }
  block[FIELD.size] = 0x80;
  block.writeBigUInt64BE(BigInt(size), FIELD.size + 4);
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width, '0');
}

/** The sum of the block's bytes, unsigned, with spaces in the place of the checksum itself. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) {
    if (i < FIELD.checksum || i >= FIELD.type) sum += block[i] as number;
  }
  return sum;
}
