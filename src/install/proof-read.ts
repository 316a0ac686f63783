import type { Payload } from '../bundle/payload.js';
import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import type { ImageSource } from '../oci/types.js';
import { walkImage } from '../oci/walk.js';
import { type ImageProof, type KnownImage, proveImages } from './proof.js';
import { withNamesOfNodes, withSameContent } from './proof-same.js';
import { parseTarget } from './push.js';

/** A namespace whose pods are all judged, or those of one release where others run beside it. */
export interface ProofPlace {
  readonly namespace: string;
  readonly release?: string;
}

export interface ProofOptions {
  /** HOST[:PORT][/PREFIX]; absent where images stay where they are. */
  readonly registry?: string;
  /** That registry; asked about digests that are not the bundle's own. */
  readonly source?: ImageSource;
  readonly places: readonly ProofPlace[];
  readonly signal?: AbortSignal;
}

/**
 * Every digest that the images may be reported by. Reads manifests only. A node that pulls an image where it comes
 * from reports the whole index, also when fewer platforms are wanted.
 */
export async function knownImages(bundle: Payload, signal?: AbortSignal): Promise<KnownImage[]> {
  const known: KnownImage[] = [];
  for (const image of bundle.manifest.images) {
    const { repository } = parseTarget(image.target);
    const tree = await walkImage(
      bundle.images,
      repository,
      image.descriptor.digest,
      signal ? { signal } : {},
    );
    const digests = new Set<string>();
    for (const { descriptor, parsed } of tree.manifests) {
      digests.add(descriptor.digest);
      if (parsed.kind === 'image') digests.add(parsed.config.digest);
    }
    const { upstream } = bundle;
    const whole = upstream?.get(image.source);
    if (whole !== undefined) digests.add(whole);
    known.push({ target: upstream ? image.source : image.target, digests });
  }
  return known;
}

/** Looks at every pod of the places and compares it with the bundle. */
export async function readProof(
  client: KubeClient,
  bundle: Payload,
  options: ProofOptions,
): Promise<ImageProof> {
  const { signal } = options;
  const known = await knownImages(bundle, signal);
  const pods = [];
  for (const { namespace, release } of options.places) {
    const found = await client.list(RESOURCES.pods, { namespace, ...(signal ? { signal } : {}) });
    pods.push(...found.filter((pod) => release === undefined || isOf(pod, release)));
  }
  const { registry, source } = options;
  const proof = proveImages(pods, known, registry);
  if (proof.ok || registry === undefined || source === undefined) return proof;
  const nodes = await client.list(RESOURCES.nodes, signal ? { signal } : {});
  const named = withNamesOfNodes(known, proof, nodes);
  const less = proveImages(pods, named, registry);
  if (less.ok) return less;
  const place = { nodes, source, registry, ...(signal ? { signal } : {}) };
  return proveImages(pods, await withSameContent(named, less, place), registry);
}

/** By the labels that charts set on their pods. */
function isOf({ metadata: { labels = {} } }: KubeObject, release: string): boolean {
  return labels['app.kubernetes.io/instance'] === release || labels['release'] === release;
}

/** @throws AirgapError IMAGE_PROOF with every container that runs something else */
export function demandProof(proof: ImageProof): void {
  if (proof.ok) return;
  throw new AirgapError(
    'IMAGE_PROOF',
    `${proof.faults.length} of ${proof.containers} containers run other images`,
    {
      expected: 'what was to be installed, under its own name',
      faults: proof.faults.map(({ pod, container, image, imageId, fault }) => ({
        where: `${pod}, container ${container}`,
        what: fault ?? '',
        expected: `the content of ${image}`,
        found: imageId || 'nothing reported',
      })),
    },
  );
}
