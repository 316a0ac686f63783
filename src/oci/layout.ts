import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import { checkBytes } from '../io/checked.js';
import { hexOf, isDigest } from './digest.js';
import type { NamedImage, NamedSource } from './named.js';
import { MANIFEST_LIMIT, parseManifest } from './parse.js';
import { parseReference, tagOrDigestOf } from './reference.js';
import { type FileStore, openStore } from './store.js';
import type { BlobOptions, Descriptor, ManifestBytes } from './types.js';

const INDEX_LIMIT = 16 * 1024 * 1024;
const REF_NAME = 'org.opencontainers.image.ref.name';
/** containerd writes the full reference here and only the tag into ref.name. */
const FULL_NAME = 'io.containerd.image.name';

/**
 * Opens an OCI image layout, a folder or a plain tar of one (skopeo's oci-archive), which is read in place.
 * @throws AirgapError FILE_NOT_FOUND, IMAGE_INVALID, IMAGE_UNSUPPORTED
 */
export async function openLayout(path: string): Promise<NamedSource> {
  const store = await openStore(path);
  try {
    return await layoutSource(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The layout that a store holds. */
export async function layoutSource(store: FileStore): Promise<NamedSource> {
  await checkVersion(store);
  const bytes = await store.read('index.json', INDEX_LIMIT);
  const parsed = parseManifest(bytes, undefined, `index.json of ${store.path}`);
  if (parsed.kind !== 'index') {
    throw new AirgapError('IMAGE_INVALID', `index.json of ${store.path} is not an index`);
  }
  const images = parsed.manifests.flatMap((descriptor) => namesOf(descriptor));
  return {
    names: () => images,
    manifest: async (repository, tagOrDigest) => {
      const found = isDigest(tagOrDigest)
        ? images.find(({ descriptor }) => descriptor.digest === tagOrDigest)?.descriptor
        : pickByName(images, repository, tagOrDigest, store.path);
      const digest = found?.digest ?? (isDigest(tagOrDigest) ? tagOrDigest : undefined);
      if (digest === undefined) throw new Error('a name that is no digest is found or refused above');
      return readManifest(store, digest, found);
    },
    blob: (_repository, descriptor, options) => openBlob(store, descriptor, options ?? {}),
    close: () => store.close(),
  };
}

/** The one image meant by a name; an empty name means the only image. @throws AirgapError REGISTRY_NOT_FOUND */
export function pickByName(
  images: readonly NamedImage[],
  repository: string,
  name: string,
  path: string,
): Descriptor {
  const wanted = repository === '' ? [name] : [name, `${repository}:${name}`];
  const digests = new Map(images.map(({ descriptor }) => [descriptor.digest, descriptor]));
  const only = name === '' && digests.size === 1 ? [...digests.values()][0] : undefined;
  const exact = images.find((image) => image.name !== '' && wanted.includes(image.name));
  const alike = images.find((image) => image.name !== '' && wanted.some((text) => isAlike(text, image.name)));
  const found = only ?? (exact ?? alike)?.descriptor;
  if (found) return found;
  const known = [...new Set(images.map((image) => image.name || image.descriptor.digest))];
  throw new AirgapError('REGISTRY_NOT_FOUND', `${path} has no image named "${wanted.at(-1)}"`, {
    found: known.length === 0 ? 'no image at all' : known.slice(0, 20).join(', '),
    hint: 'name one of the images it has',
  });
}

/** busybox, busybox:latest and docker.io/library/busybox:latest are one name. */
function isAlike(one: string, other: string): boolean {
  const normal = (text: string): string => {
    const reference = parseReference(text);
    return `${reference.registry}/${reference.repository}/${tagOrDigestOf(reference)}`;
  };
  try {
    return normal(one) === normal(other);
  } catch {
    return false; // a name of a layout need not be a reference
  }
}

function namesOf(descriptor: Descriptor): NamedImage[] {
  const full = descriptor.annotations?.[FULL_NAME];
  const short = descriptor.annotations?.[REF_NAME];
  const names = [...new Set([full, short])].filter((name): name is string => name !== undefined);
  return (names.length === 0 ? [''] : names).map((name) => ({ name, descriptor }));
}

/** Older writers leave the version file out; a version that is there must be ours. */
async function checkVersion(store: FileStore): Promise<void> {
  if ((await store.size('oci-layout')) === undefined) return;
  const text = (await store.read('oci-layout', 4096)).toString('utf8');
  let version: unknown;
  try {
    version = (JSON.parse(text) as { imageLayoutVersion?: unknown }).imageLayoutVersion;
  } catch {
    version = undefined;
  }
  if (typeof version === 'string' && version.startsWith('1.')) return;
  throw new AirgapError('IMAGE_INVALID', `${store.path} is not an OCI image layout of a known version`, {
    expected: 'imageLayoutVersion 1.0.0',
    found: String(version ?? 'none').slice(0, 40),
  });
}

async function readManifest(
  store: FileStore,
  digest: Descriptor['digest'],
  listed: Descriptor | undefined,
): Promise<ManifestBytes> {
  const what = `manifest ${digest} of ${store.path}`;
  if ((await store.size(blobName(digest))) === undefined) {
    throw new AirgapError('REGISTRY_NOT_FOUND', `${store.path} has no ${digest}`);
  }
  const bytes = await store.read(blobName(digest), MANIFEST_LIMIT);
  checkBytes(bytes, { sha256: hexOf(digest), size: listed?.size ?? bytes.length, what });
  const parsed = parseManifest(bytes, listed?.mediaType, what);
  const described = listed ?? { mediaType: parsed.mediaType, digest, size: bytes.length };
  return { descriptor: { ...described, mediaType: parsed.mediaType }, bytes };
}

async function openBlob(store: FileStore, descriptor: Descriptor, options: BlobOptions): Promise<Readable> {
  const what = `blob ${descriptor.digest} of ${store.path}`;
  const expected = { sha256: hexOf(descriptor.digest), size: descriptor.size, what };
  const size = await store.size(blobName(descriptor.digest));
  if (size === undefined) {
    throw new AirgapError('BLOB_MISMATCH', `${what} is missing`, {
      expected: `${descriptor.size} bytes`,
      found: 'no such file',
    });
  }
  if (size !== descriptor.size) {
    throw new AirgapError('BLOB_MISMATCH', `${what} does not have its size`, {
      expected: `${descriptor.size} bytes`,
      found: `${size} bytes`,
    });
  }
  return store.stream(blobName(descriptor.digest), options.offset ?? 0, expected);
}

function blobName(digest: Descriptor['digest']): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
