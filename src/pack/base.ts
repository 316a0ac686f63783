import { type DeltaBase, NAMES } from '../bundle/manifest.js';
import { openBundle } from '../bundle/open.js';

/**
 * Reads which blobs an older bundle holds. Blobs that itself only names, being a delta bundle, do not count: the
 * site then needs one older file, never a chain.
 * @throws AirgapError FILE_NOT_FOUND, NOT_A_BUNDLE and the other codes of opening
 */
export async function readBase(path: string, signal: AbortSignal): Promise<DeltaBase> {
  const bundle = await openBundle(path, { signal });
  try {
    const blobs = bundle.manifest.entries
      .filter((entry) => entry.path.startsWith(NAMES.blobs))
      .map(({ size, sha256 }) => ({ digest: `sha256:${sha256}` as const, size }));
    return { bundleId: bundle.bundleId, version: bundle.manifest.version, blobs };
  } finally {
    await bundle.close();
  }
}
