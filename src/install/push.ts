import type { Payload } from '../bundle/payload.js';
import { AirgapError } from '../errors.js';
import { type Emit, silent } from '../events.js';
import { mapPooled } from '../io/pool.js';
import type { RegistryClient } from '../oci/client.js';
import { copyImages } from '../oci/copy.js';
import type { CopyImage, CopyReport } from '../oci/copy-types.js';
import { isDigest } from '../oci/digest.js';
import type { Digest } from '../oci/types.js';
import { walkImage } from '../oci/walk.js';

export interface PushOptions {
  /** Blobs at a time; 4. */
  readonly concurrency?: number;
  readonly existingTags?: 'replace' | 'refuse';
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/** What a registry has of a bundle. */
export interface PushState {
  readonly images: number;
  /** Targets whose tag (or digest) is not there. */
  readonly missing: readonly string[];
  /** Targets whose tag stands for something else. */
  readonly different: readonly { readonly target: string; readonly found: Digest; readonly wanted: Digest }[];
}

/** Repository and tag or digest below the site's registry. */
export interface TargetName {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const WIDTH = 8;

/**
 * Sends a bundle's images to a registry straight from the file: every blob once and checked in the stream that
 * carries it, tags last, all read back.
 * @throws AirgapError of the registry (5), BLOB_MISMATCH and others of the bundle (4)
 */
export async function pushBundle(
  bundle: Payload,
  registry: RegistryClient,
  options: PushOptions = {},
): Promise<CopyReport> {
  const images = bundle.manifest.images.map((image): CopyImage => {
    const { repository, tag } = parseTarget(image.target);
    return {
      source: { repository, tagOrDigest: image.descriptor.digest },
      target: { repository, ...(tag === undefined ? {} : { tag }) },
    };
  });
  return copyImages(images, {
    from: bundle.images,
    to: registry,
    stage: 'push',
    existingTags: options.existingTags ?? 'replace',
    emit: options.emit ?? silent,
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** Looks which images the registry has already; sends nothing. */
export async function readPushState(
  bundle: Payload,
  registry: RegistryClient,
  signal?: AbortSignal,
): Promise<PushState> {
  const { images } = bundle.manifest;
  const found = await mapPooled(
    images,
    WIDTH,
    async (image, inner) => {
      const name = parseTarget(image.target);
      const reference = name.tag ?? image.descriptor.digest;
      return registry.hasManifest(name.repository, reference, { signal: inner });
    },
    signal,
  );
  return {
    images: images.length,
    missing: images.filter((_image, index) => found[index] === undefined).map((image) => image.target),
    different: images.flatMap((image, index) => {
      const there = found[index];
      if (there === undefined || there === image.descriptor.digest) return [];
      return [{ target: image.target, found: there, wanted: image.descriptor.digest }];
    }),
  };
}

/** Bytes of what the registry lacks, each blob once; a blob that another image of it has already counts too. */
export async function bytesToSend(
  bundle: Pick<Payload, 'manifest' | 'images'>,
  { missing, different }: PushState,
  signal?: AbortSignal,
): Promise<number> {
  const wanted = [...missing, ...different.map(({ target }) => target)];
  const trees = await mapPooled(
    wanted,
    WIDTH,
    async (target, inner) => {
      const { repository, tag, digest } = parseTarget(target);
      return walkImage(bundle.images, repository, tag ?? digest ?? '', { signal: inner });
    },
    signal,
  );
  const sizes = new Map(
    trees.flatMap(({ blobs }) => blobs.map(({ digest, size }) => [digest, size] as const)),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** True when nothing has to be sent. */
export function isPushed(state: PushState): boolean {
  return state.missing.length === 0 && state.different.length === 0;
}

/** `svc:1` or `svc@sha256:…` of the manifest. @throws AirgapError MANIFEST_INVALID */
export function parseTarget(target: string): TargetName {
  const at = target.indexOf('@');
  if (at > 0) {
    const digest = target.slice(at + 1);
    if (isDigest(digest)) return { repository: target.slice(0, at), digest };
  }
  const colon = target.lastIndexOf(':');
  if (at < 0 && colon > target.lastIndexOf('/'))
    return { repository: target.slice(0, colon), tag: target.slice(colon + 1) };
  throw new AirgapError('MANIFEST_INVALID', `"${target}" is no target of an image`);
}
