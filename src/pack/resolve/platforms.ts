import { AirgapError } from '../../errors.js';
import { digestOf } from '../../oci/digest.js';
import type { ImageIndex } from '../../oci/parse.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, samePlatform } from '../../oci/platform.js';
import type { Descriptor, ManifestBytes, Platform } from '../../oci/types.js';

/** What is carried of an index. */
export type IndexChoice =
  /** All of it, attestations included: its digest survives. */
  | { readonly kind: 'whole'; readonly children: readonly Descriptor[] }
  /** One platform: the manifest below it, under its own digest. */
  | { readonly kind: 'child'; readonly child: Descriptor }
  /** Several but not all: a new index of the same type. */
  | { readonly kind: 'made'; readonly made: ManifestBytes; readonly children: readonly Descriptor[] };

export interface ChoiceOptions {
  /** os/arch[/variant]. */
  readonly platforms: readonly string[];
  /** The image is named by the digest of the index, so the index must stay. */
  readonly pinned: boolean;
  /** For messages. */
  readonly what: string;
}

/**
 * Chooses what to carry of an index. Attestations (platform unknown/unknown) travel only when the index stays
 * whole; children without a platform belong to no choice, so their index stays whole.
 * @throws AirgapError PLATFORM_MISSING
 */
export function chooseFromIndex(index: ImageIndex, bytes: Buffer, options: ChoiceOptions): IndexChoice {
  const whole: IndexChoice = { kind: 'whole', children: index.manifests };
  const real = index.manifests.filter(({ platform }) => !isUnknownPlatform(platform));
  if (real.some(({ platform }) => platform === undefined)) return whole;
  const kept = real.filter(({ platform }) => platform && isWanted(platform, options.platforms));
  if (kept.length === 0) throw missing(real, options);
  if (options.pinned || kept.length === real.length) return whole;
  const [only] = kept;
  if (kept.length === 1 && only) return { kind: 'child', child: only };
  return { kind: 'made', made: makeIndex(index, bytes, kept), children: kept };
}

/** True when a platform is one of those wanted; a wanted platform without variant takes every variant. */
export function isWanted(platform: Platform, wanted: readonly string[]): boolean {
  return wanted.map(parsePlatform).some((want) => {
    if (want.variant !== undefined) return samePlatform(want, platform);
    return want.os === platform.os && want.architecture === platform.architecture;
  });
}

/** The index with some of its entries, each as it stood there; everything else is kept. */
function makeIndex(index: ImageIndex, bytes: Buffer, kept: readonly Descriptor[]): ManifestBytes {
  const digests = new Set<unknown>(kept.map(({ digest }) => digest));
  const document = JSON.parse(bytes.toString('utf8')) as {
    manifests: { digest: unknown }[];
    mediaType?: string;
  };
  const made = { ...document, manifests: document.manifests.filter(({ digest }) => digests.has(digest)) };
  const out = Buffer.from(JSON.stringify(made));
  return { descriptor: { mediaType: index.mediaType, digest: digestOf(out), size: out.length }, bytes: out };
}

function missing(real: readonly Descriptor[], options: ChoiceOptions): AirgapError {
  const found = real.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  return new AirgapError('PLATFORM_MISSING', `${options.what} is not made for the platforms of the spec`, {
    expected: options.platforms.join(', '),
    found: found.length > 0 ? [...new Set(found)].join(', ') : 'no platform at all',
  });
}
