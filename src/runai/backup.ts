import { CONFIG_RESOURCES } from './crds.js';
import { eraOf } from './era.js';
import { CLAIMS, LATER_CLAIMS, OBJECTS, SITE_SECRETS } from './names.js';
import { POSTGRES } from './postgres.js';
import { SOURCES } from './sources.js';
import { isAtLeast, type Version } from './version.js';

/** One class of data that a backup holds. */
export interface DataClass {
  readonly id: string;
  readonly what: string;
  readonly how: string;
  readonly caveat?: string;
  readonly source: string;
}

export const DATA_CLASSES: readonly DataClass[] = [
  {
    id: 'runaiconfig',
    what: `${OBJECTS.runaiConfig.kind} ${OBJECTS.runaiConfig.name} in ${OBJECTS.runaiConfig.namespace}`,
    how: 'the whole object, restorable, and its bare spec as the page has it',
    caveat:
      'a bare spec cannot be applied: it is wrapped again with apiVersion, kind and metadata, after the chart',
    source: SOURCES.backupPage,
  },
  {
    id: 'values',
    what: 'values of both releases',
    how: 'user-supplied and effective, as YAML',
    caveat: 'they hold passwords',
    source: SOURCES.backupPage,
  },
  {
    id: 'database',
    what: `databases in pod ${POSTGRES.pod}`,
    how: 'pg_dump in custom format of each database that is no template, and the roles',
    caveat: 'the password that counts is the one inside the data directory',
    source: SOURCES.backupPage,
  },
  {
    id: 'metrics',
    what: 'the Thanos volume',
    how: 'a copy of the volume',
    caveat: 'files belong to uid 1001',
    source: SOURCES.backupPage,
  },
  { id: 'secrets', what: 'TLS, CA, pull and database secrets', how: 'whole objects', source: SOURCES.ours },
  { id: 'ingress', what: 'ingresses with hand-made patches', how: 'whole objects', source: SOURCES.ours },
  {
    id: 'resources',
    what: CONFIG_RESOURCES.map(({ plural }) => plural).join(', '),
    how: 'whole objects in stored versions',
    source: SOURCES.ours,
  },
  {
    id: 'project-namespaces',
    what: 'namespaces labelled runai/queue with their labels and role bindings',
    how: 'whole objects, dumped and never made up',
    caveat: 'needed when projects do not create namespaces',
    source: SOURCES.projectPage,
  },
  {
    id: 'user-assets',
    what: 'secrets, claims and config maps in runai labelled run.ai/cluster-wide or run.ai/department',
    how: 'whole objects',
    source: SOURCES.ours,
  },
];

/** Label of a project's namespace; its value is the project. */
export const PROJECT_LABEL = 'runai/queue';
/** The namespace that a project gets when nobody chooses one. */
export const projectNamespace = (project: string): string => `runai-${project}`;
export const ASSET_LABELS = ['run.ai/cluster-wide', 'run.ai/department'] as const;

/** A volume of the product's. */
export interface DataVolume {
  readonly purpose: 'database' | 'metrics' | 'queue';
  /** Claim by the chart's own naming; a release may name another one by existingClaim. */
  readonly claim: string;
  readonly required: boolean;
}

/** Claims that a release of this version makes or uses; on OpenShift there are no metrics. */
export function dataVolumes(version: Version, platform: 'kubernetes' | 'openshift'): DataVolume[] {
  const own = eraOf(version)?.claims === 'statefulset' ? LATER_CLAIMS : CLAIMS;
  const volumes: DataVolume[] = [{ purpose: 'database', claim: own.postgresql, required: true }];
  if (platform === 'kubernetes') volumes.push({ purpose: 'metrics', claim: own.thanos, required: true });
  if (isAtLeast(version, 2, 12) && !isAtLeast(version, 2, 21)) {
    volumes.push({ purpose: 'queue', claim: LATER_CLAIMS.redisQueue, required: false });
  }
  return volumes;
}

/** Secrets worth saving in a namespace besides those that the release makes itself. */
export function siteSecretsIn(namespace: string): string[] {
  return SITE_SECRETS.filter((row) => (row.namespaces as readonly string[]).includes(namespace)).map(
    (row) => row.name,
  );
}

/** The order of a restore; each only after the one before. */
export const RESTORE_ORDER = [
  { id: 'prerequisites', what: 'Kubernetes with what the release needs' },
  { id: 'namespaces', what: 'namespaces and the operator’s secrets' },
  { id: 'volumes', what: 'volumes, bound to claims of the old names' },
  { id: 'control-plane', what: 'the control plane at the version of the backup, on the existing claims' },
  { id: 'database', what: 'the database, restored aside and swapped' },
  { id: 'cluster', what: 'the cluster part, then RunaiConfig' },
  { id: 'project-namespaces', what: 'hand-made namespaces, labels and role bindings' },
  { id: 'upgrade', what: 'an upgrade, only afterwards' },
] as const;
