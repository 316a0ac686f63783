import type { KubeObject } from '../kube/types.js';
import { canonicalText } from '../oci/reference.js';
import { valueAt } from './values.js';

/** What an image is known to be: every digest by which a node may report it. */
export interface KnownImage {
  /**
   * `repository:tag` or `repository@sha256:…` below the site's registry; the whole canonical reference where images
   * stay where they are.
   */
  readonly target: string;
  /** Root, manifests of its platforms, and their configs (a node that has no repository digest reports these). */
  readonly digests: ReadonlySet<string>;
}

/** One container that was looked at. */
export interface ProvenContainer {
  /** namespace/pod */
  readonly pod: string;
  readonly container: string;
  /** From the pod's spec. */
  readonly image: string;
  /** What the node reports. */
  readonly imageId: string;
  /** What is wrong; absent when it is the bundle's image from the site's registry. */
  readonly fault?: string;
  /** The pod is on its way out or in: waiting may settle it. */
  readonly passing?: boolean;
}

export interface ImageProof {
  readonly ok: boolean;
  readonly pods: number;
  readonly containers: number;
  /** Different images that run. */
  readonly images: number;
  readonly faults: readonly ProvenContainer[];
}

/**
 * Proves that what runs is what was shipped: the registry by the pod's spec, the content by the digest that the
 * node reports, and that both name the same image of the bundle. Pods that ended are not judged. Pure.
 * @param registry the site's; absent where images stay where they are
 */
export function proveImages(
  pods: readonly KubeObject[],
  known: readonly KnownImage[],
  registry?: string,
): ImageProof {
  const running = pods.filter(
    (pod) => !['Succeeded', 'Failed'].includes(String(valueAt(pod, ['status', 'phase']))),
  );
  const byTarget = new Map(
    known.flatMap((image) => targetsOf(image.target).map((name) => [name, image] as const)),
  );
  const containers = running
    .flatMap((pod) => containersOf(pod))
    .map((container) => {
      const fault = faultOf(container, { byTarget, known, ...(registry === undefined ? {} : { registry }) });
      return fault === undefined ? container : { ...container, fault };
    });
  const faults = containers.filter((container) => container.fault !== undefined);
  return {
    ok: faults.length === 0,
    pods: running.length,
    containers: containers.length,
    images: new Set(containers.map((container) => container.imageId)).size,
    faults,
  };
}

interface Known {
  readonly byTarget: ReadonlyMap<string, KnownImage>;
  readonly known: readonly KnownImage[];
  readonly registry?: string;
}

function faultOf(container: ProvenContainer, { byTarget, known, registry }: Known): string | undefined {
  const { image, imageId } = container;
  if (imageId === '') return 'the node has not reported which image it runs';
  const digest = /sha256:[0-9a-f]{64}$/.exec(imageId)?.[0];
  if (digest === undefined) return 'the node reports no digest';
  const owner = known.find((candidate) => candidate.digests.has(digest));
  if (owner === undefined)
    return registry === undefined
      ? 'its content is nothing that a name of the spec stood for'
      : 'its content is none of the bundle’s images';
  if (registry !== undefined && !image.startsWith(`${registry}/`)) return `it does not come from ${registry}`;
  const name = registry === undefined ? (canonicalText(image) ?? image) : image.slice(registry.length + 1);
  const named = targetsOf(name)
    .map((target) => byTarget.get(target))
    .find((candidate) => candidate !== undefined);
  if (named === undefined)
    return `the ${registry === undefined ? 'spec' : 'bundle'} has no image of this name`;
  return named.digests.has(digest) ? undefined : `its content is that of ${owner.target}`;
}

/** Names that the bundle may know a reference by; a digest counts more than a tag beside it. */
function targetsOf(reference: string): string[] {
  const at = reference.indexOf('@');
  if (at < 0) return [reference.includes(':') ? reference : `${reference}:latest`];
  const tagged = reference.slice(0, at);
  const name = tagged.replace(/:[^/:]*$/, '');
  return [`${name}${reference.slice(at)}`, tagged];
}

function containersOf(pod: KubeObject): ProvenContainer[] {
  const where = `${pod.metadata.namespace}/${pod.metadata.name}`;
  const kinds = [
    ['initContainers', 'initContainerStatuses'],
    ['containers', 'containerStatuses'],
    ['ephemeralContainers', 'ephemeralContainerStatuses'],
  ] as const;
  return kinds.flatMap(([specKey, statusKey]) => {
    const specs = list(valueAt(pod, ['spec', specKey]));
    const statuses = list(valueAt(pod, ['status', statusKey]));
    return specs.map((spec) => {
      const name = String(valueAt(spec, ['name']));
      const status = statuses.find((each) => valueAt(each, ['name']) === name);
      const imageId = String(valueAt(status, ['imageID']) ?? '');
      const passing = pod.metadata.deletionTimestamp !== undefined || imageId === '';
      const image = String(valueAt(spec, ['image']));
      return { pod: where, container: name, image, imageId, ...(passing ? { passing } : {}) };
    });
  });
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
