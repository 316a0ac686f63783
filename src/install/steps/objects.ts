import { AirgapError } from '../../errors.js';
import { describeObject } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { SavedStore, StepContext } from '../../run/types.js';
import type { ObjectRef } from '../../runai/names.js';

/** An object as it was saved, with how the server serves its kind. */
export interface Found {
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** Kinds whose pods must be gone before the object counts as gone. */
export const WITH_PODS: ReadonlySet<string> = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Job',
]);

/** What only the server sets, or what ties an object to its earlier life. */
const SERVER_SET = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'managedFields',
  'selfLink',
  'ownerReferences',
  'finalizers',
];

/** The live object, or undefined when there is none or the server does not know its kind. */
export async function findObject(
  client: KubeClient,
  ref: ObjectRef,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const resource = await client.resourceFor(ref.apiVersion, ref.kind, { signal });
  if (resource === undefined) return undefined;
  const object = await client.get(resource, nameOf(ref), { signal });
  return object === undefined
    ? undefined
    : { resource, object: { ...object, apiVersion: ref.apiVersion, kind: ref.kind } };
}

/** All objects of a kind in a namespace; none when the server does not know it. */
export async function listKind(
  client: KubeClient,
  kind: Pick<ObjectRef, 'apiVersion' | 'kind'>,
  where: { readonly namespace?: string; readonly labelSelector?: string; readonly signal: AbortSignal },
): Promise<Found[]> {
  const resource = await client.resourceFor(kind.apiVersion, kind.kind, { signal: where.signal });
  if (resource === undefined) return [];
  const objects = await client.list(resource, { ...where, pageSize: 100 });
  return objects.map((object) => ({ resource, object }));
}

/** The object as it can be created anew: without what the server sets, without status. */
export function asNew(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([name]) => !SERVER_SET.includes(name)),
  );
  return { ...rest, metadata: metadata as unknown as KubeObject['metadata'] };
}

/**
 * Deletes exactly the object that was saved, and waits until it is gone with its pods. An object of the same name
 * with another UID is somebody else's and counts as gone.
 * @throws AirgapError NOT_HEALTHY when it does not go
 */
export async function deleteSaved(
  client: KubeClient,
  { resource, object }: Found,
  { context, timeout }: { readonly context: StepContext; readonly timeout: number },
): Promise<void> {
  const { signal } = context;
  const { uid } = object.metadata;
  if (uid === undefined)
    throw new AirgapError(
      'INTERNAL',
      `${describeObject(resource, nameOf(object.metadata))} was saved without its UID`,
    );
  await context.guard();
  const name = nameOf(object.metadata);
  const outcome = await client.delete(resource, name, {
    uid,
    signal,
    propagation: WITH_PODS.has(resource.kind) ? 'Foreground' : 'Background',
  });
  if (outcome !== 'deleted') return;
  let last: KubeObject | undefined;
  const gone = await waitFor(
    async () => {
      last = await client.get(resource, name, { signal });
      return last?.metadata.uid === uid ? undefined : true;
    },
    { timeout, every: 500, signal },
  );
  if (gone) return;
  const finalizers = last?.metadata.finalizers?.join(', ') || 'none';
  throw new AirgapError('NOT_HEALTHY', `${describeObject(resource, name)} was deleted and does not go away`, {
    expected: 'no such object',
    found: `still there, finalizers: ${finalizers}`,
    hint: 'find out who should answer its finalizers, then run the same command again',
  });
}

/** True while the object that was saved is alive. */
export async function isAlive(
  client: KubeClient,
  { resource, object }: Found,
  signal: AbortSignal,
): Promise<boolean> {
  const live = await client.get(resource, nameOf(object.metadata), { signal });
  return live !== undefined && live.metadata.uid === object.metadata.uid;
}

/** Saves a list of objects under one name, whole. */
export async function saveFound(saved: SavedStore, name: string, found: readonly Found[]): Promise<void> {
  await saved.put(name, JSON.stringify(found));
}

/** Reads such a list; undefined when nothing was saved. */
export async function readFound(saved: Pick<SavedStore, 'get'>, name: string): Promise<Found[] | undefined> {
  const content = await saved.get(name);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as Found[]);
}

function nameOf(object: { readonly name: string; readonly namespace?: string }): {
  name: string;
  namespace?: string;
} {
  const { name, namespace } = object;
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}
