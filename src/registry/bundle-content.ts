import type { Readable } from 'node:stream';
import type { BundleImage } from '../bundle/manifest.js';
import type { Descriptor } from '../oci/types.js';
import type { ContentDigest } from './content-digest.js';
import type { ByteRange } from './range.js';

/** What serving needs of a bundle: its images, and its blobs at their places in the file. */
export interface BundleContent {
  readonly images: readonly BundleImage[];
  /** The checked bytes of a manifest; undefined when the bundle does not carry it. */
  readManifest(descriptor: Descriptor): Promise<Buffer | undefined>;
  /** Bytes; undefined when the bundle does not carry the blob. */
  blobSize(digest: ContentDigest): number | undefined;
  openBlob(digest: ContentDigest, range?: ByteRange): Promise<Readable> | Readable;
  close(): Promise<void>;
}
