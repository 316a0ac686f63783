/** One entry of a tar that is made in memory; times and owners are fixed so that equal input gives equal bytes. */
export interface TarEntry {
  /** Relative, without a leading `./`; a folder ends in `/`. */
  readonly path: string;
  readonly data?: Buffer | string;
  /** Permission bits; 0644 for files, 0755 for folders when absent. */
  readonly mode?: number;
  readonly uid?: number;
  /** Makes the entry a symbolic link to this target. */
  readonly link?: string;
}

const BLOCK = 512;

/** The entries as a ustar archive, in the order given. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * BLOCK)]);
}

function blocksOf(entry: TarEntry): Buffer[] {
  const data = Buffer.from(entry.data ?? '');
  return [headerOf(entry, data.length), data, Buffer.alloc(padding(data.length))];
}

function headerOf(entry: TarEntry, size: number): Buffer {
  const folder = entry.path.endsWith('/');
  const header = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(entry.path);
  header.write(name, 0, 100, 'utf8');
  header.write(octal(entry.mode ?? (folder ? 0o755 : 0o644), 8), 100);
  header.write(octal(entry.uid ?? 0, 8), 108);
  header.write(octal(entry.uid ?? 0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(entry.link === undefined ? (folder ? '5' : '0') : '2', 156);
  if (entry.link !== undefined) header.write(entry.link, 157, 100, 'utf8');
  header.write('ustar\u000000', 257);
  header.write(prefix, 345, 155, 'utf8');
  return withChecksum(header);
}

/** Fills in the checksum field; every other field must be final. */
export function withChecksum(header: Buffer): Buffer {
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148);
  return header;
}

/** Bytes up to the next block boundary. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\u0000`;
}

function splitName(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  const cut = path.lastIndexOf('/', path.length - 2);
  const name = path.slice(cut + 1);
  const prefix = path.slice(0, cut);
  if (cut < 0 || Buffer.byteLength(name) > 100 || Buffer.byteLength(prefix) > 155) {
    throw new Error(`path too long for a ustar header: ${path}`);
  }
  return { name, prefix };
}
