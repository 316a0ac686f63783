import { BLOCK, encodeHeader, paddingOf } from '../../src/bundle/tar.js';

/** Fields of a header that a hostile archive sets as it likes. */
export interface RawFields {
  readonly path?: string;
  /** The whole field, twelve bytes, or a number written in octal. */
  readonly size?: number | Buffer;
  readonly type?: string;
  readonly link?: string;
  readonly prefix?: string;
  readonly mode?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly mtime?: string;
  readonly magic?: string;
  readonly owner?: string;
  readonly group?: string;
  readonly device?: string;
  readonly tail?: string;
  /** How the checksum is written; right unless said. */
  readonly checksum?: (sum: number) => string;
}

const PLACES = {
  path: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  mtime: 136,
  type: 156,
  link: 157,
  magic: 257,
  owner: 265,
  group: 297,
  device: 329,
  prefix: 345,
  tail: 500,
} as const;

/** A header with some fields changed and its checksum made right again. */
export function rawHeader(base: { path: string; size: number }, fields: RawFields): Buffer {
  const block = encodeHeader(base);
  for (const [name, place] of Object.entries(PLACES)) {
    const value = fields[name as keyof typeof PLACES];
    if (value === undefined) continue;
    if (name === 'path') block.fill(0, 0, 100);
    block.write(value, place, 'latin1');
  }
  if (Buffer.isBuffer(fields.size)) fields.size.copy(block, 124);
  else if (fields.size !== undefined) block.write(fields.size.toString(8).padStart(11, '0'), 124, 'latin1');
  return withChecksum(block, fields.checksum);
}

export function withChecksum(block: Buffer, write?: (sum: number) => string): Buffer {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(write ? write(sum) : `${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A whole member: header, content, padding. */
export function member(path: string, content: Buffer | string, fields: RawFields = {}): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([
    rawHeader({ path, size: bytes.length }, fields),
    bytes,
    Buffer.alloc(paddingOf(bytes.length)),
  ]);
}

/** One record of a PAX header: "LENGTH key=value\n", the length counting itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length++;
  return `${length}${rest}`;
}

export const END = Buffer.alloc(2 * BLOCK);
