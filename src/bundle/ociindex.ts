import { MEDIA } from '../oci/types.js';
import type { BundleImage } from './manifest.js';

/** The file `oci-layout` (OCI image spec, image-layout.md). */
export const OCI_LAYOUT = Buffer.from('{"imageLayoutVersion":"1.0.0"}\n');

/**
 * index.json of the layout: the original descriptor of every image. Both annotations hold the source reference:
 * skopeo, oras and regctl look for the first, containerd prefers the second.
 */
export function formatIndex(images: readonly BundleImage[]): Buffer {
  const manifests = images.map(({ source, descriptor }) => ({
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(descriptor.platform ? { platform: descriptor.platform } : {}),
    ...(descriptor.artifactType === undefined ? {} : { artifactType: descriptor.artifactType }),
    annotations: {
      'io.containerd.image.name': source,
      'org.opencontainers.image.ref.name': source,
    },
  }));
  const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
  return Buffer.from(`${JSON.stringify(index, null, 2)}\n`);
}
