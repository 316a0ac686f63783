import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import { hexOf, isDigest } from '../oci/digest.js';
import { MANIFEST_LIMIT, parseManifest } from '../oci/parse.js';
import type { BlobOptions, Descriptor, Digest, ImageSource, ManifestBytes } from '../oci/types.js';
import type { Contents } from './contents.js';
import { type Manifest, NAMES } from './manifest.js';

type Entries = Pick<Contents, 'position' | 'read' | 'stream'>;

/**
 * The images of a bundle as a source for copying. Names are those of the target registry; a digest is found whatever
 * the repository. What a delta bundle leaves out comes from its base.
 */
export function bundleImages(manifest: Manifest, entries: Entries, base?: Contents): ImageSource {
  const byTarget = new Map(manifest.images.map((image) => [image.target, image.descriptor]));
  const byDigest = new Map(manifest.images.map(({ descriptor }) => [descriptor.digest, descriptor]));
  return {
    manifest: async (repository, tagOrDigest, options) => {
      const separator = isDigest(tagOrDigest) ? '@' : ':';
      const named = byTarget.get(`${repository}${separator}${tagOrDigest}`);
      const digest = named?.digest ?? (isDigest(tagOrDigest) ? tagOrDigest : undefined);
      if (digest === undefined) throw notFound(`${repository}${separator}${tagOrDigest}`);
      const path = blobPath(digest);
      const size = entries.position(path)?.size;
      if (size === undefined && base) return base.images.manifest(repository, digest, options);
      if (size === undefined) throw missing(manifest, digest);
      if (size > MANIFEST_LIMIT) throw notFound(`${repository}@${digest}`);
      return describe(await entries.read(path), named ?? byDigest.get(digest) ?? { digest, size });
    },
    blob: async (repository, descriptor, options) => {
      const path = blobPath(descriptor.digest);
      if (entries.position(path)) return openBlob(entries, path, { descriptor, ...options });
      if (base) return base.images.blob(repository, descriptor, options);
      throw missing(manifest, descriptor.digest);
    },
  };
}

/** The entry that holds a blob. */
export function blobPath(digest: Digest): string {
  return `${NAMES.blobs}${hexOf(digest)}`;
}

function openBlob(
  entries: Entries,
  path: string,
  { descriptor, offset, signal }: BlobOptions & { descriptor: Descriptor },
): Readable {
  const size = entries.position(path)?.size;
  if (size !== descriptor.size) {
    throw new AirgapError(
      'BLOB_MISMATCH',
      `blob ${descriptor.digest} has another size than its descriptor says`,
      {
        expected: `${descriptor.size} bytes`,
        found: `${size} bytes`,
      },
    );
  }
  return entries.stream(path, { ...(offset ? { offset } : {}), ...(signal ? { signal } : {}) });
}

function describe(
  bytes: Buffer,
  known: Descriptor | { readonly digest: Digest; readonly size: number },
): ManifestBytes {
  const mediaType = 'mediaType' in known ? known.mediaType : parseManifest(bytes).mediaType;
  return { descriptor: { ...known, mediaType }, bytes };
}

function notFound(name: string): AirgapError {
  return new AirgapError('REGISTRY_NOT_FOUND', `the bundle has no image ${name}`, {
    hint: 'list its images: airgap inspect FILE',
  });
}

function missing(manifest: Manifest, digest: Digest): AirgapError {
  if (!manifest.base) return notFound(digest);
  return new AirgapError('BASE_MISSING', `${digest} is in the base of this delta bundle`, {
    expected: `bundle ${manifest.base.version}, id ${manifest.base.bundleId}`,
  });
}
