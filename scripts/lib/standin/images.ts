import type { ImageForm } from './oci/image.js';

/** What the containers of an image do. */
export type ImageKind = 'service' | 'shell' | 'postgresql' | 'job';

/** An image by its public name and how it is made. */
export interface ImageDef {
  /** Last part of the repository; also its name in the private registry and in the layout. */
  readonly name: string;
  /** Host and folders, without the name. */
  readonly home: string;
  readonly tag: string;
  readonly kind: ImageKind;
  readonly form: ImageForm;
  /** The charts name it by digest: alone, or after the tag. */
  readonly pinned?: 'digest' | 'tag-and-digest';
}

/** How a chart spells an image in its values, and so which keys send it to another registry. */
export type ImageStyle =
  | 'bitnami'
  | 'own-repository'
  | 'own-global'
  | 'own-operator'
  | 'in-repository'
  | 'own-registry'
  | 'ingress-nginx'
  | 'test-framework';

/** A place in the charts where an image is used. */
export interface ImageUse {
  readonly image: ImageDef;
  readonly style: ImageStyle;
  /** Path of the image's block in the values. */
  readonly key: readonly string[];
}

/** `HOST/FOLDER/NAME`, below another host when there is one. */
export function repositoryOf(image: ImageDef, registry?: string): string {
  return `${homeOf(image.home, registry)}/${image.name}`;
}

/** The image's home: the public one, or the same folders below HOST:PORT. */
export function homeOf(home: string, registry?: string): string {
  if (registry === undefined) return home;
  return [registry, ...home.split('/').slice(1)].join('/');
}

/** `HOST/FOLDER/NAME:TAG`. */
export function taggedRef(image: ImageDef, registry?: string): string {
  return `${repositoryOf(image, registry)}:${image.tag}`;
}

/** The reference as the charts render it. */
export function chartRef(image: ImageDef, digest: string, registry?: string): string {
  if (image.pinned === 'digest') return `${repositoryOf(image, registry)}@${digest}`;
  const tagged = taggedRef(image, registry);
  return image.pinned === 'tag-and-digest' ? `${tagged}@${digest}` : tagged;
}

/** Names of the images in the layout: their own, with a number where two have the same. */
export function layoutNames(images: readonly ImageDef[]): ReadonlyMap<ImageDef, string> {
  const names = new Map<ImageDef, string>();
  for (const image of images) {
    const twins = [...names.keys()].filter(({ name }) => name === image.name).length;
    names.set(image, twins === 0 ? image.name : `${image.name}-${twins + 1}`);
  }
  return names;
}

/** The keys that send the image to the site's registry, where it is called `{{registry}}/NAME`. */
export function redirectsOf(use: ImageUse): Record<string, string> {
  const key = use.key.map(escapeDots).join('.');
  const { name } = use.image;
  switch (use.style) {
    case 'bitnami':
      return { 'global.imageRegistry': '{{registry}}', [`${key}.repository`]: name };
    case 'own-repository':
      return { 'backend.privateRegistryAddress': '{{registry}}' };
    case 'own-global':
      return { 'global.image.registry': '{{registry}}' };
    case 'own-operator':
      return { 'runai-operator.config.global.image.registry': '{{registry}}' };
    case 'in-repository':
      return { [`${key}.repository`]: `{{registry}}/${name}` };
    case 'own-registry':
      return { [`${key}.registry`]: '{{registry}}' };
    case 'ingress-nginx':
      return { [`${key}.registry`]: '{{registry}}', [`${key}.image`]: name };
    case 'test-framework':
      return { [`${key}.image`]: '{{registry}}/bats/bats' };
  }
}

function escapeDots(part: string): string {
  return part.replaceAll('.', '\\.');
}

/** The image's block in the chart's default values. */
export function valuesOf(use: ImageUse, digest: string, registry?: string): Record<string, string> {
  const { image } = use;
  const home = homeOf(image.home, registry);
  const [host = '', ...folders] = home.split('/');
  const below = [...folders, image.name].join('/');
  const version = {
    ...(image.pinned === 'digest' ? {} : { tag: image.tag }),
    ...(image.pinned === undefined ? {} : { digest }),
  };
  switch (use.style) {
    case 'bitnami':
      return { registry: host, repository: below, ...version };
    case 'own-global':
    case 'own-operator':
      return { repository: image.name, ...version };
    case 'own-registry':
      return { registry: home, repository: image.name, ...version };
    case 'ingress-nginx':
      return { registry: host, image: below, ...version };
    case 'test-framework':
      return { image: `${home}/${image.name}`, ...version };
    default:
      return { repository: `${home}/${image.name}`, ...version };
  }
}
