import type { Payload } from '../bundle/payload.js';
import { isAirgapError } from '../errors.js';
import { mapPooled } from '../io/pool.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { waitFor } from '../kube/wait.js';
import { walkImage } from '../oci/walk.js';
import { canaryPod, isOver, isTriedAgain } from './canary-pod.js';
import { type NodeFacts, nodeFacts } from './checks/nodes.js';
import { parseTarget } from './push.js';

/** Nodes that are tried; a fault of the registry shows on the first. */
const MOST_NODES = 20;
const WIDTH = 4;
const SETTLE_MS = 20_000;
/** The kubelet tries a pull that failed again after ten seconds: by then it has a pull secret that it missed at first. */
const SECOND_TRY_MS = 15_000;
const CONTROL_PLANE = /^node-role\.kubernetes\.io\/(master|control-plane)$/;

/** What became of the pod of one node. */
export interface CanaryFacts {
  readonly node: string;
  readonly arch: string;
  /** Absent when the registry has no image for this architecture yet. */
  readonly image?: string;
  /** The API server did not take the pod. */
  readonly refused?: string;
  readonly pod?: KubeObject;
}

export interface CanaryFlight {
  readonly client: KubeClient;
  readonly nodes: readonly KubeObject[];
  readonly namespace: string;
  /** The name that the pods ask DNS for. */
  readonly domain?: string;
  /** HOST[:PORT][/PREFIX]/repository:tag by architecture. */
  readonly images: ReadonlyMap<string, string>;
  /** Names of pull secrets of the namespace. */
  readonly pullSecrets: readonly string[];
  /** Names of the pods begin so; one flight finds its own pods again after a kill. */
  readonly token: string;
  /** Milliseconds for a pod to pull its image. */
  readonly timeout: number;
  readonly guard?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Lets every node that takes pods pull one image and ask DNS for the domain (threats 108). Each pod is of a name of
 * its own and is always taken away again.
 */
export async function flyCanaries(flight: CanaryFlight): Promise<CanaryFacts[]> {
  const nodes = flight.nodes.map(nodeFacts).filter(takesPods).slice(0, MOST_NODES);
  return mapPooled(nodes, WIDTH, async (node) => flyOne(node, flight), flight.signal);
}

/** Ready and open nodes; taints are tolerated, as the product’s daemons do, but for those of the control plane. */
function takesPods({ ready, unschedulable, taints }: NodeFacts): boolean {
  return ready && !unschedulable && !taints.some((taint) => CONTROL_PLANE.test(taint));
}

async function flyOne({ name: node, arch }: NodeFacts, flight: CanaryFlight): Promise<CanaryFacts> {
  const { client, namespace, signal, token, domain, pullSecrets } = flight;
  const image = flight.images.get(arch);
  if (image === undefined) return { node, arch };
  const name = `${token}-${nodeNumber(node, flight)}`;
  let uid: string | undefined;
  try {
    const pod = canaryPod({
      name,
      namespace,
      image,
      node,
      domain: domain ?? 'localhost',
      pullSecrets,
    });
    uid = await place(pod, flight);
    let last: KubeObject | undefined;
    let failedAt: number | undefined;
    await waitFor(
      async () => {
        last = await client.get(RESOURCES.pods, { name, namespace }, { signal });
        if (!isTriedAgain(last)) return isOver(last) ? true : undefined;
        failedAt ??= performance.now();
        return performance.now() - failedAt >= SECOND_TRY_MS ? true : undefined;
      },
      { timeout: flight.timeout, every: 500, signal },
    );
    return { node, arch, image, ...(last === undefined ? {} : { pod: last }) };
  } catch (error) {
    if (!isRefused(error)) throw error;
    return { node, arch, image, refused: error.found ?? error.message };
  } finally {
    // Also after an interrupt: a signal of its own.
    if (uid !== undefined)
      await client.delete(RESOURCES.pods, { name, namespace }, { uid, signal: AbortSignal.timeout(15_000) });
  }
}

/** In a new namespace the service account that every pod needs comes a moment later. */
async function place(pod: KubeObject, { client, signal, guard }: CanaryFlight): Promise<string | undefined> {
  const { name, namespace = '' } = pod.metadata;
  const until = performance.now() + SETTLE_MS;
  for (;;) {
    try {
      await guard?.();
      const made = await client.create(pod, { signal });
      if (made !== 'exists') return made.metadata.uid;
      return (await client.get(RESOURCES.pods, { name, namespace }, { signal }))?.metadata.uid;
    } catch (error) {
      const early = isRefused(error) && /serviceaccount "default" not found/.test(error.found ?? '');
      if (!early || performance.now() > until) throw error;
      await waitFor(async () => undefined, { timeout: 1000, every: 500, signal });
    }
  }
}

function isRefused(error: unknown) {
  return isAirgapError(error, 'CLUSTER_REFUSED') || isAirgapError(error, 'CLUSTER_DENIED');
}

function nodeNumber(node: string, { nodes }: CanaryFlight): number {
  return nodes.findIndex(({ metadata }) => metadata.name === node);
}

/**
 * For each architecture the image with the fewest bytes among those that can be pulled: from the registry, else
 * upstream, from the registry that most images come from, for that is the one which asks for a login.
 */
export async function smallestImages(
  bundle: Payload,
  by: { readonly registry?: string; readonly absent: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<Map<string, string>> {
  const all = bundle.manifest.images.filter(({ target }) => !by.absent.has(target));
  const there = (by.registry === undefined ? fromOneHost(all) : all).slice(0, 64);
  const best = new Map<string, { readonly image: string; readonly size: number }>();
  for (const { target, source, descriptor, platforms } of there) {
    const image = by.registry === undefined ? source : `${by.registry}/${target}`;
    const { repository } = parseTarget(target);
    const tree = await walkImage(bundle.images, repository, descriptor.digest, { signal: by.signal });
    const size = tree.manifests
      .flatMap(({ parsed }) => (parsed.kind === 'image' ? parsed.layers : []))
      .reduce((sum, layer) => sum + layer.size, 0);
    for (const platform of platforms) {
      const [os = '', arch = ''] = platform.split('/');
      const known = best.get(arch);
      if (os === 'linux' && (known === undefined || size < known.size)) best.set(arch, { image, size });
    }
  }
  return new Map([...best].map(([arch, { image }]) => [arch, image]));
}

function fromOneHost<T extends { readonly source: string }>(images: readonly T[]): T[] {
  const hostOf = ({ source }: T): string => source.split('/')[0] ?? '';
  const counts = new Map<string, number>();
  for (const image of images) counts.set(hostOf(image), (counts.get(hostOf(image)) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return images.filter((image) => hostOf(image) === most?.[0]);
}
