import { createHash } from 'node:crypto';
import { AirgapError } from '../errors.js';
import { digestOf, hexOf, isDigest } from './digest.js';
import {
  type ArchiveImage,
  type ArchiveLayer,
  buildManifest,
  diffIdsOf,
  parseArchive,
} from './docker-manifest.js';
import { layoutSource, pickByName } from './layout.js';
import type { NamedImage, NamedSource } from './named.js';
import { type FileStore, openStore } from './store.js';
import type { Descriptor, Digest, ManifestBytes } from './types.js';

const LIST_LIMIT = 16 * 1024 * 1024;
const CONFIG_LIMIT = 8 * 1024 * 1024;

/**
 * Opens what `docker save` and `podman save --format docker-archive` write. The classic form has no manifests: one
 * is made of config and layers, the same every time. The newer form is an OCI layout with another list of names.
 * @throws AirgapError FILE_NOT_FOUND, IMAGE_INVALID
 */
export async function openDockerArchive(path: string): Promise<NamedSource> {
  const store = await openStore(path);
  try {
    const images = parseArchive(await store.read('manifest.json', LIST_LIMIT), path);
    if ((await store.size('index.json')) !== undefined) return await layoutForm(store, images);
    return await classicForm(store, images);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The layout's own images, under the names of manifest.json as well. */
async function layoutForm(store: FileStore, images: readonly ArchiveImage[]): Promise<NamedSource> {
  const layout = await layoutSource(store);
  const named: NamedImage[] = [...layout.names()];
  for (const image of images) {
    const descriptor = await findByConfig(layout, image);
    if (descriptor) named.push(...image.tags.map((name) => ({ name, descriptor })));
  }
  return {
    ...layout,
    names: () => named,
    manifest: (repository, tagOrDigest, options) => {
      const digest = isDigest(tagOrDigest)
        ? tagOrDigest
        : pickByName(named, repository, tagOrDigest, store.path).digest;
      return layout.manifest(repository, digest, options);
    },
  };
}

async function findByConfig(layout: NamedSource, image: ArchiveImage): Promise<Descriptor | undefined> {
  for (const { descriptor } of layout.names()) {
    const { bytes } = await layout.manifest('', descriptor.digest);
    if (bytes.includes(image.config.replace(/^.*\//, '').replace(/\.json$/, ''))) return descriptor;
  }
  return undefined;
}

async function classicForm(store: FileStore, images: readonly ArchiveImage[]): Promise<NamedSource> {
  const manifests = new Map<Digest, ManifestBytes>();
  const files = new Map<Digest, string>();
  const named: NamedImage[] = [];
  for (const image of images) {
    const manifest = await makeImage(store, image, files);
    manifests.set(manifest.descriptor.digest, manifest);
    const names = image.tags.length === 0 ? [''] : image.tags;
    named.push(...names.map((name) => ({ name, descriptor: manifest.descriptor })));
  }
  return {
    names: () => named,
    manifest: async (repository, tagOrDigest) => {
      const digest = isDigest(tagOrDigest)
        ? tagOrDigest
        : pickByName(named, repository, tagOrDigest, store.path).digest;
      const found = manifests.get(digest);
      if (!found) throw new AirgapError('REGISTRY_NOT_FOUND', `${store.path} has no ${digest}`);
      return found;
    },
    blob: async (_repository, descriptor, options = {}) => {
      const file = files.get(descriptor.digest);
      if (file === undefined) {
        throw new AirgapError('REGISTRY_NOT_FOUND', `${store.path} has no ${descriptor.digest}`);
      }
      const what = `${file} of ${store.path}`;
      const expected = { sha256: hexOf(descriptor.digest), size: descriptor.size, what };
      return store.stream(file, options.offset ?? 0, expected);
    },
    close: () => store.close(),
  };
}

async function makeImage(
  store: FileStore,
  image: ArchiveImage,
  files: Map<Digest, string>,
): Promise<ManifestBytes> {
  const config = await store.read(image.config, CONFIG_LIMIT);
  files.set(digestOf(config), image.config);
  const diffIds = diffIdsOf(config, image, store.path);
  const layers: ArchiveLayer[] = [];
  for (const [index, file] of image.layers.entries()) {
    const layer = await describeLayer(store, file, diffIds[index] as Digest);
    files.set(layer.digest, file);
    layers.push(layer);
  }
  return buildManifest(config, layers);
}

/** A plain layer's digest is its diff id, known without reading it; a compressed one must be hashed. */
async function describeLayer(store: FileStore, file: string, diffId: Digest): Promise<ArchiveLayer> {
  const size = await store.size(file);
  if (size === undefined) {
    throw new AirgapError('IMAGE_INVALID', `${store.path} lacks the layer ${file}`, {
      hint: 'save the image again; the archive is incomplete',
    });
  }
  const stream = await store.stream(file, 0);
  const hash = createHash('sha256');
  let isFirst = true;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (isFirst && !(chunk[0] === 0x1f && chunk[1] === 0x8b)) {
      stream.destroy();
      return { digest: diffId, size, compressed: false };
    }
    isFirst = false;
    hash.update(chunk);
  }
  if (isFirst) return { digest: diffId, size, compressed: false };
  return { digest: `sha256:${hash.digest('hex')}`, size, compressed: true };
}
