import { createHash } from 'node:crypto';
import { AirgapError, type Fault, isAirgapError } from '../errors.js';
import { VERSION } from '../version.js';
import { MANIFEST_LIMIT, parseManifest } from './codec.js';
import { type Contents, contentsOf } from './contents.js';
import { requireBase } from './delta.js';
import { explainForeign, looksLikeBundle, looksLikeCutBundle } from './detect.js';
import { NAMES, SIGNATURE_SIZE, type VerifiedManifest } from './manifest.js';
import { firstPartFaults, misplacedPartFaults } from './misplaced.js';
import { partSizeFaults, partTotalFaults } from './parts.js';
import { type FileMap, mapFile, nextContent } from './positions.js';
import { commentFaults, decodeSlot } from './slot.js';
import { type ByteSource, openSource } from './source.js';
import { BLOCK, decodeSize, encodeHeader } from './tar.js';
import { checkTrust, type SignatureStatus, type TrustPolicy } from './trust.js';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Whose signatures count; without it only integrity is checked. */
  readonly trust?: TrustPolicy;
  /** The bundle that a delta bundle builds on, already open; closed by its owner. */
  readonly base?: OpenBundle;
  /** The version that minTool is compared with; this airgap's own when absent. */
  readonly toolVersion?: string;
  /** Hears of damage that does not keep the manifest from being read; when absent the first one is thrown. */
  readonly onFault?: (fault: Fault) => void;
}

/** A bundle whose manifest was read and checked. The content of its entries is checked when it is read. */
export interface OpenBundle extends Contents, FileMap {
  readonly path: string;
  /** Bytes of the file, or of all parts. */
  readonly size: number;
  readonly manifest: VerifiedManifest['manifest'];
  /** The bytes that `manifest` was read from and that are signed. */
  readonly manifestBytes: Buffer;
  /** 64 hex digits. */
  readonly bundleId: string;
  readonly signature: SignatureStatus;
  readonly source: ByteSource;
  /** Fails when the file was replaced or modified since it was opened. @throws AirgapError BUNDLE_CHANGED */
  recheck(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a bundle: one file, or a set of parts. Checks what it is, that it is whole, its manifest, its signature by the
 * policy; reads no blob.
 * @throws AirgapError FILE_NOT_FOUND, NOT_A_BUNDLE, BUNDLE_COMPRESSED, BUNDLE_TRUNCATED, BUNDLE_PART, BUNDLE_CORRUPT,
 * MANIFEST_INVALID, BUNDLE_FORMAT_UNKNOWN, SIGNATURE_MISSING, SIGNATURE_INVALID, MEDIA_ERROR, BASE_MISSING (another base)
 */
export async function openBundle(path: string, options: OpenOptions = {}): Promise<OpenBundle> {
  const source = await openSource(path);
  try {
    return await openBundleSource(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** As openBundle, from bytes that are open already. The source is closed by the bundle's close. */
export async function openBundleSource(source: ByteSource, options: OpenOptions = {}): Promise<OpenBundle> {
  try {
    return await openWhole(source, options);
  } catch (error) {
    if (source.pieces.length > 1 && !isAirgapError(error, 'BUNDLE_PART')) {
      throwParts(source, partSizeFaults(source.pieces));
    }
    throw error;
  }
}

async function openWhole(source: ByteSource, options: OpenOptions): Promise<OpenBundle> {
  options.signal?.throwIfAborted();
  const report = options.onFault ?? ((fault: Fault) => throwFault(source, fault));
  const bytes = await readManifestBytes(source, report);
  const bundleId = createHash('sha256').update(bytes).digest('hex');
  const checksum = await checksumFault(source, bytes.length, bundleId);
  const slot = await readSlot(source, bytes.length);
  const slotFaults = slot?.faults ?? [];
  if (options.trust && slot) {
    if (slotFaults.length > 0) throwSlot(slotFaults);
    trustOrDamage({ bytes, bundleId, signatures: slot.signatures }, options.trust, { source, checksum });
  }
  const manifest = parseOrDamage(bytes, options.toolVersion ?? VERSION, { source, checksum });
  if (options.base) requireBase(manifest, options.base);
  const map = mapFile(manifest, bytes.length);
  checkSize(source, map.totalSize);
  if (source.pieces.length > 1) throwParts(source, await misplacedPartFaults(source, map));
  if (checksum) report(checksum);
  const signatures = slot?.signatures ?? [];
  const allSlotFaults = [...slotFaults, ...commentFaults(signatures, manifest, bundleId)];
  if (allSlotFaults.length > 0) {
    if (!options.onFault) throwSlot(allSlotFaults);
    for (const fault of allSlotFaults) report(fault);
  }
  const signature = checkTrust({ bytes, bundleId, signatures }, options.trust);
  return {
    path: source.path,
    size: source.size,
    manifest,
    manifestBytes: bytes,
    bundleId,
    signature,
    source,
    ...map,
    ...contentsOf({
      source,
      manifest,
      map,
      manifestBytes: bytes,
      ...(options.base ? { base: options.base } : {}),
    }),
    recheck: () => source.recheck(),
    close: () => source.close(),
  };
}

/** Reads airgap.json by its header, which must be the one that its size leads to. */
async function readManifestBytes(source: ByteSource, report: (fault: Fault) => void): Promise<Buffer> {
  const head = await source.read(0, Math.min(BLOCK, source.size));
  if (source.size === 0 || looksLikeCutBundle(head))
    throw truncated(source, { atLeast: BLOCK - source.size });
  if (!looksLikeBundle(head)) {
    throwParts(source, await firstPartFaults(source));
    throw await explainForeign(source, head);
  }
  const size = decodeSize(head);
  const header = { where: `header of ${NAMES.manifest}`, what: 'is not the canonical header' };
  if (size === undefined) return throwFault(source, { ...header, what: 'has no readable size', offset: 124 });
  const expected = encodeHeader({ path: NAMES.manifest, size });
  const offset = head.findIndex((byte, index) => byte !== expected[index]);
  if (size > MANIFEST_LIMIT) {
    if (offset >= 0) throwFault(source, { ...header, offset });
    throw new AirgapError('MANIFEST_INVALID', `${NAMES.manifest} is too large`, {
      expected: `at most ${MANIFEST_LIMIT} bytes`,
      found: `${size} bytes`,
    });
  }
  if (offset >= 0) report({ ...header, offset });
  if (source.size < BLOCK + size) throw truncated(source, { atLeast: BLOCK + size - source.size });
  return source.read(BLOCK, size);
}

/**
 * Compares airgap.json with its line in SHA256SUMS, whose place depends on nothing but the manifest's length: tells a
 * damaged manifest from one that was made wrong.
 */
async function checksumFault(source: ByteSource, size: number, bundleId: string): Promise<Fault | undefined> {
  const offset = nextContent(slotOffset(size) + SIGNATURE_SIZE);
  const line = `${bundleId}  ${NAMES.manifest}\n`;
  if (source.size < offset + line.length) return undefined;
  const found = (await source.read(offset, line.length)).toString('latin1');
  if (found === line) return undefined;
  return {
    where: NAMES.manifest,
    what: `and its line in ${NAMES.checksums} do not agree`,
    expected: `sha256:${found.slice(0, 64).replace(/[^0-9a-f]/g, '?')}`,
    found: `sha256:${bundleId}`,
    offset: BLOCK,
  };
}

async function readSlot(source: ByteSource, manifestSize: number) {
  const offset = slotOffset(manifestSize);
  if (source.size < offset + SIGNATURE_SIZE) return undefined;
  return decodeSlot(await source.read(offset, SIGNATURE_SIZE));
}

/** Offset of airgap.sig, the first entry after the manifest. */
export function slotOffset(manifestSize: number): number {
  return nextContent(BLOCK + manifestSize);
}

interface Damage {
  readonly source: ByteSource;
  readonly checksum: Fault | undefined;
}

function trustOrDamage(...[subject, policy, damage]: [...Parameters<typeof checkTrust>, Damage]): void {
  try {
    checkTrust(subject, policy);
  } catch (error) {
    if (damage.checksum && isAirgapError(error, 'SIGNATURE_INVALID'))
      throwFault(damage.source, damage.checksum);
    throw error;
  }
}

/** A manifest that cannot be read is damaged when its checksum says so, else it was made wrong. */
function parseOrDamage(bytes: Buffer, toolVersion: string, { source, checksum }: Damage) {
  try {
    return parseManifest(bytes, toolVersion).manifest;
  } catch (error) {
    if (!checksum || !isAirgapError(error)) throw error;
    throw new AirgapError('BUNDLE_CORRUPT', `${NAMES.manifest} in ${source.path} is damaged`, {
      ...(checksum.expected === undefined ? {} : { expected: checksum.expected }),
      ...(checksum.found === undefined ? {} : { found: checksum.found }),
      faults: [checksum, ...error.faults],
      cause: error,
    });
  }
}

function checkSize(source: ByteSource, total: number): void {
  if (source.pieces.length > 1 || /\.\d{3}$/.test(source.pieces[0]?.path ?? '')) {
    throwParts(source, partTotalFaults(source.pieces, total));
  }
  if (source.size < total) throw truncated(source, { exact: total });
  if (source.size > total) {
    throw new AirgapError('BUNDLE_TRUNCATED', `${source.path} has ${source.size - total} bytes too many`, {
      expected: `${total} bytes`,
      found: `${source.size} bytes`,
    });
  }
}

function truncated(
  source: ByteSource,
  { exact, atLeast }: { exact?: number; atLeast?: number },
): AirgapError {
  const by = exact === undefined ? `at least ${atLeast}` : `${exact - source.size}`;
  return new AirgapError('BUNDLE_TRUNCATED', `${source.path} is short by ${by} bytes`, {
    ...(exact === undefined ? {} : { expected: `${exact} bytes` }),
    found: source.size === 0 ? 'an empty file' : `${source.size} bytes`,
  });
}

function throwParts(source: ByteSource, faults: readonly Fault[]): void {
  const first = faults[0];
  if (!first) return;
  const many = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  throw new AirgapError('BUNDLE_PART', `${first.where} ${first.what}${many}`, {
    ...(first.expected === undefined ? {} : { expected: first.expected }),
    ...(first.found === undefined ? {} : { found: first.found }),
    hint: `copy ${faults.map(({ where }) => where).join(', ')} again from the set that ${source.path} belongs to`,
    faults,
  });
}

function throwSlot(faults: readonly Fault[]): never {
  throw new AirgapError('SIGNATURE_INVALID', `${NAMES.signature} is not canonical`, { faults });
}

function throwFault(source: ByteSource, fault: Fault): never {
  const { where, what, ...rest } = fault;
  throw new AirgapError('BUNDLE_CORRUPT', `${where} in ${source.path} ${what}`, { ...rest, faults: [fault] });
}
