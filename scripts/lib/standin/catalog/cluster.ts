import type { Era, Version } from '../eras.js';
import type { ImageDef, ImageUse } from '../images.js';
import { image } from './backend.js';
import { camelCase, rowsOf, type Service, type ServiceRow } from './service.js';

interface ClusterRow extends ServiceRow {
  /** Name of the image; the Deployment's own when absent. */
  readonly image?: string;
}

/** The cluster's Deployments (names: the vendor's; which came when is known in part only). */
const SERVICES: readonly ClusterRow[] = [
  { name: 'runai-operator', image: 'operator' },
  { name: 'runai-agent', image: 'agent' },
  { name: 'runai-scheduler', image: 'scheduler' },
  { name: 'runai-project-controller', image: 'project-controller' },
  { name: 'cluster-sync', since: 12 },
  { name: 'assets-sync', since: 12, full: true },
  { name: 'runai-job-controller', image: 'job-controller', full: true },
  { name: 'runai-admission-controller', image: 'admission-controller', full: true },
  { name: 'researcher-service', full: true },
  { name: 'nodepool-controller', since: 8, full: true },
  { name: 'workload-controller', since: 10, full: true },
  { name: 'workload-overseer', since: 13, full: true },
  { name: 'accessrule-controller', since: 12, full: true },
  { name: 'pod-grouper', since: 13, full: true },
  { name: 'queue-controller', since: 13, full: true },
  { name: 'binder', since: 13, full: true },
  { name: 'status-updater', since: 13, full: true },
  { name: 'metrics-exporter', since: 13, full: true },
  { name: 'cluster-api', since: 16, full: true },
  { name: 'cluster-redis', since: 16, full: true },
  { name: 'engine-operator', since: 13, full: true },
  { name: 'engine-admission', since: 13, full: true },
];

export interface ClusterParts {
  /** Runs on every node. */
  readonly nodeExporter: ImageUse;
  /** Runs on nodes with a GPU. */
  readonly containerToolkit: ImageUse;
  /** In no template: the operator would start it. */
  readonly mpsServer: ImageDef;
}

/** The images of the cluster's chart that are no plain services. */
export function clusterParts(version: Version, era: Era): ClusterParts {
  const { cluster } = era.images;
  return {
    nodeExporter: use(era, 'nodeExporter', {
      ...image(cluster, 'node-exporter', version.text),
      pinned: 'digest',
    }),
    containerToolkit: use(
      era,
      'containerToolkit',
      image(cluster, 'container-toolkit', version.text, 'service', 'docker'),
    ),
    mpsServer: image(cluster, 'mps-server', version.text),
  };
}

/** The cluster's Deployments for a version, those of `--full` marked. */
export function clusterServices(version: Version, era: Era): readonly Service[] {
  return rowsOf(SERVICES, version).map((row) => ({
    name: row.name,
    port: 8080,
    full: row.full ?? false,
    use: use(era, camelCase(row.name), image(era.images.cluster, row.image ?? row.name, version.text)),
  }));
}

function use(era: Era, key: string, image: ImageDef): ImageUse {
  return { image, style: era.clusterKeys === 'global' ? 'own-global' : 'own-operator', key: [key, 'image'] };
}
