import type { KubeObject } from '../../kube/types.js';
import type { SavedStore } from '../../run/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { manifestObjects } from '../manifest.js';
import { savedElsewhere } from '../saved-elsewhere.js';
import { SITE_MARK, savedValuesName } from '../saved-names.js';
import type { Values } from '../values.js';

type Kind = Pick<ObjectRef, 'apiVersion' | 'kind'>;

/**
 * The objects of a kind that were saved before anything was changed; none when there were none.
 * @throws AirgapError DECISION_NEEDED when there were some and their copy is not to be had here
 */
export async function savedObjects(saved: SavedStore, kind: Kind, namespace?: string): Promise<KubeObject[]> {
  const file = `${kind.kind.toLowerCase()}.${kind.apiVersion.replace('/', '.')}.json`;
  const name = `site/${namespace ?? 'cluster'}/${file}`;
  const content = await saved.get(name);
  if (content !== undefined) return JSON.parse(content.toString('utf8')) as KubeObject[];
  if ((await countSaved(saved, name)) === 0) return [];
  const what = `the ${kind.kind} objects of ${namespace ?? 'the cluster'}`;
  throw await savedElsewhere(saved, { what, name, command: 'give the same command' });
}

async function countSaved(saved: Pick<SavedStore, 'get'>, name: string): Promise<number> {
  const mark = await saved.get(SITE_MARK);
  if (mark === undefined) return 0;
  const { objects } = JSON.parse(mark.toString('utf8')) as { objects?: Readonly<Record<string, number>> };
  return objects?.[name] ?? 0;
}

/** The object as it was before anything was changed. */
export async function savedObject(saved: SavedStore, ref: ObjectRef): Promise<KubeObject | undefined> {
  const objects = await savedObjects(saved, ref, ref.namespace);
  return objects.find((object) => object.metadata.name === ref.name);
}

/** The operator's values of a release as they were; may hold secrets. */
export async function savedValues(saved: SavedStore, release: string): Promise<Values | undefined> {
  const content = await saved.get(savedValuesName(release));
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as Values);
}

/**
 * What the release consisted of by Helm's own record; hooks are not in it. Empty when there was no such release.
 * @throws AirgapError DECISION_NEEDED when there was one and its manifest is not to be had here
 */
export async function savedManifest(saved: SavedStore, release: string): Promise<KubeObject[]> {
  const name = `site/release-${release}/manifest.yaml`;
  const content = await saved.get(name);
  if (content !== undefined) return manifestObjects(content.toString('utf8'), release);
  if ((await savedValues(saved, release)) === undefined) return [];
  throw await savedElsewhere(saved, {
    what: `the manifest of ${release}`,
    name,
    command: 'give the same command',
  });
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
