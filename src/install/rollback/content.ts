import type { Release } from '../../helm/release.js';
import type { KubeObject } from '../../kube/types.js';
import { digestOf } from '../../run/canonical.js';
import { manifestObjects } from '../manifest.js';

/** What a revision consists of, whatever its number: chart, values and manifest. 64 hex digits. */
export function contentSha({ chart, values, manifest }: Release): string {
  return digestOf({ name: chart.name, version: chart.version, values, manifest });
}

/** The objects of a revision, without hooks, as its chart rendered them. */
export function objectsOf({ name, manifest }: Release): KubeObject[] {
  return manifestObjects(manifest, name);
}

/** `runai-backend-2.9.25` */
export function chartText({ chart }: Release): string {
  return `${chart.name}-${chart.version}`;
}
