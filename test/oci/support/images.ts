import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { digestOf } from '../../../src/oci/digest.js';
import { type Descriptor, type ManifestBytes, MEDIA } from '../../../src/oci/types.js';

export const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** An image made in memory. */
export interface MadeImage {
  readonly manifest: ManifestBytes;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Bytes by digest: config and layers. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export function describeBlob(bytes: Buffer, mediaType = LAYER): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** @param layers bytes of each, or sizes of random ones */
export function makeImage(layers: readonly (Buffer | number)[], label = 'x'): MadeImage {
  const contents = layers.map((layer) => (typeof layer === 'number' ? randomBytes(layer) : layer));
  const described = contents.map((bytes) => describeBlob(bytes));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { label } },
      rootfs: { type: 'layers', diff_ids: described.map(({ digest }) => digest) },
    }),
  );
  const configDescriptor = describeBlob(config, MEDIA.ociConfig);
  const manifest = manifestOf({ config: configDescriptor, layers: described }, MEDIA.ociManifest);
  const blobs = new Map<string, Buffer>([[configDescriptor.digest, config]]);
  for (const bytes of contents) blobs.set(digestOf(bytes), bytes);
  return { manifest, config: configDescriptor, layers: described, blobs };
}

export function makeIndex(children: readonly Descriptor[]): ManifestBytes {
  return manifestOf({ manifests: children }, MEDIA.ociIndex);
}

export function manifestOf(content: object, mediaType: string): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** A blob in memory as a source for uploads, in pieces of `chunk` bytes. */
export function openerOf(bytes: Buffer, chunk = 256 * 1024): (offset: number) => Readable {
  return (offset) => {
    const pieces: Buffer[] = [];
    for (let at = offset; at < bytes.length; at += chunk) pieces.push(bytes.subarray(at, at + chunk));
    return Readable.from(pieces, { objectMode: false, highWaterMark: chunk });
  };
}

export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
