import type { KubeObject } from '../../kube/types.js';
import { listAt, textAt, valueAt } from '../value-at.js';
import { claimsOf } from '../volume-find.js';

/** Whether the pods of a Deployment or StatefulSet mount a claim, by name or by a template of their own. Pure. */
export function mounts(workload: KubeObject, claim: string): boolean {
  if (claimsOf(valueAt(workload, ['spec', 'template', 'spec'])).includes(claim)) return true;
  return listAt(workload, ['spec', 'volumeClaimTemplates']).some((template) => {
    const prefix = `${textAt(template, ['metadata', 'name'])}-${workload.metadata.name}-`;
    return claim.startsWith(prefix) && /^\d+$/.test(claim.slice(prefix.length));
  });
}
