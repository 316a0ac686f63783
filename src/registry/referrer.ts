import type { ContentDigest } from './content-digest.js';
import type { ManifestContent } from './manifest-content.js';
import type { ReferrerDescriptor } from './types.js';

/** The descriptor of a manifest with a subject, as the referrers list of that subject shows it. */
export function describeReferrer(manifest: {
  readonly digest: ContentDigest;
  readonly bytes: Buffer;
  readonly content: ManifestContent;
}): ReferrerDescriptor {
  const { artifactType, annotations, mediaType } = manifest.content;
  return {
    mediaType,
    digest: manifest.digest.text,
    size: manifest.bytes.length,
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
}
