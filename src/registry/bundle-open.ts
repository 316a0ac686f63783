import { NAMES } from '../bundle/manifest.js';
import type { OpenBundle } from '../bundle/open.js';
import type { BundleContent } from './bundle-content.js';
import type { ContentDigest } from './content-digest.js';

/** An open bundle as something to serve. A delta bundle lacks what is in its base; that is not served. */
export function contentOfBundle(bundle: OpenBundle): BundleContent {
  const place = ({ algorithm, hex }: ContentDigest) =>
    algorithm === 'sha256' ? bundle.position(`${NAMES.blobs}${hex}`) : undefined;
  return {
    images: bundle.manifest.images,
    async readManifest({ digest }) {
      const path = `${NAMES.blobs}${digest.slice('sha256:'.length)}`;
      return bundle.position(path) ? bundle.read(path) : undefined;
    },
    blobSize: (digest) => place(digest)?.size,
    openBlob({ hex }, range) {
      const part = range ? { offset: range.start, length: range.end - range.start + 1 } : {};
      return bundle.stream(`${NAMES.blobs}${hex}`, part);
    },
    close: () => bundle.close(),
  };
}
