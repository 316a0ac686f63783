import type { KubeObject } from '../kube/types.js';
import type { Rebind } from './plan.js';
import { textAt, valueAt } from './value-at.js';

/**
 * Volumes of the target that belong to a saved claim: those whose claimRef names it, else the one that it was bound
 * to, by name. Volumes that are bound, or that somebody deletes, are none. Pure.
 * @param claim as it was saved
 */
export function volumesOf(claim: KubeObject, volumes: readonly KubeObject[]): Rebind[] {
  const { name, namespace = '' } = claim.metadata;
  const free = volumes.filter(
    (volume) =>
      textAt(volume, ['status', 'phase']) !== 'Bound' && volume.metadata.deletionTimestamp === undefined,
  );
  const named = free.filter(
    (volume) =>
      textAt(volume, ['spec', 'claimRef', 'name']) === name &&
      textAt(volume, ['spec', 'claimRef', 'namespace']) === namespace,
  );
  const saved = textAt(claim, ['spec', 'volumeName']);
  const own = free.filter(
    (volume) => volume.metadata.name === saved && valueAt(volume, ['spec', 'claimRef']) === undefined,
  );
  const found = named.length > 0 ? named : own;
  return found.map(({ metadata }) => ({
    namespace,
    claim: name,
    volume: metadata.name,
    volumeUid: metadata.uid ?? '',
  }));
}
