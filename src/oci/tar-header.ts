/** What matters of a tar header. */
export interface TarHeader {
  readonly name: string;
  /** Bytes of content. */
  readonly size: number;
  /** The type flag: '0' a file, '1' a hard link, '2' a symbolic link, '5' a folder, 'x' PAX, 'L' a GNU long name. */
  readonly type: string;
  readonly link: string;
}

/** Reads a header block of 512 bytes; undefined when its checksum or a number is wrong. */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.length < 512) return undefined;
  const size = numberAt(block, 124, 12);
  if (size === undefined || numberAt(block, 148, 8) !== checksum(block)) return undefined;
  const isUstar = block.toString('latin1', 257, 262) === 'ustar';
  const isGnu = block.toString('latin1', 257, 265) === 'ustar  \0';
  const prefix = isUstar && !isGnu ? textAt(block, 345, 155) : '';
  const name = textAt(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size,
    type: String.fromCharCode(block[156] ?? 0),
    link: textAt(block, 157, 100),
  };
}

/** The records of a PAX header that change a header: path, linkpath, size. */
export function readPax(bytes: Buffer): Partial<TarHeader> {
  const found: { name?: string; link?: string; size?: number } = {};
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(bytes.toString('latin1', at, space));
    if (!Number.isInteger(length) || length <= space - at || bytes[at + length - 1] !== 0x0a) break;
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === 'path') found.name = value;
    else if (key === 'linkpath') found.link = value;
    else if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
}

/** Octal digits, or base-256 when the first bit is set. Negative and unsafe numbers are none. */
function numberAt(block: Buffer, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) {
    if (first !== 0x80) return undefined;
    const value = block.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const text = block
    .toString('latin1', start, start + length)
    .replace(/\0[\s\S]*$/, '')
    .trim();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < 512; index++) if (index < 148 || index >= 156) sum += block[index] ?? 0;
  return sum;
}

function textAt(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}
