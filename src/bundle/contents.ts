import { createHash } from 'node:crypto';
import { pipeline, Readable, type Transform } from 'node:stream';
import { AirgapError } from '../errors.js';
import { checkBytes, checkedStream } from '../io/checked.js';
import type { ImageSource } from '../oci/types.js';
import { formatChecksums } from './checksums.js';
import { bundleImages } from './images.js';
import { type Manifest, NAMES } from './manifest.js';
import type { FileMap, Position } from './positions.js';
import type { ByteSource } from './source.js';

/** Bytes of one read from the file: the unit of streaming. */
const CHUNK = 1024 * 1024;
/** Entries that are read as one buffer: charts, CRDs, manifests. Blobs of any size are streamed. */
const READ_LIMIT = 256 * 1024 * 1024;

export interface StreamOptions {
  /** First byte wanted; 0 when absent. */
  readonly offset?: number;
  /** Bytes wanted; to the end when absent. */
  readonly length?: number;
  readonly signal?: AbortSignal;
}

/** Access to the entries of an open bundle. */
export interface Contents {
  position(path: string): Position | undefined;
  /** Reads a small entry and checks its digest. @throws AirgapError BLOB_MISMATCH, USAGE (no such entry) */
  read(path: string): Promise<Buffer>;
  /**
   * Streams an entry. Read as a whole, its digest is checked in the stream; a range is as it stands in the file.
   * @throws AirgapError USAGE (no such entry)
   */
  stream(path: string, options?: StreamOptions): Readable;
  /** The images by the names they get in the registry (BundleImage.target), and by digest. */
  readonly images: ImageSource;
}

export interface ContentsFacts {
  readonly source: ByteSource;
  readonly manifest: Manifest;
  readonly manifestBytes: Buffer;
  readonly map: FileMap;
  readonly base?: Contents;
}

/** Builds the access to entries on a source whose manifest was read. */
export function contentsOf(facts: ContentsFacts): Contents {
  const { source, map } = facts;
  const need = (path: string): Position => {
    const position = map.byPath.get(path);
    if (position) return position;
    throw new AirgapError('USAGE', `${source.path} has no entry ${path}`);
  };
  const contents = {
    position: (path: string) => map.byPath.get(path),
    read: async (path: string) => readEntry(facts, need(path)),
    stream: (path: string, options: StreamOptions = {}) => streamEntry(source, need(path), options),
  };
  return {
    ...contents,
    images: bundleImages(facts.manifest, contents, facts.base),
  };
}

async function readEntry(
  { source, manifest, manifestBytes }: ContentsFacts,
  position: Position,
): Promise<Buffer> {
  if (position.path === NAMES.manifest) return manifestBytes;
  if (position.size > READ_LIMIT)
    throw new RangeError(`${position.path} is too large to be read as one buffer`);
  const bytes = await source.read(position.offset, position.size);
  const what = `${position.path} in ${source.path}`;
  if (position.sha256 !== undefined) checkBytes(bytes, { ...position, sha256: position.sha256, what });
  if (position.path === NAMES.checksums) checkChecksums(bytes, { manifest, manifestBytes, what });
  return bytes;
}

function checkChecksums(
  bytes: Buffer,
  { manifest, manifestBytes, what }: Pick<ContentsFacts, 'manifest' | 'manifestBytes'> & { what: string },
): void {
  const bundleId = createHash('sha256').update(manifestBytes).digest('hex');
  if (bytes.equals(formatChecksums(bundleId, manifest.entries))) return;
  throw new AirgapError('BLOB_MISMATCH', `${what} is not what the manifest leads to`);
}

function streamEntry(source: ByteSource, position: Position, options: StreamOptions): Readable {
  const offset = options.offset ?? 0;
  const end = Math.min(position.size, offset + (options.length ?? Number.POSITIVE_INFINITY));
  const raw = rangeStream(source, { ...options, from: position.offset + offset, to: position.offset + end });
  if (offset !== 0 || end !== position.size || position.sha256 === undefined) return raw;
  const what = `${position.path} in ${source.path}`;
  return compose(raw, checkedStream({ ...position, sha256: position.sha256, what }));
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly signal?: AbortSignal;
}

/** Reads one chunk ahead of its consumer, no more. */
function rangeStream(source: ByteSource, { from, to, signal }: Range): Readable {
  let at = from;
  return new Readable({
    highWaterMark: CHUNK,
    ...(signal ? { signal } : {}),
    read() {
      if (at >= to) {
        this.push(null);
        return;
      }
      const length = Math.min(CHUNK, to - at);
      source.read(at, length).then(
        (chunk) => {
          at += length;
          this.push(chunk);
        },
        (error: Error) => this.destroy(error),
      );
    },
  });
}

/** One stream out of a reader and a check: an error or an early end of either ends both. */
function compose(raw: Readable, check: Transform): Readable {
  pipeline(raw, check, () => {});
  return check;
}
