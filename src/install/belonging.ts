import { releaseNameOf } from '../helm/marks.js';
import { groupOf } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { BACKEND, CLUSTER, OLD_CLUSTER_RELEASE } from '../runai/names.js';
import { isKept, isReleases } from './steps/delete-owned.js';
import { findObject } from './steps/objects.js';
import { isSites } from './steps/restore-secrets.js';

/** Whose an object in the cluster's namespace is; `unmarked`: a workload of which nothing says so. */
export type Belonging = 'product' | 'others' | 'unmarked';

export interface Whose {
  readonly release: string;
  readonly namespace: string;
}

/** Kinds that the vendor's text deletes whatever they are marked with. */
export const WORKLOAD_KINDS: readonly string[] = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'Service',
  'ServiceMonitor',
  'PodMonitor',
];

const MANAGED_BY = 'app.kubernetes.io/managed-by';
const OURS = /^(Helm|runai.*|prometheus-operator)$/;
/** Longer chains of owners are nobody's that is known. */
const DEPTH = 5;

/** Labels that the old cluster and its operators left on what they made. */
const MARKS: readonly (readonly [label: string, value: RegExp | 'release'])[] = [
  ['app', /^runai/],
  ['release', 'release'],
  ['app.kubernetes.io/instance', 'release'],
  [MANAGED_BY, OURS],
  ['operator.prometheus.io/name', /./],
];

/** By Helm's mark, else by the owner where it lives, else by labels. */
export async function belongingOf(
  client: KubeClient,
  object: KubeObject,
  {
    whose,
    signal,
    depth = 0,
  }: { readonly whose: Whose; readonly signal: AbortSignal; readonly depth?: number },
): Promise<Belonging> {
  const { ownerReferences = [], namespace } = object.metadata;
  const [owner] = ownerReferences;
  if (releaseNameOf(object) !== undefined || owner === undefined || depth > DEPTH)
    return ownBelonging(object, whose);
  if (isOfProduct(owner.apiVersion)) return 'product';
  const { apiVersion, kind, name, uid } = owner;
  const place = namespace === undefined ? {} : { namespace };
  const live = (await findObject(client, { apiVersion, kind, name, ...place }, signal))?.object;
  if (live?.metadata.uid !== uid) return ownBelonging(object, whose);
  const of = await belongingOf(client, live, { whose, signal, depth: depth + 1 });
  // An owner of another kind is not deleted, and makes again what is.
  return of === 'unmarked' && !WORKLOAD_KINDS.includes(kind) ? 'others' : of;
}

/** By what stands on the object itself. Pure. */
export function ownBelonging(object: KubeObject, { release, namespace }: Whose): Belonging {
  const { labels = {} } = object.metadata;
  if (isKept(object) || isReleases(object, BACKEND)) return 'others';
  if (object.kind === 'Secret' && isSites(object, namespace)) return 'others';
  if ('run.ai/cluster-wide' in labels || 'run.ai/department' in labels) return 'others';
  if (releaseNameOf(object) !== undefined) {
    const own = [release, CLUSTER.release, OLD_CLUSTER_RELEASE];
    return own.some((name) => isReleases(object, { release: name, namespace })) ? 'product' : 'others';
  }
  if (object.metadata.ownerReferences?.some(({ apiVersion }) => isOfProduct(apiVersion))) return 'product';
  const manager = labels[MANAGED_BY];
  if (manager !== undefined && !OURS.test(manager)) return 'others';
  // Hooks of a release have no mark of Helm's but its labels.
  const instance = labels['app.kubernetes.io/instance'] ?? labels['release'];
  if (manager === 'Helm' && instance !== undefined && instance !== release) return 'others';
  const marked = MARKS.some(([label, value]) => {
    const found = labels[label];
    if (found === undefined) return false;
    return value === 'release' ? found === release : value.test(found);
  });
  if (marked) return 'product';
  return WORKLOAD_KINDS.includes(object.kind ?? '') ? 'unmarked' : 'others';
}

function isOfProduct(apiVersion: string): boolean {
  return /(^|\.)run\.ai$/.test(groupOf(apiVersion));
}
