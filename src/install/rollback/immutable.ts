import type { KubeObject } from '../../kube/types.js';
import { sameValue } from '../../runai/values/key.js';
import { valueAt } from '../values.js';

/** Fields that the API server lets nobody change, by kind; whatever else differs can be patched. */
const FIELDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Deployment: [['spec', 'selector']],
  DaemonSet: [['spec', 'selector']],
  StatefulSet: [
    ['spec', 'selector'],
    ['spec', 'serviceName'],
    ['spec', 'podManagementPolicy'],
  ],
};

/**
 * Why a live workload cannot become what a manifest says, in words; undefined when it can. Pods and ReplicaSets of
 * it go when it is deleted, claims stay.
 */
export function whyFixed(live: KubeObject, wanted: KubeObject): string | undefined {
  const fields = FIELDS[wanted.kind ?? ''];
  if (fields === undefined) return undefined;
  const changed = fields.find((path) => {
    const value = valueAt(wanted, path);
    return value !== undefined && !sameValue(valueAt(live, path), value);
  });
  if (changed) return `${changed.join('.')} is another one and cannot be changed`;
  if (wanted.kind !== 'StatefulSet') return undefined;
  return sameValue(claimNames(live), claimNames(wanted))
    ? undefined
    : 'spec.volumeClaimTemplates are others and cannot be changed';
}

/** Names of the claims that a StatefulSet makes for each of its pods. */
export function claimNames(set: KubeObject): unknown[] {
  const templates = valueAt(set, ['spec', 'volumeClaimTemplates']);
  return (Array.isArray(templates) ? templates : []).map((claim) => valueAt(claim, ['metadata', 'name']));
}
