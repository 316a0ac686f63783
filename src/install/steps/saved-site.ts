import type { KubeObject } from '../../kube/types.js';
import type { SavedStore } from '../../run/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { manifestObjects } from '../manifest.js';
import type { Values } from '../values.js';

type Kind = Pick<ObjectRef, 'apiVersion' | 'kind'>;

/** The objects of a kind that were saved before anything was changed; none when there were none. */
export async function savedObjects(saved: SavedStore, kind: Kind, namespace?: string): Promise<KubeObject[]> {
  const file = `${kind.kind.toLowerCase()}.${kind.apiVersion.replace('/', '.')}.json`;
  const content = await saved.get(`site/${namespace ?? 'cluster'}/${file}`);
  return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as KubeObject[]);
}

/** The object as it was before anything was changed. */
export async function savedObject(saved: SavedStore, ref: ObjectRef): Promise<KubeObject | undefined> {
  const objects = await savedObjects(saved, ref, ref.namespace);
  return objects.find((object) => object.metadata.name === ref.name);
}

/** The operator's values of a release as they were; may hold secrets. */
export async function savedValues(saved: SavedStore, release: string): Promise<Values | undefined> {
  const content = await saved.get(`site/release-${release}/values.json`);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as Values);
}

/** What the release consisted of by Helm's own record; hooks are not in it. */
export async function savedManifest(saved: SavedStore, release: string): Promise<KubeObject[]> {
  const content = await saved.get(`site/release-${release}/manifest.yaml`);
  return content === undefined ? [] : manifestObjects(content.toString('utf8'), release);
}

/** An object of the saved manifest, as the chart rendered it. */
export async function renderedObject(
  saved: SavedStore,
  release: string,
  ref: ObjectRef,
): Promise<KubeObject | undefined> {
  const objects = await savedManifest(saved, release);
  return objects.find((object) => object.kind === ref.kind && object.metadata.name === ref.name);
}
