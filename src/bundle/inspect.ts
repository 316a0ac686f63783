import { hexOf } from '../oci/digest.js';
import { parseManifest } from '../oci/parse.js';
import type { Digest } from '../oci/types.js';
import type { BundleChart, BundleImage, BundleTool, DeltaBase, Manifest } from './manifest.js';
import { NAMES } from './manifest.js';
import type { OpenBundle } from './open.js';
import { blobSizes } from './rules.js';
import type { SignatureStatus } from './trust.js';

export interface ImageSummary extends Pick<BundleImage, 'source' | 'target' | 'platforms' | 'reasons'> {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly filteredFrom?: Digest;
  /** Bytes of all its manifests, configs and layers. */
  readonly size: number;
  /** Bytes that no other image of the bundle uses. */
  readonly unique: number;
  /** Bytes that other images use as well. */
  readonly shared: number;
  readonly blobs: number;
}

export interface InspectReport {
  readonly path: string;
  readonly parts: number;
  readonly size: number;
  readonly bundleId: string;
  readonly signature: SignatureStatus;
  readonly product: string;
  readonly version: string;
  readonly sequence?: number;
  readonly minTool: string;
  readonly platforms: readonly string[];
  /** Seconds since the epoch. */
  readonly sourceDate: number;
  readonly relocate: string;
  readonly requires: Readonly<Record<string, string>>;
  readonly upgrade?: Manifest['upgrade'];
  readonly coverage: Manifest['coverage'];
  readonly charts: readonly (BundleChart & { readonly size: number })[];
  readonly crds: { readonly sources: readonly string[]; readonly size: number };
  readonly images: readonly ImageSummary[];
  readonly tools: readonly (BundleTool & { readonly size: number })[];
  readonly base?: {
    readonly bundleId: string;
    readonly version: string;
    readonly blobs: number;
    readonly size: number;
  };
  readonly totals: {
    /** Bytes of every blob once, as they lie in the bundle and its base. */
    readonly stored: number;
    /** Bytes of all images, each counted in full. */
    readonly logical: number;
    readonly blobs: number;
  };
}

/**
 * Tells what a bundle holds. Reads the manifests of its images (their digests are checked), no layer.
 * @throws AirgapError BLOB_MISMATCH, IMAGE_INVALID; BASE_MISSING for a delta bundle opened without its base
 */
export async function inspectBundle(bundle: OpenBundle): Promise<InspectReport> {
  const { manifest } = bundle;
  const trees = await Promise.all(manifest.images.map((image) => blobsOfImage(bundle, image)));
  const users = countUsers(trees);
  const sizes = blobSizes(manifest);
  const sum = (digests: Iterable<Digest>): number => {
    let total = 0;
    for (const digest of digests) total += sizes.get(hexOf(digest)) ?? 0;
    return total;
  };
  const images = manifest.images.map((image, index) => {
    const blobs = trees[index] as ReadonlySet<Digest>;
    const size = sum(blobs);
    const unique = sum([...blobs].filter((digest) => users.get(digest) === 1));
    return summarize(image, { size, unique, shared: size - unique, blobs: blobs.size });
  });
  const sizeOf = (path: string): number => bundle.position(path)?.size ?? 0;
  const {
    charts,
    crds,
    tools,
    base,
    images: _images,
    entries: _entries,
    schemaVersion: _schema,
    ...facts
  } = manifest;
  return {
    path: bundle.path,
    parts: Math.max(1, bundle.source.pieces.length),
    size: bundle.size,
    bundleId: bundle.bundleId,
    signature: bundle.signature,
    ...facts,
    charts: charts.map((chart) => ({ ...chart, size: sizeOf(chart.path) })),
    crds: { sources: crds, size: sizeOf(NAMES.crds) },
    images,
    tools: tools.map((tool) => ({ ...tool, size: sizeOf(tool.path) })),
    ...(base ? { base: summarizeBase(base) } : {}),
    totals: {
      stored: [...sizes.values()].reduce((total, size) => total + size, 0),
      logical: images.reduce((total, { size }) => total + size, 0),
      blobs: sizes.size,
    },
  };
}

/** Every blob of an image: its manifests, configs and layers, and the index itself. */
export async function blobsOfImage(bundle: OpenBundle, image: BundleImage): Promise<Set<Digest>> {
  const found = new Set<Digest>();
  const queue: Digest[] = [image.descriptor.digest];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (found.has(digest)) continue;
    found.add(digest);
    const { bytes, descriptor } = await bundle.images.manifest('', digest);
    const parsed = parseManifest(bytes, descriptor.mediaType, digest);
    if (parsed.kind === 'index') {
      const inside = new Set(
        parsed.manifests.map((child) => child.digest).filter((child) => has(bundle, child)),
      );
      queue.push(...inside);
    } else {
      for (const blob of [parsed.config, ...parsed.layers]) found.add(blob.digest);
    }
  }
  return found;
}

/** An index may name platforms that were not packed. */
function has(bundle: OpenBundle, digest: Digest): boolean {
  const { manifest } = bundle;
  return (
    bundle.position(`${NAMES.blobs}${hexOf(digest)}`) !== undefined ||
    (manifest.base?.blobs.some((blob) => blob.digest === digest) ?? false)
  );
}

function countUsers(trees: readonly ReadonlySet<Digest>[]): Map<Digest, number> {
  const users = new Map<Digest, number>();
  for (const blobs of trees) for (const digest of blobs) users.set(digest, (users.get(digest) ?? 0) + 1);
  return users;
}

function summarize(
  { source, target, descriptor, platforms, filteredFrom, reasons }: BundleImage,
  sums: Pick<ImageSummary, 'size' | 'unique' | 'shared' | 'blobs'>,
): ImageSummary {
  return {
    source,
    target,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    platforms,
    ...(filteredFrom === undefined ? {} : { filteredFrom }),
    reasons,
    ...sums,
  };
}

function summarizeBase({ bundleId, version, blobs }: DeltaBase) {
  return { bundleId, version, blobs: blobs.length, size: blobs.reduce((total, { size }) => total + size, 0) };
}
