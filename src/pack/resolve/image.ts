import { AirgapError } from '../../errors.js';
import { type ImageManifest, parseManifest } from '../../oci/parse.js';
import { formatPlatform, isUnknownPlatform } from '../../oci/platform.js';
import { type Descriptor, type Digest, type ManifestBytes, MEDIA, type Platform } from '../../oci/types.js';
import type { WantedImage } from '../discover/select.js';
import { readBody } from '../fetch/http.js';
import { asRecord } from '../loose.js';
import { asLackingBlob } from './lacking.js';
import { chooseFromIndex, isWanted } from './platforms.js';
import type { Content, ImagePlace, ResolvedImage } from './types.js';

export interface ResolveOptions {
  /** os/arch[/variant] of the spec. */
  readonly platforms: readonly string[];
  /** From the lock: asked for in place of the tag, so that a tag that moved does not matter. */
  readonly digest?: Digest;
  /** What the last lock knows: an image that is still the same needs no look into its config. */
  readonly known?: { readonly digest: Digest; readonly platforms: readonly string[] };
  readonly signal?: AbortSignal;
}

/** Indexes within indexes, as threat 44 has it. */
const DEEPEST = 4;
const CONFIG_LIMIT = 4 * 1024 * 1024;

/**
 * Asks the source once what a name stands for, keeps the platforms of the spec, and lists every blob that is
 * needed. Reads manifests, and the config of a single-platform image; no layer.
 * @throws AirgapError PLATFORM_MISSING, IMAGE_UNSUPPORTED, IMAGE_INVALID, BLOB_MISMATCH and the source's codes
 */
export async function resolveImage(
  image: WantedImage,
  place: ImagePlace,
  options: ResolveOptions,
): Promise<ResolvedImage> {
  const read = options.signal ? { signal: options.signal } : {};
  const upstream = await place.source.manifest(place.repository, options.digest ?? place.name, read);
  requireNamed(image, upstream.descriptor.digest, place.what);
  const chosen = chooseRoot(upstream, image, { ...options, what: place.what });
  const isKnown = options.known?.digest === upstream.descriptor.digest;
  const collected: Collected = { contents: new Map(), platforms: [] };
  await collect(chosen.root, { place, ...options, collected, depth: 0, isKnown }, chosen.bytes);
  const { descriptor } = upstream;
  return {
    ...image,
    root: chosen.root,
    upstream: descriptor.digest,
    ...(chosen.made ? { filteredFrom: descriptor.digest } : {}),
    platforms: isKnown ? (options.known?.platforms ?? []) : [...new Set(collected.platforms)],
    contents: [...collected.contents.values()],
  };
}

/** An image named by digest must be just that, wherever its bytes come from. */
function requireNamed(image: WantedImage, found: Digest, what: string): void {
  const named = image.ref?.digest;
  if (named === undefined || named === found) return;
  throw new AirgapError('BLOB_MISMATCH', `${what} is not the image that ${image.source} names`, {
    expected: named,
    found,
    hint: 'mend ref or from in the spec',
  });
}

interface Root {
  readonly root: Descriptor;
  /** Absent when it has still to be read. */
  readonly bytes?: Buffer;
  readonly made: boolean;
}

function chooseRoot(
  { descriptor, bytes }: ManifestBytes,
  image: WantedImage,
  options: { readonly platforms: readonly string[]; readonly what: string },
): Root {
  const root = bare(descriptor);
  const parsed = parseManifest(bytes, descriptor.mediaType, options.what);
  if (parsed.kind === 'image') return { root, bytes, made: false };
  const choice = chooseFromIndex(parsed, bytes, { ...options, pinned: image.ref?.digest !== undefined });
  if (choice.kind === 'whole') return { root, bytes, made: false };
  if (choice.kind === 'child') return { root: bare(choice.child), made: false };
  return { root: choice.made.descriptor, bytes: choice.made.bytes, made: true };
}

interface Collected {
  readonly contents: Map<Digest, Content>;
  readonly platforms: string[];
}

interface Collecting extends ResolveOptions {
  readonly place: ImagePlace;
  readonly collected: Collected;
  readonly depth: number;
  readonly isKnown: boolean;
}

async function collect(descriptor: Descriptor, walk: Collecting, known?: Buffer): Promise<void> {
  const { place, collected } = walk;
  if (collected.contents.has(descriptor.digest)) return;
  if (walk.depth > DEEPEST) {
    throw new AirgapError('IMAGE_INVALID', `${place.what} has indexes nested too deeply`, {
      expected: `at most ${DEEPEST} levels`,
    });
  }
  const bytes = known ?? (await readManifest(descriptor, walk));
  collected.contents.set(descriptor.digest, { descriptor, bytes, place });
  const parsed = parseManifest(bytes, descriptor.mediaType, place.what);
  if (parsed.kind === 'index') {
    for (const child of parsed.manifests) await collect(child, { ...walk, depth: walk.depth + 1 });
    return;
  }
  const config = await readConfig(descriptor, parsed, walk);
  collected.contents.set(parsed.config.digest, { descriptor: parsed.config, ...config.bytes, place });
  for (const layer of parsed.layers) {
    if (!collected.contents.has(layer.digest))
      collected.contents.set(layer.digest, { descriptor: layer, place });
  }
  if (config.platform && !isUnknownPlatform(config.platform)) {
    collected.platforms.push(formatPlatform(config.platform));
  }
}

async function readManifest(descriptor: Descriptor, { place, signal }: Collecting): Promise<Buffer> {
  const { bytes } = await place.source.manifest(
    place.repository,
    descriptor.digest,
    signal ? { signal } : {},
  );
  return bytes;
}

interface Config {
  readonly bytes?: { readonly bytes: Buffer };
  readonly platform?: Platform;
}

/** An index gives the platform of each child; the one of a manifest that stands alone is in its config. */
async function readConfig(
  descriptor: Descriptor,
  manifest: ImageManifest,
  walk: Collecting,
): Promise<Config> {
  if (descriptor.platform) return { platform: descriptor.platform };
  const { mediaType, size } = manifest.config;
  const isImage = mediaType === MEDIA.ociConfig || mediaType === MEDIA.dockerConfig;
  if (!isImage || size > CONFIG_LIMIT || walk.isKnown) return {};
  const { place, signal } = walk;
  const bytes = await place.source
    .blob(place.repository, manifest.config, signal ? { signal } : {})
    .then((stream) => readBody(stream, size, `the config of ${place.what}`))
    .catch((error: unknown) => {
      throw asLackingBlob(error);
    });
  const platform = platformOf(bytes);
  if (platform && walk.depth === 0 && !isWanted(platform, walk.platforms)) {
    throw new AirgapError('PLATFORM_MISSING', `${place.what} is not made for the platforms of the spec`, {
      expected: walk.platforms.join(', '),
      found: formatPlatform(platform),
    });
  }
  return { bytes: { bytes }, ...(platform ? { platform } : {}) };
}

function platformOf(config: Buffer): Platform | undefined {
  let document: unknown;
  try {
    document = JSON.parse(config.toString('utf8'));
  } catch {
    return undefined; // a config is opaque to us; what runs it will say more
  }
  const { os, architecture, variant } = asRecord(document);
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '')
    return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

/** Annotations belong to the index or layout that the descriptor stood in, not to what is carried. */
function bare({ annotations: _annotations, urls: _urls, ...descriptor }: Descriptor): Descriptor {
  return descriptor;
}
