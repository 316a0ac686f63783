import { AirgapError, type Fault } from '../errors.js';
import { digestOf, isDigest } from './digest.js';
import { type Digest, type ManifestBytes, MEDIA } from './types.js';

/** One entry of manifest.json of a docker-archive. */
export interface ArchiveImage {
  /** Names of files in the archive. */
  readonly config: string;
  readonly layers: readonly string[];
  /** repository:tag. */
  readonly tags: readonly string[];
}

export interface ArchiveLayer {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly compressed: boolean;
}

/** @throws AirgapError IMAGE_INVALID with all faults */
export function parseArchive(bytes: Buffer, path: string): ArchiveImage[] {
  const what = `manifest.json of ${path}`;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AirgapError('IMAGE_INVALID', `${what} is not JSON`, { cause });
  }
  const faults: Fault[] = [];
  const images = Array.isArray(value)
    ? value.map((item, index) => readImage(item, `[${index}]`, faults))
    : [];
  if (images.length === 0) faults.push({ where: '(root)', what: 'is not a list of images' });
  if (faults.length > 0) throw new AirgapError('IMAGE_INVALID', `${what} is not well formed`, { faults });
  return images;
}

/** The digests of the uncompressed layers, in order. @throws AirgapError IMAGE_INVALID */
export function diffIdsOf(config: Buffer, image: ArchiveImage, path: string): Digest[] {
  const what = `the config ${image.config} of ${path}`;
  let value: unknown;
  try {
    value = (JSON.parse(config.toString('utf8')) as { rootfs?: { diff_ids?: unknown } }).rootfs?.diff_ids;
  } catch (cause) {
    throw new AirgapError('IMAGE_INVALID', `${what} is not JSON`, { cause });
  }
  const ids = Array.isArray(value)
    ? value.filter((id): id is Digest => typeof id === 'string' && isDigest(id))
    : [];
  if (Array.isArray(value) && ids.length === value.length && ids.length === image.layers.length) return ids;
  throw new AirgapError('IMAGE_INVALID', `${what} does not fit the layers of manifest.json`, {
    expected: `${image.layers.length} digests in rootfs.diff_ids`,
    found: `${ids.length}`,
  });
}

/** A manifest for what has none: keys in this order, no white space, so that it always has the same digest. */
export function buildManifest(config: Buffer, layers: readonly ArchiveLayer[]): ManifestBytes {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: { mediaType: MEDIA.ociConfig, digest: digestOf(config), size: config.length },
    layers: layers.map(({ digest, size, compressed }) => ({
      mediaType: `application/vnd.oci.image.layer.v1.tar${compressed ? '+gzip' : ''}`,
      digest,
      size,
    })),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  return { descriptor: { mediaType: MEDIA.ociManifest, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function readImage(value: unknown, where: string, faults: Fault[]): ArchiveImage {
  const raw = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const config = typeof raw.Config === 'string' ? raw.Config : '';
  if (config === '') faults.push({ where: `${where}.Config`, what: 'is missing' });
  const tags = raw.RepoTags === null || raw.RepoTags === undefined ? [] : texts(raw.RepoTags);
  const layers = texts(raw.Layers);
  if (!layers) faults.push({ where: `${where}.Layers`, what: 'is not a list of file names' });
  if (!tags) faults.push({ where: `${where}.RepoTags`, what: 'is not a list of names' });
  return { config, layers: layers ?? [], tags: tags ?? [] };
}

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}
