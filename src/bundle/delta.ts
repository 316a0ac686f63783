import { AirgapError, type Fault } from '../errors.js';
import { mapPooled } from '../io/pool.js';
import type { Digest } from '../oci/types.js';
import type { DeltaBase, Manifest, VerifiedManifest } from './manifest.js';
import { blobSizes } from './rules.js';

/** Asks wherever the base may be: the registry, or the older bundle. */
export type HasBlob = (blob: { readonly digest: Digest; readonly size: number }) => Promise<boolean>;

const ASKED_AT_ONCE = 8;

/** Describes an older bundle as the base of a new one: everything that it holds or was promised itself. */
export function baseOf({ manifest, bundleId }: Pick<VerifiedManifest, 'manifest' | 'bundleId'>): DeltaBase {
  const blobs = [...blobSizes(manifest)]
    .map(([hex, size]) => ({ digest: `sha256:${hex}` as Digest, size }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return { bundleId, version: manifest.version, blobs };
}

/**
 * Proves that every blob which a delta bundle leaves out is there, before anything is changed. Does nothing for a full
 * bundle.
 * @throws AirgapError BASE_MISSING with all that is missing, and what `hasBlob` throws
 */
export async function checkBase(
  manifest: Manifest,
  hasBlob: HasBlob,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { base } = manifest;
  if (!base) return;
  const there = await mapPooled(base.blobs, ASKED_AT_ONCE, (blob) => hasBlob(blob), options.signal);
  const faults = base.blobs
    .filter((_, index) => !there[index])
    .map(({ digest, size }): Fault => ({ where: digest, what: 'is not there', expected: `${size} bytes` }));
  if (faults.length === 0) return;
  throw new AirgapError(
    'BASE_MISSING',
    `${faults.length} of ${base.blobs.length} blobs of the base are missing`,
    {
      expected: `the blobs of bundle ${base.version}, id ${base.bundleId}`,
      hint: `give that bundle with --base FILE, or use a full bundle of ${manifest.version}`,
      faults,
    },
  );
}

/**
 * The same check against an older bundle given as a file.
 * @throws AirgapError BASE_MISSING when it is another bundle than the delta was made from
 */
export function requireBase(
  manifest: Manifest,
  older: Pick<VerifiedManifest, 'bundleId' | 'manifest'>,
): void {
  const { base } = manifest;
  if (!base || base.bundleId === older.bundleId) return;
  throw new AirgapError(
    'BASE_MISSING',
    'the bundle given as the base is not the one that the delta was made from',
    {
      expected: `bundle ${base.version}, id ${base.bundleId}`,
      found: `bundle ${older.manifest.version}, id ${older.bundleId}`,
    },
  );
}
