/** What the header of a pg_dump archive says. */
export interface DumpHeader {
  /** Of the archive format: 1.14.0 */
  readonly version: string;
  readonly database: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  /** What reading on needs. */
  readonly layout: {
    readonly minor: number;
    /** Bytes of an offset. */
    readonly offsetSize: number;
    /** Entries of its table of contents. */
    readonly entries: number;
    /** Bytes of the header. */
    readonly length: number;
  };
}

const CUSTOM = 1;
const TEXT_LIMIT = 4096;
/** No header is longer. */
export const HEADER_LIMIT = 64 * 1024;

/**
 * Reads the header of a dump in custom format (pg_dump -Fc) of format 1.12 or later; gives a text that says what is
 * wrong when it is none. Integers are a sign byte and so many bytes as the header says, little end first.
 */
export function parseDumpHeader(bytes: Buffer): DumpHeader | string {
  if (bytes.toString('latin1', 0, 5) !== 'PGDMP') return 'does not begin as a dump in custom format (PGDMP)';
  if (bytes.length < 11) return 'ends within its header';
  const [major = 0, minor = 0, revision, intSize, offsetSize, format] = bytes.subarray(5, 11);
  const version = `${major}.${minor}.${revision}`;
  if (major !== 1 || minor < 12) return `is of the unknown archive format ${version}`;
  if (format !== CUSTOM) return 'is an archive, but not in custom format';
  if (intSize !== 4 || (offsetSize !== 8 && offsetSize !== 4)) return 'has impossible sizes in its header';
  const reader = createReader(bytes, 11, intSize);
  try {
    // From 1.15 on one byte names the algorithm; before, an integer gave the level.
    if (minor >= 15) reader.byte();
    else reader.int();
    for (let field = 0; field < 7; field++) reader.int();
    const [database, serverVersion, dumpVersion] = [reader.text(), reader.text(), reader.text()];
    const entries = reader.int();
    if (entries < 1) return 'has an empty table of contents';
    const layout = { minor, offsetSize, entries, length: reader.at() };
    return { version, database, serverVersion, dumpVersion, layout };
  } catch {
    return 'ends within its header, or is damaged there';
  }
}

function createReader(bytes: Buffer, start: number, intSize: number) {
  let at = start;
  const byte = (): number => bytes.readUInt8(at++);
  const int = (): number => {
    const isNegative = byte() !== 0;
    const value = bytes.readUIntLE(at, intSize);
    at += intSize;
    return isNegative ? -value : value;
  };
  const text = (): string => {
    const length = int();
    if (length < 0) return '';
    if (length > TEXT_LIMIT || at + length > bytes.length) throw new RangeError('text');
    at += length;
    return bytes.toString('utf8', at - length, at);
  };
  return { byte, int, text, at: () => at };
}
