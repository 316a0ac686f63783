import { AirgapError, type Fault, isAirgapError } from '../../errors.js';
import type { Emit } from '../../events.js';
import { mapPooled } from '../../io/pool.js';
import type { Digest } from '../../oci/types.js';
import type { WantedImage } from '../discover/select.js';
import { formatPlace } from '../discover/types.js';
import { resolveImage } from './image.js';
import type { Sources } from './sources.js';
import type { ResolvedImage } from './types.js';

export interface ResolveAllOptions {
  readonly platforms: readonly string[];
  readonly concurrency: number;
  /** What the lock says of each source. */
  readonly known: ReadonlyMap<string, { readonly digest: Digest; readonly platforms: readonly string[] }>;
  /** `locked`: only what the lock says may be packed, so it is asked for by digest. */
  readonly mode: 'locked' | 'refresh';
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** Faults of one image that do not keep the others from being looked at. */
const PER_IMAGE = new Set([
  'REGISTRY_NOT_FOUND',
  'REGISTRY_DENIED',
  'PLATFORM_MISSING',
  'IMAGE_UNSUPPORTED',
  'IMAGE_INVALID',
  'BLOB_MISMATCH',
  'REGISTRY_CONTENT',
  'SOURCE_MISSING',
]);

/** What the spec can get round by taking the image from elsewhere, or leaving it out. */
const IN_THE_SPEC = new Set(['REGISTRY_NOT_FOUND', 'PLATFORM_MISSING', 'IMAGE_UNSUPPORTED', 'IMAGE_INVALID']);
const ELSEWHERE = 'or list the image with from: in images.include, or exclude it';

/**
 * Resolves every image, some at a time. All images that cannot be had are reported in one error, each with the
 * places where charts name it.
 * @throws AirgapError the code of the first fault; IMAGE_MISSING_IN_BUNDLE when only a chart names a missing image
 */
export async function resolveImages(
  images: readonly WantedImage[],
  sources: Sources,
  options: ResolveAllOptions,
): Promise<ResolvedImage[]> {
  const failures: { readonly image: WantedImage; readonly error: AirgapError }[] = [];
  let done = 0;
  const resolved = await mapPooled(
    images,
    options.concurrency,
    async (image, signal) => {
      const known = options.known.get(image.source);
      try {
        const place = await sources.placeOf(image);
        return await resolveImage(image, place, {
          platforms: options.platforms,
          signal,
          ...(known ? { known } : {}),
          ...(known && options.mode === 'locked' ? { digest: known.digest } : {}),
        });
      } catch (error) {
        if (!isAirgapError(error)) throw error;
        if (!PER_IMAGE.has(error.code)) throw withPlaces(image, error);
        failures.push({ image, error });
        return undefined;
      } finally {
        done++;
        options.emit({
          type: 'progress',
          stage: 'resolve',
          done,
          total: images.length,
          unit: 'items',
          current: image.source,
        });
      }
    },
    options.signal,
  );
  if (failures.length > 0) throw collected(failures);
  return resolved.filter((image) => image !== undefined);
}

interface Failure {
  readonly image: WantedImage;
  readonly error: AirgapError;
}

function collected(failures: readonly Failure[]): AirgapError {
  const sorted = [...failures].sort((one, other) => (one.image.source < other.image.source ? -1 : 1));
  const [first] = sorted;
  if (!first) throw new Error('no failure to report');
  const onlyNamed = ({ image, error }: Failure): boolean =>
    !image.listed && error.code === 'REGISTRY_NOT_FOUND';
  const lacking = sorted.every(onlyNamed);
  if (sorted.length === 1 && !lacking) return withPlaces(first.image, first.error);
  const code = lacking
    ? 'IMAGE_MISSING_IN_BUNDLE'
    : (sorted.find((one) => !onlyNamed(one)) ?? first).error.code;
  const count = sorted.length === 1 ? 'an image that a chart names' : `${sorted.length} images`;
  return new AirgapError(code, `${count} cannot be had`, {
    faults: sorted.flatMap(({ image, error }) => imageFaults(image, error)),
    cause: first.error,
  });
}

/** The same error with the places where the image is named. */
function withPlaces(image: WantedImage, error: AirgapError): AirgapError {
  if (image.places.length === 0) return error;
  const { code, message, expected, found, hint, faults } = error;
  return new AirgapError(code, `${image.source}: ${message}`, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    hint: image.listed || !IN_THE_SPEC.has(code) ? hint : `${hint}; ${ELSEWHERE}`,
    faults: [...faults, ...placeFaults(image)],
    cause: error,
  });
}

function imageFaults(image: WantedImage, error: AirgapError): Fault[] {
  const { message, expected, found } = error;
  return [
    {
      where: image.source,
      what: message,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
    },
    ...error.faults,
    ...placeFaults(image),
  ];
}

function placeFaults(image: WantedImage): Fault[] {
  return image.places.map((place) => ({ where: formatPlace(place), what: `names ${image.source}` }));
}
