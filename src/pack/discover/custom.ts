import { asRecord, type Loose } from '../loose.js';
import type { FoundImage, Place } from './types.js';

/** Custom resources of the Prometheus operator, whose pods' images stand in the resource itself. */
const OPERATED = new Set(['Prometheus', 'PrometheusAgent', 'Alertmanager', 'ThanosRuler']);

export interface CustomImages {
  readonly images: readonly FoundImage[];
  /** Parts with containers and initContainers, which are walked as pods are. */
  readonly pods: readonly Loose[];
}

/** Images of the custom resources that we know; nothing for other kinds. */
export function imagesOfCustomResource(
  kind: string,
  object: Loose,
  at: (field: string) => Place,
): CustomImages {
  if (!OPERATED.has(kind)) return { images: [], pods: [] };
  const spec = asRecord(object.spec);
  const thanos = asRecord(spec.thanos);
  const images = [
    { image: operatedImage(spec), place: at('spec.image') },
    { image: operatedImage(thanos), place: at('spec.thanos.image') },
  ].filter((found): found is FoundImage => found.image !== undefined);
  return { images, pods: [spec] };
}

/**
 * The image as the Prometheus operator puts it together: `image` wins; else the old `baseImage` with sha, tag or
 * version. Without any of these the operator's own default is meant, which the chart does not say.
 */
function operatedImage(spec: Loose): string | undefined {
  const { image, baseImage, sha, tag, version } = spec;
  if (isText(image)) return image;
  if (!isText(baseImage)) return undefined;
  if (isText(sha)) return `${baseImage}@sha256:${sha}`;
  const suffix = isText(tag) ? tag : isText(version) ? version : undefined;
  return suffix === undefined || hasTag(baseImage) ? baseImage : `${baseImage}:${suffix}`;
}

function hasTag(image: string): boolean {
  return image.includes('@') || image.lastIndexOf(':') > image.lastIndexOf('/');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
