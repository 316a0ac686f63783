import type { ClusterParts } from '../../catalog/cluster.js';
import type { Service } from '../../catalog/service.js';
import type { Era, Version } from '../../eras.js';
import { standardLabels } from '../workload.js';

/** All that the cluster's templates are made from. */
export interface ClusterContext {
  readonly version: Version;
  readonly era: Era;
  readonly parts: ClusterParts;
  readonly services: readonly Service[];
}

/**
 * Labels that select a workload's pods. They changed with 2.9, so that charts up to 2.8 can only be uninstalled
 * and installed anew.
 */
export function clusterLabels({ era }: ClusterContext, name: string): string {
  return era.subcharts === 'old' ? `app: ${name}\nrelease: {{ $.Release.Name }}` : standardLabels(name);
}
