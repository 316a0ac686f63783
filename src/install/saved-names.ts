import type { ObjectRef } from '../runai/names.js';

/** Name under which a run keeps the complete values of a release, as JSON. */
export function valuesName(release: string): string {
  return `values/${release}.json`;
}

/** Name of the same over the chart's own values, for whoever looks: helm merges them itself. */
export function effectiveName(release: string): string {
  return `values/${release}.effective.json`;
}

/** Name of helm's own record of a release, all revisions as Secrets, before a step changes it. */
export function revisionsName(release: string): string {
  return `helm/${release}/revisions.json`;
}

/** The same, before the release is uninstalled. */
export function uninstalledName(release: string): string {
  return `helm/${release}/uninstalled.json`;
}

/** Name of the release's workloads as they were then, each with its UID. */
export function workloadsName(release: string): string {
  return `helm/${release}/workloads.json`;
}

/** Name of single objects that a step deletes. */
export function deletedName(refs: readonly ObjectRef[]): string {
  return `deleted/${refs.map((ref) => `${ref.kind.toLowerCase()}.${ref.name}`).join('-')}.json`;
}

/** Name of a release's objects of some kinds that a step deletes. */
export function ownedName(release: string, kinds: readonly { readonly kind: string }[]): string {
  return `deleted/${release}.${kinds.map(({ kind }) => kind.toLowerCase()).join('-')}.json`;
}

/** Name of what an uninstalled cluster left, before it is deleted. */
export const LEFTOVERS_NAME = 'deleted/cluster-leftovers.json';

/** Name of the definitions as they were before the bundle's were applied. */
export const CRDS_NAME = 'crds/before.json';

/** Name of the list of those that were not there before. */
export const ADDED_CRDS_NAME = 'crds/added.json';

/** Name of what counts the objects of the site by name; the last thing that is written of them. */
export const SITE_MARK = 'site/complete.json';

/** Name of the operator's values of a release before anything was changed; there only when the release was. */
export function savedValuesName(release: string): string {
  return `site/release-${release}/values.json`;
}
