import { type Entry, type Manifest, NAMES } from './manifest.js';
import { BLOCK, encodeHeader, paddingOf, TRAILER_SIZE } from './tar.js';

/** Where the bytes of an entry lie in the file. */
export interface Position extends Entry {
  /** Of the first byte of the content, from the start of the file. */
  readonly offset: number;
}

/** The whole file as a pure function of the manifest and its length. */
export interface FileMap {
  /** airgap.json first, then every entry in order. */
  readonly positions: readonly Position[];
  readonly byPath: ReadonlyMap<string, Position>;
  /** Bytes of the file. */
  readonly totalSize: number;
}

/** Bytes between two contents: padding and the next header, or padding and the end of the archive. */
export interface Seam {
  readonly offset: number;
  readonly bytes: Buffer;
  /** What the bytes are, for messages. */
  readonly what: string;
}

/** Offset of the content that follows a content which ends at `end`. */
export function nextContent(end: number): number {
  return end + paddingOf(end) + BLOCK;
}

/** Computes every position. @param manifestSize length of airgap.json in bytes */
export function mapFile(manifest: Manifest, manifestSize: number): FileMap {
  const positions: Position[] = [{ path: NAMES.manifest, size: manifestSize, offset: BLOCK }];
  let end = BLOCK + manifestSize;
  for (const entry of manifest.entries) {
    const offset = nextContent(end);
    positions.push({ ...entry, offset });
    end = offset + entry.size;
  }
  return {
    positions,
    byPath: new Map(positions.map((position) => [position.path, position])),
    totalSize: end + paddingOf(end) + TRAILER_SIZE,
  };
}

/** Everything in the file that is no content, in order; each seam as the bytes that must stand there. */
export function* seamsOf(map: FileMap): Generator<Seam> {
  let end = 0;
  for (const position of map.positions) {
    const header = encodeHeader(position);
    const padding = Buffer.alloc(position.offset - BLOCK - end);
    yield { offset: end, bytes: Buffer.concat([padding, header]), what: `header of ${position.path}` };
    end = position.offset + position.size;
  }
  yield { offset: end, bytes: Buffer.alloc(map.totalSize - end), what: 'end of the archive' };
}
