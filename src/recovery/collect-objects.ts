import { RESOURCES } from '../kube/resources.js';
import { storedResource } from '../kube/stored.js';
import type { KubeClient, KubeObject, ReadOptions } from '../kube/types.js';
import { ASSET_LABELS, PROJECT_LABEL, projectNamespace } from '../runai/backup.js';
import { PEOPLE_ELSEWHERE } from '../runai/bindings.js';
import { CONFIG_RESOURCES, QUEUES } from '../runai/crds.js';
import { BACKEND, CLUSTER, OBJECTS, ROUTE, SITE_SECRETS } from '../runai/names.js';
import type { CollectedPart } from './collect-types.js';
import type { Choice } from './create-types.js';
import { asNew, asNewNamespace, formatList } from './objects.js';
import { textAt, valueAt } from './value-at.js';

type Reader = Pick<KubeClient, 'get' | 'list' | 'resourceFor'>;

const PRODUCT = [BACKEND.namespace, CLUSTER.namespace] as const;
const RBAC = 'rbac.authorization.k8s.io/v1';
/** Secrets that Kubernetes or helm make themselves. */
const MADE_BY_OTHERS = new Set(['helm.sh/release.v1', 'kubernetes.io/service-account-token', 'airgap/saved']);
const PROJECTS = { group: 'run.ai', plural: 'projects' };
/** On what Kubernetes makes itself at its start. */
const BOOTSTRAP = 'kubernetes.io/bootstrapping';

/** Reads the objects of the chosen parts. Roles name what restore does with them. */
export async function collectObjects(
  client: Reader,
  chosen: ReadonlySet<Choice>,
  read: ReadOptions,
): Promise<CollectedPart[]> {
  const parts: CollectedPart[] = [];
  const rows: readonly (readonly [
    Choice,
    (client: Reader, read: ReadOptions) => Promise<CollectedPart[]>,
  ])[] = [
    ['config', collectConfig],
    ['secrets', collectSecrets],
    ['ingress', collectIngress],
    ['rbac', collectRbac],
    ['assets', collectAssets],
    ['storage', collectStorage],
  ];
  parts.push(...(await collectNamespaces(client, read)));
  for (const [choice, collect] of rows) if (chosen.has(choice)) parts.push(...(await collect(client, read)));
  return parts;
}

/** The product's own namespaces, with their labels: pod security and injection hang on them. */
async function collectNamespaces(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const found = await Promise.all(PRODUCT.map((name) => client.get(RESOURCES.namespaces, { name }, read)));
  const objects = found.flatMap((object) =>
    object ? [asNewNamespace({ ...object, apiVersion: 'v1', kind: 'Namespace' })] : [],
  );
  return partOf(['objects', 'namespaces.json'], 'namespaces', objects);
}

/** RunaiConfig whole and as the page's bare spec; projects and the like in the versions they are stored in. */
async function collectConfig(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const parts: CollectedPart[] = [];
  for (const row of [...CONFIG_RESOURCES, QUEUES]) {
    const resource = await storedResource(client, row, read);
    if (resource === undefined) continue;
    const objects = (await client.list(resource, read)).map(asNew);
    const role = row.plural === 'runaiconfigs' ? 'runaiconfig' : 'custom-resources';
    parts.push(...partOf(['objects', 'config', `${row.plural}.json`], role, objects));
    const own = objects.find(({ metadata }) => metadata.name === OBJECTS.runaiConfig.name);
    if (role === 'runaiconfig' && own?.['spec'] !== undefined) {
      const content = `${JSON.stringify(own['spec'], null, 1)}\n`;
      parts.push({ path: ['objects', 'config', 'runaiconfig-spec.json'], role: 'runaiconfig-spec', content });
    }
  }
  return parts;
}

/** All secrets of the product's namespaces, and the named ones of others. */
async function collectSecrets(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const parts: CollectedPart[] = [];
  for (const namespace of PRODUCT) {
    const all = await client.list(RESOURCES.secrets, { namespace, pageSize: 20, ...read });
    const own = all.filter((secret) => !MADE_BY_OTHERS.has(String(secret['type'])));
    parts.push(...partOf(['objects', 'secrets', `${namespace}.json`], 'secrets', own.map(asNew)));
  }
  const elsewhere = SITE_SECRETS.flatMap((row) =>
    row.namespaces
      .filter((namespace) => !PRODUCT.some((own) => own === namespace))
      .map((namespace) => ({ namespace, name: row.name })),
  );
  for (const { namespace, name } of elsewhere) {
    if (!(await client.get(RESOURCES.namespaces, { name: namespace }, read))) continue;
    const secret = await client.get(RESOURCES.secrets, { namespace, name }, read);
    if (secret === undefined) continue;
    const object = asNew({ ...secret, apiVersion: 'v1', kind: 'Secret' });
    parts.push(...partOf(['objects', 'secrets', `${namespace}.json`], 'secrets', [object]));
  }
  return parts;
}

async function collectIngress(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const parts: CollectedPart[] = [];
  const routes = await client.resourceFor(ROUTE.apiVersion, ROUTE.kind, read);
  for (const namespace of PRODUCT) {
    const objects = await client.list(RESOURCES.ingresses, { namespace, ...read });
    if (routes) objects.push(...(await client.list(routes, { namespace, ...read })));
    parts.push(...partOf(['objects', 'ingress', `${namespace}.json`], 'ingress', objects.map(asNew)));
  }
  return parts;
}

/** Namespaces of projects with all their roles and bindings, and the lists of people elsewhere. */
async function collectRbac(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const parts: CollectedPart[] = [];
  const namespaces = await projectNamespaces(client, read);
  parts.push(
    ...partOf(['objects', 'rbac', 'namespaces.json'], 'project-namespaces', namespaces.map(asNewNamespace)),
  );
  const kinds = [
    { apiVersion: RBAC, kind: 'Role', plural: 'roles', namespaced: true },
    { apiVersion: RBAC, kind: 'RoleBinding', plural: 'rolebindings', namespaced: true },
  ];
  const bound: KubeObject[] = [];
  for (const kind of kinds) {
    const found: KubeObject[] = [];
    for (const { metadata } of namespaces)
      found.push(...(await client.list(kind, { namespace: metadata.name, ...read })));
    parts.push(...partOf(['objects', 'rbac', `${kind.plural}.json`], 'project-rbac', found.map(asNew)));
    bound.push(...found);
  }
  const people: KubeObject[] = [];
  for (const { apiVersion, kind, name, namespace } of PEOPLE_ELSEWHERE) {
    const resource = await client.resourceFor(apiVersion, kind, read);
    const object =
      resource && (await client.get(resource, { name, ...(namespace ? { namespace } : {}) }, read));
    if (object) people.push(asNew({ ...object, apiVersion, kind }));
  }
  parts.push(...partOf(['objects', 'rbac', 'people.json'], 'people-rbac', people));
  const roles = await handMadeRoles(client, [...bound, ...people], read);
  parts.push(...partOf(['objects', 'rbac', 'clusterroles.json'], 'people-rbac', roles));
  return parts;
}

/** By label; and those that a project itself names, or that have its usual name, when the label was forgotten. */
async function projectNamespaces(client: Reader, read: ReadOptions): Promise<KubeObject[]> {
  const labelled = await client.list(RESOURCES.namespaces, { labelSelector: PROJECT_LABEL, ...read });
  const found = new Map(labelled.map((namespace) => [namespace.metadata.name, namespace]));
  const resource = await storedResource(client, PROJECTS, read);
  const projects = resource ? await client.list(resource, read) : [];
  for (const project of projects) {
    const named = [textAt(project, ['spec', 'namespace']), projectNamespace(project.metadata.name)];
    for (const name of named) {
      if (name === undefined || found.has(name)) continue;
      const namespace = await client.get(RESOURCES.namespaces, { name }, read);
      if (namespace) found.set(name, { ...namespace, apiVersion: 'v1', kind: 'Namespace' });
    }
  }
  return [...found.values()];
}

/** ClusterRoles that bindings point at and that neither a chart nor Kubernetes brings: without them a binding is dead. */
async function handMadeRoles(
  client: Reader,
  bindings: readonly KubeObject[],
  read: ReadOptions,
): Promise<KubeObject[]> {
  const names = bindings.flatMap((binding) =>
    textAt(binding, ['roleRef', 'kind']) === 'ClusterRole'
      ? (textAt(binding, ['roleRef', 'name']) ?? [])
      : [],
  );
  const resource = { apiVersion: RBAC, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false };
  const roles: KubeObject[] = [];
  for (const name of new Set(names)) {
    const role = await client.get(resource, { name }, read);
    const { labels = {} } = role?.metadata ?? {};
    const isMade = labels['app.kubernetes.io/managed-by'] === 'Helm' || BOOTSTRAP in labels;
    if (role && !isMade) roles.push(asNew({ ...role, apiVersion: RBAC, kind: 'ClusterRole' }));
  }
  return roles;
}

/** What users made in the product's namespace; their secrets are among the secrets. */
async function collectAssets(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const objects = new Map<string, KubeObject>();
  for (const labelSelector of ASSET_LABELS) {
    const found = await client.list(RESOURCES.configMaps, {
      namespace: CLUSTER.namespace,
      labelSelector,
      ...read,
    });
    for (const object of found) objects.set(object.metadata.name, asNew(object));
  }
  return partOf(['objects', 'assets.json'], 'user-assets', [...objects.values()]);
}

/** Claims, their volumes and classes as they were: what a restored claim is made from. */
async function collectStorage(client: Reader, read: ReadOptions): Promise<CollectedPart[]> {
  const claims: KubeObject[] = [];
  for (const namespace of PRODUCT)
    claims.push(...(await client.list(RESOURCES.claims, { namespace, ...read })));
  const bound = new Set(claims.map((claim) => valueAt(claim, ['spec', 'volumeName'])));
  const classes = new Set(claims.map((claim) => valueAt(claim, ['spec', 'storageClassName'])));
  const volumes = await client.list(RESOURCES.persistentVolumes, read);
  const storage = await client.list(RESOURCES.storageClasses, read);
  return [
    ...partOf(['objects', 'storage', 'claims.json'], 'claims', claims.map(withoutManagers)),
    ...partOf(
      ['objects', 'storage', 'volumes.json'],
      'volume-definitions',
      volumes.filter(({ metadata }) => bound.has(metadata.name)).map(withoutManagers),
    ),
    ...partOf(
      ['objects', 'storage', 'classes.json'],
      'storage-classes',
      storage.filter(({ metadata }) => classes.has(metadata.name)).map(asNew),
    ),
  ];
}

function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _managers, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** No part for no objects; sorted, so that an unchanged site gives the same bytes. */
function partOf(path: readonly string[], role: string, objects: readonly KubeObject[]): CollectedPart[] {
  if (objects.length === 0) return [];
  const key = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
  const sorted = [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return [{ path, role, meta: { objects: objects.length }, content: formatList(sorted) }];
}
