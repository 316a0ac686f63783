import { createHash } from 'node:crypto';
import { AirgapError } from '../errors.js';
import { hexOf } from '../oci/digest.js';
import type { Digest } from '../oci/types.js';
import { checksumsSize, formatChecksums } from './checksums.js';
import { serializeManifest } from './codec.js';
import {
  type DeltaBase,
  type Entry,
  type Manifest,
  NAMES,
  SCHEMA_VERSION,
  SIGNATURE_SIZE,
  type VerifiedManifest,
} from './manifest.js';
import { formatIndex, OCI_LAYOUT } from './ociindex.js';
import { type FileMap, mapFile, type Position } from './positions.js';
import { formatReadme } from './readme.js';
import { formatSbom } from './sbom.js';

/** A file that the packer brings: a chart, the CRDs, the key list, a tool. */
export interface DraftFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What a bundle is to hold; everything else follows from it. */
export interface BundleDraft extends Omit<Manifest, 'schemaVersion' | 'entries' | 'base'> {
  /** Charts, CRDs, key list and tools, in any order. README, SBOM, index and checksums are made here. */
  readonly files: readonly DraftFile[];
  /** Every manifest, config and layer of every image; any order, repeats allowed. */
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  /** For a delta bundle: what the older bundle holds. Only what `blobs` needs is kept of it. */
  readonly base?: DeltaBase;
}

/** A bundle whose every byte but the content of files and blobs is known. */
export interface BundleLayout extends VerifiedManifest, FileMap {
  /** Content of every entry that is made here, by path: signature slot, checksums, README, SBOM, OCI index. */
  readonly generated: ReadonlyMap<string, Buffer>;
}

/**
 * Lays out a whole bundle: entries in their one order, manifest bytes, positions, total size. Pure: the same draft
 * gives the same bytes, in whatever order its files and blobs come.
 * @throws AirgapError MANIFEST_INVALID with all faults
 */
export function layoutBundle(draft: BundleDraft): BundleLayout {
  const { files, blobs, base, ...facts } = draft;
  const sorted = [...files].sort(byRank(draft));
  const bySha = new Map(sorted.map((file) => [file.path, file.sha256]));
  const generated = new Map<string, Buffer>([
    [NAMES.readme, formatReadme({ ...facts, ...(base ? { base } : {}) })],
    [NAMES.sbom, formatSbom(facts, (path) => bySha.get(path))],
    [NAMES.layout, OCI_LAYOUT],
    [NAMES.index, formatIndex(draft.images)],
  ]);
  const made = (path: string): DraftFile => describe(path, generated.get(path) as Buffer);
  const split = splitBlobs(blobs, base);
  const digested = [
    made(NAMES.readme),
    ...sorted,
    made(NAMES.sbom),
    made(NAMES.layout),
    made(NAMES.index),
    ...split.inside,
  ];
  const entries: Entry[] = [
    { path: NAMES.signature, size: SIGNATURE_SIZE },
    { path: NAMES.checksums, size: checksumsSize(digested) },
    ...digested,
  ];
  const manifest: Manifest = {
    schemaVersion: SCHEMA_VERSION,
    ...facts,
    ...(base ? { base: { ...base, blobs: split.outside } } : {}),
    entries,
  };
  const bytes = serializeManifest(manifest);
  const bundleId = createHash('sha256').update(bytes).digest('hex');
  generated.set(NAMES.signature, Buffer.alloc(SIGNATURE_SIZE));
  generated.set(NAMES.checksums, formatChecksums(bundleId, entries));
  return { manifest, bytes, bundleId, generated, ...mapFile(manifest, bytes.length) };
}

/** Entries whose content the packer has to bring, in order of the file. */
export function entriesToBring(layout: BundleLayout): Position[] {
  return layout.positions.filter(({ path }) => path !== NAMES.manifest && !layout.generated.has(path));
}

/** CRDs, control plane, cluster, prerequisites, key list, tools; then by path. */
function byRank(draft: BundleDraft): (a: DraftFile, b: DraftFile) => number {
  const roles = new Map(draft.charts.map((chart) => [chart.path, chart.role]));
  const order = ['control-plane', 'cluster', 'prerequisite'];
  const rank = ({ path }: DraftFile): number => {
    if (path === NAMES.crds) return 0;
    const role = roles.get(path);
    if (role !== undefined) return 1 + order.indexOf(role);
    return path === NAMES.trust ? 4 : path.startsWith(NAMES.tools) ? 6 : 5;
  };
  return (a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1);
}

/** Each blob once, sorted by digest; those of the base stay outside. */
function splitBlobs(blobs: BundleDraft['blobs'], base: DeltaBase | undefined) {
  const sizes = new Map<Digest, number>();
  for (const { digest, size } of blobs) {
    const known = sizes.get(digest);
    if (known !== undefined && known !== size) {
      throw new AirgapError('MANIFEST_INVALID', `two descriptors of ${digest} do not agree on its size`, {
        expected: `${known} bytes`,
        found: `${size} bytes`,
        hint: 'one of the images that use this blob is damaged at its source',
      });
    }
    sizes.set(digest, size);
  }
  const sorted = [...sizes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([digest, size]) => ({ digest, size }));
  const old = new Map(base?.blobs.map(({ digest, size }) => [digest, size]));
  const isOld = ({ digest, size }: { digest: Digest; size: number }): boolean => old.get(digest) === size;
  return {
    inside: sorted
      .filter((blob) => !isOld(blob))
      .map(({ digest, size }) => ({ path: `${NAMES.blobs}${hexOf(digest)}`, size, sha256: hexOf(digest) })),
    outside: sorted.filter(isOld),
  };
}

function describe(path: string, bytes: Buffer): DraftFile {
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
