import { isAirgapError } from '../errors.js';
import type { KubeObject } from '../kube/types.js';
import type { Digest, ImageSource } from '../oci/types.js';
import { walkImage } from '../oci/walk.js';
import type { ImageProof, KnownImage } from './proof.js';
import { valueAt } from './values.js';

export interface SameOptions {
  readonly nodes: readonly KubeObject[];
  /** The site's registry; repositories without its prefix. */
  readonly source: ImageSource;
  /** HOST[:PORT][/PREFIX] */
  readonly registry: string;
  readonly signal?: AbortSignal;
}

/**
 * What a node had of another registry under another digest: its own list of images has all names of each, and where
 * one of them is an image of the bundle, the others are the same content. No registry has to be asked, and the other
 * one need not be there any more. Kubelets list the largest images only, 50 of them unless told otherwise. Pure.
 * @returns the known images with such digests added
 */
export function withNamesOfNodes(
  known: readonly KnownImage[],
  { faults }: Pick<ImageProof, 'faults'>,
  nodes: readonly KubeObject[],
): KnownImage[] {
  const lists = nodes.flatMap((node) => imagesOf(node));
  let result = [...known];
  for (const name of new Set(faults.map(({ imageId }) => plainName(imageId)))) {
    const digest = digestIn(name);
    if (digest === undefined || known.some(({ digests }) => digests.has(digest))) continue;
    const others = new Set(
      lists
        .filter((names) => names.includes(name))
        .flat()
        .map(digestIn),
    );
    const owner = result.find(({ digests }) => [...digests].some((one) => others.has(one)));
    if (owner === undefined) continue;
    const more = { ...owner, digests: new Set([...owner.digests, digest]) };
    result = result.map((image) => (image === owner ? more : image));
  }
  return result;
}

/** All names of each image that the node has. */
function imagesOf(node: KubeObject): readonly (readonly string[])[] {
  const images = valueAt(node, ['status', 'images']);
  return (Array.isArray(images) ? images : []).map((image) => {
    const names = valueAt(image, ['names']);
    return Array.isArray(names) ? names.map(String) : [];
  });
}

function digestIn(name: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
}

function plainName(imageId: string): string {
  return imageId.replace(/^docker-pullable:\/\//, '');
}

/**
 * A node that has an image already reports it by the name and digest it first came under: pushed by other tools, or
 * as part of an index of more platforms. The registry tells what such a digest stands for; where every part of it
 * that a node here may run is an image of the bundle, by its manifest or by its config, its digest is one more by
 * which the image is known.
 * @returns the known images with such digests added
 * @throws AirgapError of the registry; content that is not there or is no image is left unknown
 */
export async function withSameContent(
  known: readonly KnownImage[],
  proof: ImageProof,
  options: SameOptions,
): Promise<KnownImage[]> {
  const all = new Set(known.flatMap(({ digests }) => [...digests]));
  const strangers = new Map(
    proof.faults.flatMap(({ imageId }) => {
      const place = placeOf(imageId, options.registry);
      return place === undefined || all.has(place.digest) ? [] : [[imageId, place] as const];
    }),
  );
  if (strangers.size === 0) return [...known];
  const platforms = platformsOf(options.nodes);
  let result = [...known];
  for (const { repository, digest } of strangers.values()) {
    const parts = await partsOf({ repository, digest }, platforms, options);
    const owner = result.find(
      ({ digests }) => parts.length > 0 && parts.every((names) => names.some((name) => digests.has(name))),
    );
    if (owner === undefined) continue;
    const more = { ...owner, digests: new Set([...owner.digests, digest]) };
    result = result.map((image) => (image === owner ? more : image));
  }
  return result;
}

interface Place {
  readonly repository: string;
  readonly digest: Digest;
}

function placeOf(imageId: string, registry: string): Place | undefined {
  const name = plainName(imageId);
  if (!name.startsWith(`${registry}/`)) return undefined;
  const match = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(name.slice(registry.length + 1));
  return match ? { repository: match[1] ?? '', digest: match[2] as Digest } : undefined;
}

/** Of each image that a node may run of it: the digests of its manifest and of its config. */
async function partsOf(
  { repository, digest }: Place,
  platforms: ReadonlySet<string>,
  { source, signal }: SameOptions,
): Promise<Digest[][]> {
  const read = signal === undefined ? {} : { signal };
  try {
    const { root, manifests } = await walkImage(source, repository, digest, read);
    const top = manifests.find(({ descriptor }) => descriptor.digest === root.descriptor.digest)?.parsed;
    const wanted =
      top?.kind === 'index'
        ? top.manifests
            .filter(({ platform }) => platforms.has(`${platform?.os}/${platform?.architecture}`))
            .map((child) => child.digest)
        : [root.descriptor.digest];
    return wanted.map((each) => {
      const parsed = manifests.find(({ descriptor }) => descriptor.digest === each)?.parsed;
      return parsed?.kind === 'image' ? [each, parsed.config.digest] : [];
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (isAirgapError(error, 'REGISTRY_NOT_FOUND') || isAirgapError(error, 'IMAGE_UNSUPPORTED')) return [];
    throw error;
  }
}

function platformsOf(nodes: readonly KubeObject[]): Set<string> {
  return new Set(
    nodes.map(
      ({ metadata: { labels = {} } }) => `${labels['kubernetes.io/os']}/${labels['kubernetes.io/arch']}`,
    ),
  );
}
