import type { KubeObject, ObjectMeta } from '../kube/types.js';

/** What only the server sets, or what ties an object to its earlier life. */
const SERVER_SET = new Set([
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
]);

/** Annotations that belong to one life of an object. */
const LIFE_ANNOTATIONS =
  /^(pv\.kubernetes\.io\/|volume\.(beta\.)?kubernetes\.io\/|control-plane\.alpha\.kubernetes\.io\/|kubectl\.kubernetes\.io\/last-applied-configuration$)/;

/** The object as it can be created anew: without what the server sets, without status. */
export function asNew(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([name]) => !SERVER_SET.has(name)),
  ) as unknown as ObjectMeta;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([name]) => !LIFE_ANNOTATIONS.test(name),
  );
  const { annotations: _all, ...own } = metadata;
  return {
    ...rest,
    metadata: {
      ...own,
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    },
  };
}

/** A claim that gets a new volume: bound to none, of the same class and size. */
export function asNewClaim(claim: KubeObject): KubeObject {
  const { spec, ...rest } = asNew(claim);
  const { volumeName: _volume, ...own } = (spec ?? {}) as Record<string, unknown>;
  return { ...rest, spec: own };
}

/** A namespace without the marks of its earlier life. */
export function asNewNamespace(namespace: KubeObject): KubeObject {
  const { spec: _finalizers, ...rest } = asNew(namespace);
  return rest;
}

/** Objects as one List, so that `kubectl apply -f` takes it. */
export function formatList(objects: readonly KubeObject[]): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 1)}\n`;
}

/** The objects of a List that formatList made. */
export function parseList(text: string): KubeObject[] {
  return (JSON.parse(text) as { readonly items: KubeObject[] }).items;
}

/** `Secret runai-backend/runai-backend-tls`, for people. */
export function nameObject({ kind, metadata }: KubeObject): string {
  const where = metadata.namespace === undefined ? '' : `${metadata.namespace}/`;
  return `${kind ?? 'object'} ${where}${metadata.name}`;
}
