import { MEDIA } from '../oci/types.js';
import { printable } from '../redact.js';
import { type ContentDigest, readContentDigest } from './content-digest.js';
import { refuse } from './refusal.js';

/** The largest manifest taken in or given out: the 4 MiB that the distribution spec names. */
export const LARGEST_MANIFEST = 4 * 1024 * 1024;

const KINDS: Readonly<Record<string, 'manifest' | 'index'>> = {
  [MEDIA.ociManifest]: 'manifest',
  [MEDIA.dockerManifest]: 'manifest',
  [MEDIA.ociIndex]: 'index',
  [MEDIA.dockerList]: 'index',
};

/** What a manifest says about itself and about what it needs. */
export interface ManifestContent {
  readonly mediaType: string;
  /** Config and layers; not those that name other places to fetch them from. */
  readonly blobs: readonly ContentDigest[];
  /** Children of an index. */
  readonly manifests: readonly ContentDigest[];
  readonly subject?: ContentDigest;
  /** For the referrers list: of an image without one it is the config's media type. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest or index as far as a registry needs it. The media type is the field of the document, else
 * the Content-Type it came with, else told by its shape.
 * @throws Refusal MANIFEST_INVALID
 */
export function readManifestContent(bytes: Buffer, contentType?: string): ManifestContent {
  const document = parseObject(bytes);
  const declared = contentType?.split(';')[0]?.trim().toLowerCase();
  const mediaType = mediaTypeOf(document, declared);
  const isIndex = KINDS[mediaType] === 'index';
  const other = isIndex ? 'layers' : 'manifests';
  if (other in document) throw invalid(`a ${isIndex ? 'manifest list' : 'manifest'} cannot hold ${other}`);
  const parts = isIndex ? listOf(document, 'manifests') : [document['config'], ...listOf(document, 'layers')];
  const digests = parts.filter((part) => !hasUrls(part)).map(digestIn);
  const subject = document['subject'] === undefined ? undefined : digestIn(document['subject']);
  const artifactType = artifactTypeOf(document, isIndex ? undefined : document['config']);
  const annotations = annotationsOf(document['annotations']);
  return {
    mediaType,
    blobs: isIndex ? [] : digests,
    manifests: isIndex ? digests : [],
    ...(subject ? { subject } : {}),
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(bytes: Buffer): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('the manifest is not JSON');
  }
  if (!isObject(value)) throw invalid('the manifest is not a JSON object');
  return value;
}

function mediaTypeOf(document: JsonObject, declared: string | undefined): string {
  const field = document['mediaType'];
  if (field !== undefined && typeof field !== 'string') throw invalid('mediaType is not a string');
  if (field !== undefined && declared !== undefined && field !== declared) {
    throw invalid(`Content-Type ${printable(declared, 100)} differs from mediaType ${printable(field, 100)}`);
  }
  const byShape = Array.isArray(document['manifests']) ? MEDIA.ociIndex : MEDIA.ociManifest;
  if (
    field === undefined &&
    declared !== undefined &&
    declared !== byShape &&
    Object.hasOwn(KINDS, declared)
  ) {
    throw invalid(`a manifest of type ${declared} needs the field mediaType`);
  }
  const mediaType = field ?? declared ?? byShape;
  if (!Object.hasOwn(KINDS, mediaType))
    throw invalid(`media type ${printable(mediaType, 100)} is not supported`);
  if (document['schemaVersion'] !== 2) throw invalid('schemaVersion is not 2');
  return mediaType;
}

function listOf(document: JsonObject, key: string): readonly unknown[] {
  const list = document[key];
  if (!Array.isArray(list)) throw invalid(`${key} is not a list`);
  return list;
}

/** Non-distributable layers need not be in the registry. */
function hasUrls(part: unknown): boolean {
  return isObject(part) && Array.isArray(part['urls']) && part['urls'].length > 0;
}

function digestIn(part: unknown): ContentDigest {
  const text = isObject(part) ? part['digest'] : undefined;
  const digest = typeof text === 'string' ? readContentDigest(text) : undefined;
  if (!digest) throw invalid('a descriptor has no valid digest');
  return digest;
}

function artifactTypeOf(document: JsonObject, config: unknown): string | undefined {
  const own = document['artifactType'];
  if (typeof own === 'string' && own !== '') return own;
  const type = isObject(config) ? config['mediaType'] : undefined;
  return typeof type === 'string' ? type : undefined;
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const pairs = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): Error {
  return refuse('MANIFEST_INVALID', message);
}
