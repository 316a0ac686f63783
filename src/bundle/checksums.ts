import { type Entry, NAMES } from './manifest.js';

/**
 * SHA256SUMS as `sha256sum -c` reads it: airgap.json first, then every entry that has a digest, in order. A pure
 * function of the manifest, which is why the manifest need not hold its digest.
 */
export function formatChecksums(bundleId: string, entries: readonly Entry[]): Buffer {
  const lines = [`${bundleId}  ${NAMES.manifest}\n`];
  for (const { path, sha256 } of entries) if (sha256 !== undefined) lines.push(`${sha256}  ${path}\n`);
  return Buffer.from(lines.join(''), 'latin1');
}

/** Bytes of SHA256SUMS, known before the bundle id is. */
export function checksumsSize(entries: readonly Entry[]): number {
  const line = (path: string): number => 64 + 2 + path.length + 1;
  return entries.reduce(
    (sum, { path, sha256 }) => sum + (sha256 === undefined ? 0 : line(path)),
    line(NAMES.manifest),
  );
}
