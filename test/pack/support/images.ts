import { Readable } from 'node:stream';
import { AirgapError } from '../../../src/errors.js';
import { digestOf } from '../../../src/oci/digest.js';
import { type Descriptor, type ImageSource, type ManifestBytes, MEDIA } from '../../../src/oci/types.js';

/** A source in memory that counts what it is asked. */
export interface MemorySource extends ImageSource {
  readonly put: (bytes: Buffer | object, mediaType: string, names?: readonly string[]) => Descriptor;
  readonly asked: { manifests: string[]; blobs: string[] };
}

export function memorySource(): MemorySource {
  const manifests = new Map<string, ManifestBytes>();
  const blobs = new Map<string, Buffer>();
  const asked = { manifests: [] as string[], blobs: [] as string[] };
  return {
    asked,
    put: (content, mediaType, names = []) => {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      blobs.set(descriptor.digest, bytes);
      for (const name of [descriptor.digest, ...names]) manifests.set(name, { descriptor, bytes });
      return descriptor;
    },
    manifest: async (_repository, name) => {
      asked.manifests.push(name);
      const found = manifests.get(name);
      if (!found) throw new AirgapError('REGISTRY_NOT_FOUND', `no ${name}`);
      return found;
    },
    blob: async (_repository, { digest }) => {
      asked.blobs.push(digest);
      return Readable.from([blobs.get(digest) ?? Buffer.alloc(0)], { objectMode: false });
    },
  };
}

export interface ImageFacts {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly layers?: readonly Buffer[];
  readonly docker?: boolean;
}

/** Puts one single-platform image; gives the manifest's descriptor. */
export function putImage(source: MemorySource, facts: ImageFacts, names: readonly string[] = []): Descriptor {
  const {
    os = 'linux',
    architecture = 'amd64',
    variant,
    layers = [Buffer.from(`layer ${architecture}`)],
  } = facts;
  const docker = facts.docker ?? false;
  const config = source.put(
    { os, architecture, ...(variant ? { variant } : {}), rootfs: { type: 'layers', diff_ids: [] } },
    docker ? MEDIA.dockerConfig : MEDIA.ociConfig,
  );
  const layerType = docker
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : 'application/vnd.oci.image.layer.v1.tar+gzip';
  const mediaType = docker ? MEDIA.dockerManifest : MEDIA.ociManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config,
    layers: layers.map((bytes) => source.put(bytes, layerType)),
  };
  return source.put(manifest, mediaType, names);
}

/** Puts an index of images that were put before. */
export function putIndex(
  source: MemorySource,
  children: readonly (Descriptor & { readonly extra?: object })[],
  names: readonly string[] = [],
): Descriptor {
  const manifests = children.map(({ extra, ...descriptor }) => ({ ...descriptor, ...extra }));
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA.ociIndex,
    manifests,
    annotations: { made: 'by a test' },
  };
  return source.put(index, MEDIA.ociIndex, names);
}
