/** Annotations by which helm knows the objects of its releases: the release's name, and its namespace. */
export const RELEASE_NAME = 'meta.helm.sh/release-name';
export const RELEASE_NAMESPACE = 'meta.helm.sh/release-namespace';
/** What an upgrade reads on the live object, and an uninstall in helm's own record. */
export const RESOURCE_POLICY = 'helm.sh/resource-policy';

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Name of the release that an object is marked with. Pure. */
export function releaseNameOf({ metadata }: Annotated): string | undefined {
  return metadata.annotations?.[RELEASE_NAME];
}

/** True for what helm leaves alone when its release goes. Pure. */
export function isKeptByPolicy({ metadata }: Annotated): boolean {
  return metadata.annotations?.[RESOURCE_POLICY] === 'keep';
}
