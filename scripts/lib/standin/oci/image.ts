import { type Blob, jsonBlob, type Layer, TYPES } from './blob.js';

/** How an image is written down. */
export type ImageForm = 'oci' | 'docker' | 'index' | 'docker-archive';

/** What a container of the image runs with. */
export interface ImageConfig {
  readonly title: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** Numeric, or a name of the image's own /etc/passwd; root when absent. */
  readonly user?: string;
  readonly stopSignal?: string;
}

/** A finished image: its top manifest or index, and everything below it, children before parents. */
export interface Image {
  readonly form: ImageForm;
  readonly top: Manifest;
  /** Manifests below the top; empty unless the top is an index. */
  readonly children: readonly Manifest[];
  /** Configs and layers. */
  readonly blobs: readonly Blob[];
}

export interface Manifest extends Blob {
  readonly mediaType: string;
}

/** One image for linux/amd64. */
export function imageOf(config: ImageConfig, layers: readonly Layer[], form: ImageForm): Image {
  const docker = form !== 'oci';
  const single = singleImage(config, layers, { architecture: 'amd64', docker });
  return { ...single, form };
}

/** One image for linux/amd64 and linux/arm64 below an index. */
export function indexOf(config: ImageConfig, amd64: readonly Layer[], arm64: readonly Layer[]): Image {
  const parts = [
    { architecture: 'amd64', image: singleImage(config, amd64, { architecture: 'amd64', docker: false }) },
    { architecture: 'arm64', image: singleImage(config, arm64, { architecture: 'arm64', docker: false }) },
  ];
  const index = jsonBlob({
    schemaVersion: 2,
    mediaType: TYPES.ociIndex,
    manifests: parts.map(({ architecture, image }) => ({
      ...descriptor(image.top, image.top.mediaType),
      platform: { architecture, os: 'linux' },
    })),
  });
  return {
    form: 'index',
    top: { ...index, mediaType: TYPES.ociIndex },
    children: parts.map(({ image }) => image.top),
    blobs: parts.flatMap(({ image }) => image.blobs),
  };
}

interface SingleOptions {
  readonly architecture: string;
  readonly docker: boolean;
}

function singleImage(config: ImageConfig, layers: readonly Layer[], options: SingleOptions): Image {
  const { docker } = options;
  const configBlob = jsonBlob(configDocument(config, layers, options.architecture));
  const mediaType = docker ? TYPES.dockerManifest : TYPES.ociManifest;
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType,
    config: descriptor(configBlob, docker ? TYPES.dockerConfig : TYPES.ociConfig),
    layers: layers.map((layer) => descriptor(layer, docker ? TYPES.dockerLayer : TYPES.ociLayer)),
  });
  return { form: 'oci', top: { ...manifest, mediaType }, children: [], blobs: [configBlob, ...layers] };
}

function configDocument(config: ImageConfig, layers: readonly Layer[], architecture: string): unknown {
  return {
    created: '1970-01-01T00:00:00Z',
    architecture,
    os: 'linux',
    config: {
      ...(config.user === undefined ? {} : { User: config.user }),
      Env: Object.entries(config.env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: config.entrypoint,
      Labels: {
        'org.opencontainers.image.title': config.title,
        'org.opencontainers.image.version': config.version,
      },
      ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, number) => ({
      created: '1970-01-01T00:00:00Z',
      created_by: `stand-in layer ${number + 1}`,
    })),
  };
}

/** The descriptor of a blob, keys in the usual order. */
export function descriptor(
  blob: Blob,
  mediaType: string,
): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: blob.digest, size: blob.size };
}
