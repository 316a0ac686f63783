import type { KubeObject } from '../../kube/types.js';
import { listAt, textAt } from '../value-at.js';

/** Whether the pods of a Deployment or StatefulSet mount a claim, by name or by a template of their own. Pure. */
export function mounts(workload: KubeObject, claim: string): boolean {
  const byName = listAt(workload, ['spec', 'template', 'spec', 'volumes']).some(
    (volume) => textAt(volume, ['persistentVolumeClaim', 'claimName']) === claim,
  );
  if (byName) return true;
  return listAt(workload, ['spec', 'volumeClaimTemplates']).some((template) => {
    const prefix = `${textAt(template, ['metadata', 'name'])}-${workload.metadata.name}-`;
    return claim.startsWith(prefix) && /^\d+$/.test(claim.slice(prefix.length));
  });
}
