import { SOURCES } from './sources.js';
import { isAtLeast, type Version } from './version.js';

/** A workload that a release is known to bring. */
export interface ExpectedWorkload {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly name: string;
  readonly source: string;
}

const workload = (kind: ExpectedWorkload['kind'], source: string) => (name: string) => ({
  kind,
  name,
  source,
});

/** The control plane's workloads of which it is certain that they belong to the version; there may be more. */
export function expectedBackend(version: Version): ExpectedWorkload[] {
  const source = SOURCES.installPage;
  const sets = ['keycloak', 'runai-backend-postgresql'];
  const deployments = ['runai-backend-backend', 'runai-backend-frontend', 'runai-backend-grafana'];
  if (isAtLeast(version, 2, 12)) {
    deployments.push('runai-backend-tenants-manager');
    sets.push('runai-backend-thanos-receive');
    sets.push(isAtLeast(version, 2, 22) ? 'runai-backend-nats' : 'runai-backend-redis-queue-master');
  }
  return [...sets.map(workload('StatefulSet', source)), ...deployments.map(workload('Deployment', source))];
}

/** The cluster's workloads of which it is certain that they belong to the version; there may be more. */
export function expectedCluster(version: Version): ExpectedWorkload[] {
  const deployments = ['runai-operator', 'runai-agent', 'runai-scheduler', 'runai-project-controller'];
  if (isAtLeast(version, 2, 12)) deployments.push('cluster-sync');
  return deployments.map(workload('Deployment', SOURCES.installPage));
}

/** Where the cluster's own account of its health stands. */
export const CLUSTER_HEALTH = {
  /** Condition of RunaiConfig. */
  condition: 'Available',
  /** ConfigMap in runai with what is missing. */
  configMap: 'runai-public',
  key: 'dependencies.required',
} as const;
