import { BACKEND, CLUSTER, OLD_CLUSTER_RELEASE } from './names.js';
import { SOURCES } from './sources.js';
import { parseVersion, type Version } from './version.js';

export type EraId =
  | '<=2.4'
  | '2.5-2.7'
  | '2.8'
  | '2.9'
  | '2.10'
  | '2.11'
  | '2.12'
  | '2.13-2.14'
  | '2.15-2.16'
  | '2.17-2.21'
  | '>=2.22';

/** What is the same for all releases of an era, as far as installing and upgrading notices it. */
export interface Era {
  readonly id: EraId;
  /** First minor release of major version 2. */
  readonly first: number;
  /** Chart of the control plane. */
  readonly chart: 'runai-backend' | 'control-plane';
  /** Whether the control plane brings NGINX unless told not to. */
  readonly nginx: 'bundled' | 'customer';
  /** Whether the cluster's chart brings Prometheus. */
  readonly prometheus: 'bundled' | 'customer';
  /** Who owns the volumes of the database and the metrics: plain templates of the chart, the customer, StatefulSets. */
  readonly claims: 'chart' | 'customer' | 'statefulset';
  /** Where the certificate of the control plane comes from. */
  readonly tls: 'values' | 'secret';
  /** Family of the control plane's values keys. */
  readonly values: 'old' | 'middle' | 'global';
  /** Family of the cluster's values keys. */
  readonly clusterValues: 'operator' | 'global';
  /** Keys of the secret runai-backend-postgresql. */
  readonly postgresKeys: 'old' | 'new';
  readonly source: string;
}

const FIRST: Omit<Era, 'id' | 'first'> = {
  chart: 'runai-backend',
  nginx: 'bundled',
  prometheus: 'bundled',
  claims: 'chart',
  tls: 'values',
  values: 'old',
  clusterValues: 'operator',
  postgresKeys: 'old',
  source: SOURCES.upgradePage,
};
const SECOND = {
  ...FIRST,
  nginx: 'customer',
  prometheus: 'customer',
  values: 'middle',
  postgresKeys: 'new',
} as const;
const THIRD = { ...SECOND, claims: 'customer', tls: 'secret' } as const;
const FOURTH = {
  ...THIRD,
  chart: 'control-plane',
  claims: 'statefulset',
  values: 'global',
  source: SOURCES.textC,
} as const;
const FIFTH = { ...FOURTH, clusterValues: 'global', source: SOURCES.installPage } as const;

/** All eras, oldest first. */
export const ERAS: readonly Era[] = [
  { id: '<=2.4', first: 0, ...FIRST },
  { id: '2.5-2.7', first: 5, ...FIRST },
  { id: '2.8', first: 8, ...FIRST },
  { id: '2.9', first: 9, ...SECOND },
  { id: '2.10', first: 10, ...SECOND },
  { id: '2.11', first: 11, ...THIRD },
  { id: '2.12', first: 12, ...FOURTH },
  { id: '2.13-2.14', first: 13, ...FOURTH },
  { id: '2.15-2.16', first: 15, ...FIFTH },
  { id: '2.17-2.21', first: 17, ...FIFTH },
  { id: '>=2.22', first: 22, ...FIFTH },
];

/** The era of a version; undefined when its major version is not 2. */
export function eraOf(version: Version): Era | undefined {
  if (version.major !== 2) return undefined;
  return ERAS.findLast((era) => version.minor >= era.first);
}

/** What `helm list` tells: name and version of the chart that made a release. */
export interface ChartSeen {
  readonly release: string;
  readonly chart: string;
  readonly version: string;
}

/**
 * The product's version that a release stands for, or undefined when the chart is not one of the product's.
 * The control plane's release keeps its name while its chart is renamed with 2.12.
 */
export function versionOfRelease(
  seen: ChartSeen,
): { readonly role: 'backend' | 'cluster'; readonly version: Version } | undefined {
  const version = parseVersion(seen.version);
  if (version === undefined) return undefined;
  if (seen.release === BACKEND.release && ['runai-backend', 'control-plane'].includes(seen.chart)) {
    return { role: 'backend', version };
  }
  const clusterRelease = seen.release === CLUSTER.release || seen.release === OLD_CLUSTER_RELEASE;
  if (clusterRelease && ['runai-cluster', 'runai-operator'].includes(seen.chart))
    return { role: 'cluster', version };
  return undefined;
}
