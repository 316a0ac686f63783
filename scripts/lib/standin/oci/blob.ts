import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export const TYPES = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** A blob with its bytes in memory, or in a file when it is large. */
export interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly content: Buffer | { readonly file: string };
}

/** A compressed layer and the digest of its uncompressed tar, which the image's config names. */
export interface Layer extends Blob {
  readonly diffId: string;
}

/** A blob of bytes in memory. */
export function blobOf(content: Buffer | string): Blob {
  const bytes = Buffer.from(content);
  return { digest: sha256(bytes), size: bytes.length, content: bytes };
}

/** A blob of compact JSON, keys in the order given. */
export function jsonBlob(value: unknown): Blob {
  return blobOf(JSON.stringify(value));
}

/** Compresses a tar into a layer. */
export function layerOf(tar: Buffer): Layer {
  return { ...blobOf(gzipSync(tar, { level: 9 })), diffId: sha256(tar) };
}

/** `sha256:<hex>` of the bytes. */
export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
