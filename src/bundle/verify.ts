import { availableParallelism } from 'node:os';
import { AirgapError, type Fault, isAirgapError } from '../errors.js';
import { formatChecksums } from './checksums.js';
import { type HashResult, hashRanges } from './hashing.js';
import { NAMES } from './manifest.js';
import { type OpenBundle, type OpenOptions, openBundle } from './open.js';
import { type Position, type Seam, seamsOf } from './positions.js';
import type { ByteSource } from './source.js';
import { BLOCK } from './tar.js';
import type { SignatureStatus } from './trust.js';

/** Threads beyond this gain nothing: memory and disk set the pace. */
const MOST_THREADS = 8;
/** Bytes at the start of a damaged entry that are looked at to tell a copy that was never written. */
const ZERO_PROBE = 4096;

/** content: bytes are not what the manifest says. media: bytes cannot be read. */
export interface VerifyFault extends Fault {
  readonly kind: 'content' | 'media';
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly path: string;
  /** Bytes, all of which were compared or hashed. */
  readonly size: number;
  /** Files that the bundle was read from. */
  readonly parts: number;
  readonly bundleId: string;
  readonly product: string;
  readonly version: string;
  readonly entries: number;
  readonly signature: SignatureStatus;
  /** In order of their offsets. */
  readonly faults: readonly VerifyFault[];
}

export interface VerifyOptions {
  /** Threads that hash; as many as the machine has, at most 8, when absent. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Bytes hashed of all bytes that will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Checks every byte: each header, padding and the end of the archive against what the manifest leads to, SHA256SUMS
 * likewise, every other entry by its digest. All faults are listed; a place that cannot be read does not stop it.
 * @throws AirgapError BUNDLE_CHANGED when the file was modified meanwhile
 */
export async function verifyBundle(bundle: OpenBundle, options: VerifyOptions = {}): Promise<VerifyReport> {
  const [entryFaults, seamFaults, sumsFault] = await Promise.all([
    checkEntries(bundle, options),
    checkSeams(bundle, options.signal),
    checkChecksums(bundle),
  ]);
  await bundle.recheck();
  const faults = [...entryFaults, ...seamFaults, ...sumsFault].map((fault) => nameFile(bundle.source, fault));
  return reportOf(bundle, faults);
}

/**
 * Opens, verifies and closes. Damage that opening finds beside the point (a header, the signature slot) is listed
 * with the rest.
 * @throws AirgapError as openBundle and verifyBundle
 */
export async function verifyFile(
  path: string,
  options: VerifyOptions & OpenOptions = {},
): Promise<VerifyReport> {
  const early: VerifyFault[] = [];
  const onFault = (fault: Fault): void => void early.push({ kind: 'content', ...fault });
  const bundle = await openBundle(path, { ...options, onFault });
  try {
    const report = await verifyBundle(bundle, options);
    const known = new Set(report.faults.map(({ where }) => where));
    const faults = early
      .map((fault) => nameFile(bundle.source, fault))
      .filter(({ where }) => !known.has(where));
    return reportOf(bundle, [...faults, ...report.faults]);
  } finally {
    await bundle.close();
  }
}

/** @throws AirgapError BUNDLE_CORRUPT or MEDIA_ERROR with all faults, unless the report is good */
export function requireOk(report: VerifyReport): void {
  if (report.ok) return;
  const { faults, path } = report;
  const media = faults.every(({ kind }) => kind === 'media');
  const places = `${faults.length} ${faults.length === 1 ? 'place' : 'places'}`;
  if (media) throw new AirgapError('MEDIA_ERROR', `${path} cannot be read at ${places}`, { faults });
  throw new AirgapError('BUNDLE_CORRUPT', `${path} is damaged at ${places}`, { faults });
}

function reportOf(bundle: OpenBundle, faults: readonly VerifyFault[]): VerifyReport {
  return {
    ok: faults.length === 0,
    path: bundle.path,
    size: bundle.size,
    parts: Math.max(1, bundle.source.pieces.length),
    bundleId: bundle.bundleId,
    product: bundle.manifest.product,
    version: bundle.manifest.version,
    entries: bundle.positions.length,
    signature: bundle.signature,
    faults: [...faults].sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0)),
  };
}

async function checkEntries(bundle: OpenBundle, options: VerifyOptions): Promise<VerifyFault[]> {
  const { source, positions } = bundle;
  const hashed = positions.filter(({ sha256 }) => sha256 !== undefined);
  const total = hashed.reduce((sum, { size }) => sum + size, 0);
  const results = await hashRanges(source, hashed, {
    concurrency: options.concurrency ?? Math.min(MOST_THREADS, availableParallelism()),
    ...(options.signal ? { signal: options.signal } : {}),
    onProgress: (done) => options.onProgress?.(done, total),
  });
  const faults: VerifyFault[] = [];
  for (const [index, position] of hashed.entries()) {
    const result = results[index] as HashResult;
    if ('failed' in result) faults.push(mediaFault(position.path, result.failed.offset, result.failed.code));
    else if (result.sha256 !== position.sha256)
      faults.push(await digestFault(source, position, result.sha256));
  }
  return faults;
}

async function digestFault(source: ByteSource, position: Position, found: string): Promise<VerifyFault> {
  const start = await source
    .read(position.offset, Math.min(ZERO_PROBE, position.size))
    .catch(() => undefined);
  const zeros = start?.every((byte) => byte === 0) ? '; begins with zeros, as if never written' : '';
  return {
    kind: 'content',
    where: position.path,
    what: 'does not match its digest',
    expected: `sha256:${position.sha256}  (${position.size} bytes)`,
    found: `sha256:${found}${zeros}`,
    offset: position.offset,
  };
}

async function checkSeams(bundle: OpenBundle, signal: AbortSignal | undefined): Promise<VerifyFault[]> {
  const faults: VerifyFault[] = [];
  for (const seam of seamsOf(bundle)) {
    signal?.throwIfAborted();
    try {
      const found = await bundle.source.read(seam.offset, seam.bytes.length);
      if (!found.equals(seam.bytes)) faults.push(seamFault(seam, found));
    } catch (error) {
      faults.push(readFault(error, seam.what, seam.offset));
    }
  }
  return faults;
}

/** Names the first byte that differs: in the padding before the header, in the header, or in the end. */
function seamFault(seam: Seam, found: Buffer): VerifyFault {
  const at = seam.bytes.findIndex((byte, index) => byte !== found[index]);
  const isHeader = seam.what.startsWith('header') && at >= seam.bytes.length - BLOCK;
  const hex = (bytes: Buffer): string => bytes.toString('hex', at, Math.min(at + 8, bytes.length));
  return {
    kind: 'content',
    where: isHeader || !seam.what.startsWith('header') ? seam.what : `padding before the ${seam.what}`,
    what: isHeader ? 'is not the one header that the entry can have' : 'is not zeros',
    expected: `bytes ${hex(seam.bytes)}`,
    found: `bytes ${hex(found)}`,
    offset: seam.offset + at,
  };
}

async function checkChecksums(bundle: OpenBundle): Promise<VerifyFault[]> {
  const position = bundle.byPath.get(NAMES.checksums) as Position;
  const expected = formatChecksums(bundle.bundleId, bundle.manifest.entries);
  try {
    const found = await bundle.source.read(position.offset, position.size);
    if (found.equals(expected)) return [];
    const at = expected.findIndex((byte, index) => byte !== found[index]);
    const line = expected.toString('latin1', 0, at < 0 ? expected.length : at).split('\n').length;
    return [
      {
        kind: 'content',
        where: `${NAMES.checksums}, line ${line}`,
        what: 'is not what the manifest leads to',
        offset: position.offset + Math.max(0, at),
      },
    ];
  } catch (error) {
    return [readFault(error, NAMES.checksums, position.offset)];
  }
}

function readFault(error: unknown, where: string, offset: number): VerifyFault {
  if (!isAirgapError(error)) throw error;
  return mediaFault(where, offset, error.found ?? error.code);
}

function mediaFault(where: string, offset: number, code: string): VerifyFault {
  return { kind: 'media', where, what: 'cannot be read', found: code, offset };
}

/** In a set of parts, says which file the offset lies in. */
function nameFile(source: ByteSource, fault: VerifyFault): VerifyFault {
  if (source.pieces.length < 2 || fault.offset === undefined) return fault;
  const offset = fault.offset;
  const piece = source.pieces.find(({ start, size }) => offset >= start && offset < start + size);
  return piece ? { ...fault, where: `${fault.where} (${piece.path}, byte ${offset - piece.start})` } : fault;
}
