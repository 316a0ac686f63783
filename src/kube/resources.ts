import type { ObjectName, Resource } from './types.js';

/** Kinds that airgap names itself; all others are found by discovery. */
export const RESOURCES = {
  namespaces: core('Namespace', 'namespaces', { namespaced: false }),
  nodes: core('Node', 'nodes', { namespaced: false }),
  persistentVolumes: core('PersistentVolume', 'persistentvolumes', { namespaced: false }),
  pods: core('Pod', 'pods'),
  secrets: core('Secret', 'secrets'),
  configMaps: core('ConfigMap', 'configmaps'),
  services: core('Service', 'services'),
  serviceAccounts: core('ServiceAccount', 'serviceaccounts'),
  events: core('Event', 'events'),
  claims: core('PersistentVolumeClaim', 'persistentvolumeclaims'),
  resourceQuotas: core('ResourceQuota', 'resourcequotas'),
  deployments: of('apps/v1', 'Deployment', 'deployments'),
  statefulSets: of('apps/v1', 'StatefulSet', 'statefulsets'),
  daemonSets: of('apps/v1', 'DaemonSet', 'daemonsets'),
  replicaSets: of('apps/v1', 'ReplicaSet', 'replicasets'),
  jobs: of('batch/v1', 'Job', 'jobs'),
  cronJobs: of('batch/v1', 'CronJob', 'cronjobs'),
  ingresses: of('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  ingressClasses: of('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', { namespaced: false }),
  storageClasses: of('storage.k8s.io/v1', 'StorageClass', 'storageclasses', { namespaced: false }),
  leases: of('coordination.k8s.io/v1', 'Lease', 'leases'),
  crds: of('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    namespaced: false,
  }),
  accessReviews: of('authorization.k8s.io/v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
    namespaced: false,
  }),
  validatingWebhooks: of(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    { namespaced: false },
  ),
  mutatingWebhooks: of(
    'admissionregistration.k8s.io/v1',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    { namespaced: false },
  ),
  runaiConfigs: of('run.ai/v1', 'RunaiConfig', 'runaiconfigs'),
} as const;

const KNOWN: ReadonlyMap<string, Resource> = new Map(
  Object.values(RESOURCES).map((resource) => [`${resource.apiVersion} ${resource.kind}`, resource]),
);

/** The resource of a kind that needs no discovery. */
export function knownResource(apiVersion: string, kind: string): Resource | undefined {
  return KNOWN.get(`${apiVersion} ${kind}`);
}

/** The group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const cut = apiVersion.indexOf('/');
  return cut < 0 ? '' : apiVersion.slice(0, cut);
}

/** Path of a group and version: `/api/v1`, `/apis/apps/v1`. */
export function rootPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Path of a collection; of all namespaces when none is given. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const scope =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${rootPath(resource.apiVersion)}${scope}/${resource.plural}`;
}

/** Path of one object, or of a subresource of it. */
export function objectPath(resource: Resource, name: ObjectName, subresource?: string): string {
  const object = `${collectionPath(resource, name.namespace)}/${encodeURIComponent(name.name)}`;
  return subresource === undefined ? object : `${object}/${subresource}`;
}

/** Adds a query; absent values are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** `deployment runai-backend/runai-backend-frontend`, for people. */
export function describeObject(resource: Resource, name: ObjectName): string {
  const where = name.namespace === undefined ? '' : `${name.namespace}/`;
  return `${resource.kind.toLowerCase()} ${where}${name.name}`;
}

function core(kind: string, plural: string, options: { readonly namespaced?: boolean } = {}): Resource {
  return of('v1', kind, plural, options);
}

function of(
  apiVersion: string,
  kind: string,
  plural: string,
  options: { readonly namespaced?: boolean } = {},
): Resource {
  return { apiVersion, kind, plural, namespaced: options.namespaced ?? true };
}
