import type { BundleImage } from '../../bundle/manifest.js';
import type { KubeObject } from '../../kube/types.js';
import { canonicalText } from '../../oci/reference.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { podSpecOf, type RenderedRelease } from './rendered.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'images.rendered', title: 'rendered images' };
const SHOWN = 5;
const ADVICE = {
  bundle:
    'take values away that name images elsewhere, or pack a bundle that has them: airgap images SPEC --why',
  spec: 'take values away that send images to another registry, or list the images in the spec: airgap images SPEC --why',
} as const;

/** An image that a release would start. */
export interface RenderedImage {
  readonly release: string;
  /** Deployment/runai-backend-frontend */
  readonly object: string;
  readonly image: string;
}

export const imagesCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0 && bundle.manifest.images.length > 0,
  run: async ({ rendered, bundle, site }) => [
    judgeImages((await rendered()).flatMap(renderedImages), {
      images: bundle.manifest.images,
      ...(site.registry === undefined ? {} : { registry: site.registry.address.text }),
    }),
  ],
};

export function renderedImages({ planned, objects, hooks }: RenderedRelease): RenderedImage[] {
  return [...objects, ...hooks].flatMap((object) =>
    imagesOf(object).map((image) => ({
      release: planned.chart.release,
      object: `${object.kind}/${object.metadata.name}`,
      image,
    })),
  );
}

/**
 * Whether every image that the charts would start is one that the bundle brings to this registry; without a registry,
 * one that the spec names.
 */
export function judgeImages(
  found: readonly RenderedImage[],
  { images, registry }: { readonly images: readonly BundleImage[]; readonly registry?: string },
): Finding {
  const sources = new Set(images.map(({ source }) => normal(source)));
  const targets = new Set(images.map(({ target }) => normal(target)));
  const digests = new Set<string>(images.map(({ descriptor }) => descriptor.digest));
  const known = (image: string): boolean => {
    if (registry === undefined) return sources.has(normal(canonicalText(image) ?? image));
    if (!image.startsWith(`${registry}/`)) return false;
    const name = image.slice(registry.length + 1);
    if (targets.has(normal(name))) return true;
    const digest = /@(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
    return digest !== undefined && digests.has(digest);
  };
  const missing = found.filter(({ image }) => !known(image));
  const count = new Set(found.map(({ image }) => image)).size;
  const owner = registry === undefined ? 'spec' : 'bundle';
  if (missing.length === 0) return { ...ROW, outcome: 'pass', seen: `all ${count} are in the ${owner}` };
  const named = [...new Map(missing.map((one) => [one.image, one])).values()];
  const list = named
    .slice(0, SHOWN)
    .map(({ image, object, release }) => `${image} (${object} of ${release})`);
  const more = named.length > SHOWN ? ` and ${named.length - SHOWN} more` : '';
  return {
    ...ROW,
    outcome: 'fail',
    seen: `${named.length} of ${count} are not the ${owner}’s: ${list.join(', ')}${more}`,
    ...(registry === undefined ? {} : { expected: `images of the bundle, from ${registry}` }),
    advice: ADVICE[owner],
  };
}

function imagesOf(object: KubeObject): string[] {
  const spec = podSpecOf(object);
  return ['initContainers', 'containers'].flatMap((key) => {
    const containers = valueAt(spec, [key]);
    return (Array.isArray(containers) ? containers : []).flatMap((container) => {
      const image = valueAt(container, ['image']);
      return typeof image === 'string' && image !== '' ? [image] : [];
    });
  });
}

/** `repo:tag@digest` is found by its digest; a name without either means latest. */
function normal(reference: string): string {
  const at = reference.indexOf('@');
  const name = at < 0 ? reference : reference.slice(0, at);
  const colon = name.lastIndexOf(':');
  const tagged = colon > name.lastIndexOf('/');
  if (at >= 0) return `${tagged ? name.slice(0, colon) : name}${reference.slice(at)}`;
  return tagged ? name : `${name}:latest`;
}
