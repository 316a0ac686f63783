import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect } from '../../../src/kube/client.js';
import type { KubeObject } from '../../../src/kube/types.js';

/** A kind that the fake serves beyond what every test has. */
export interface Served {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface Seen {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: Record<string, unknown> | undefined;
}

export interface FakeApi {
  readonly kubeconfig: string;
  readonly client: Connection;
  /** Every request that would change something, in order. */
  readonly writes: Seen[];
  /** Puts an object there as it is, with UID and resourceVersion when it has none. */
  put(object: KubeObject): KubeObject;
  get(kind: string, name: string, namespace?: string): KubeObject | undefined;
  remove(kind: string, name: string, namespace?: string): void;
  /** Decides about a request before the store does; undefined leaves it to the store. */
  intercept: ((seen: Seen) => { status: number; reason: string } | undefined) | undefined;
  /** Called after each change of the store: controllers live here. */
  onChange: ((api: FakeApi) => void) | undefined;
  close(): Promise<void>;
}

const SERVED: readonly Served[] = [
  ['v1', 'Secret', 'secrets', true],
  ['v1', 'ConfigMap', 'configmaps', true],
  ['v1', 'Service', 'services', true],
  ['v1', 'ServiceAccount', 'serviceaccounts', true],
  ['v1', 'Pod', 'pods', true],
  ['v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', true],
  ['v1', 'PersistentVolume', 'persistentvolumes', false],
  ['v1', 'Namespace', 'namespaces', false],
  ['v1', 'Node', 'nodes', false],
  ['v1', 'Event', 'events', true],
  ['apps/v1', 'Deployment', 'deployments', true],
  ['apps/v1', 'StatefulSet', 'statefulsets', true],
  ['apps/v1', 'DaemonSet', 'daemonsets', true],
  ['apps/v1', 'ReplicaSet', 'replicasets', true],
  ['batch/v1', 'Job', 'jobs', true],
  ['networking.k8s.io/v1', 'Ingress', 'ingresses', true],
  ['networking.k8s.io/v1', 'IngressClass', 'ingressclasses', false],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    false,
  ],
  ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', false],
  ['rbac.authorization.k8s.io/v1', 'Role', 'roles', true],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', true],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', false],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', false],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', false],
  ['storage.k8s.io/v1', 'StorageClass', 'storageclasses', false],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', false],
  ['run.ai/v1', 'RunaiConfig', 'runaiconfigs', true],
  ['run.ai/v2alpha1', 'Project', 'projects', false],
  ['run.ai/v1alpha1', 'AccessRule', 'accessrules', false],
  ['run.ai/v2alpha1', 'TrainingPolicy', 'trainingpolicies', true],
  ['engine.run.ai/v1alpha1', 'Config', 'configs', false],
  ['route.openshift.io/v1', 'Route', 'routes', true],
  ['snapshot.storage.k8s.io/v1', 'VolumeSnapshot', 'volumesnapshots', true],
  ['snapshot.storage.k8s.io/v1', 'VolumeSnapshotContent', 'volumesnapshotcontents', false],
  ['snapshot.storage.k8s.io/v1', 'VolumeSnapshotClass', 'volumesnapshotclasses', false],
].map(([apiVersion, kind, plural, namespaced]) => ({ apiVersion, kind, plural, namespaced }) as Served);

/** An API server over HTTP on loopback: UIDs, resource versions, preconditions, finalizers, merge patches, selectors. */
export async function startFakeApi(): Promise<FakeApi> {
  const store = new Map<string, KubeObject>();
  let version = 1;
  const writes: Seen[] = [];
  const api = {
    writes,
    intercept: undefined as FakeApi['intercept'],
    onChange: undefined as FakeApi['onChange'],
  } as FakeApi;

  const stamp = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { uid: randomUUID(), ...object.metadata, resourceVersion: String(version++) },
  });
  const keyOf = (served: Served, name: string, namespace?: string): string =>
    `${pathOf(served, namespace)}/${name}`;
  const servedOf = (kind: string): Served => SERVED.find((one) => one.kind === kind) as Served;
  const save = (key: string, object: KubeObject): KubeObject => {
    const stamped = stamp(object);
    const dying = stamped.metadata.deletionTimestamp !== undefined;
    if (dying && !stamped.metadata.finalizers?.length) store.delete(key);
    else store.set(key, stamped);
    api.onChange?.(api);
    return stamped;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const body = await readBody(request);
    const seen: Seen = { method: request.method ?? 'GET', path: url.pathname, body };
    const fault = api.intercept?.(seen);
    if (seen.method !== 'GET') writes.push(seen);
    if (fault) return answer(response, fault.status, statusOf(fault.status, fault.reason));
    const discovered = discover(url.pathname);
    if (discovered) return answer(response, 200, discovered);
    const served = SERVED.find((one) => pattern(one).test(url.pathname));
    const match = served && pattern(served).exec(url.pathname);
    if (!served || !match) return answer(response, 404, statusOf(404, 'NotFound'));
    const { namespace, name } = match.groups as { namespace?: string; name?: string };
    const ok = (object: unknown): void => answer(response, 200, object);
    const not = (status: number, reason: string): void => answer(response, status, statusOf(status, reason));
    if (name === undefined && seen.method === 'GET') {
      return ok({
        metadata: {},
        items: list(served, { namespace, selector: url.searchParams.get('labelSelector') }),
      });
    }
    if (name === undefined) {
      const object = decodeStringData(body as unknown as KubeObject);
      const key = keyOf(served, object.metadata.name, object.metadata.namespace);
      return store.has(key) ? not(409, 'AlreadyExists') : answer(response, 201, save(key, object));
    }
    const key = keyOf(served, name, namespace);
    const live = store.get(key);
    if (live === undefined) return not(404, 'NotFound');
    if (seen.method === 'GET') return ok(live);
    if (seen.method === 'DELETE') {
      const wanted = (body as { preconditions?: { uid?: string } } | undefined)?.preconditions?.uid;
      if (wanted !== undefined && wanted !== live.metadata.uid) return not(409, 'Conflict');
      const deletionTimestamp = live.metadata.deletionTimestamp ?? new Date(0).toISOString();
      return ok(save(key, { ...live, metadata: { ...live.metadata, deletionTimestamp } }));
    }
    const given = (body?.['metadata'] as { resourceVersion?: string } | undefined)?.resourceVersion;
    if (given !== undefined && given !== live.metadata.resourceVersion) return not(409, 'Conflict');
    const next = seen.method === 'PUT' ? body : mergePatch(live, body);
    return ok(save(key, next as unknown as KubeObject));
  };

  const list = (
    served: Served,
    where: { namespace?: string | undefined; selector: string | null },
  ): KubeObject[] => {
    const inside = [...store.values()].filter(
      (object) =>
        object.kind === served.kind &&
        (where.namespace === undefined || object.metadata.namespace === where.namespace),
    );
    const wanted = (where.selector ?? '')
      .split(',')
      .filter(Boolean)
      .map((part) => part.split('='));
    return inside.filter((object) =>
      wanted.every(([label = '', value]) => object.metadata.labels?.[label] === value),
    );
  };

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'airgap-fake-api-'));
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${port}`));
  const client = await connect({ kubeconfig, env: {}, retries: 2, retryDelay: 5 });
  return Object.assign(api, {
    client,
    kubeconfig,
    put: (object: KubeObject) => {
      const served = servedOf(object.kind ?? '');
      const { name, namespace } = object.metadata;
      const stamped = stamp(object);
      store.set(keyOf(served, name, namespace), stamped);
      return stamped;
    },
    get: (kind: string, name: string, namespace?: string) =>
      store.get(keyOf(servedOf(kind), name, namespace)),
    remove: (kind: string, name: string, namespace?: string) => {
      store.delete(keyOf(servedOf(kind), name, namespace));
    },
    close: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

function pathOf(served: Served, namespace?: string): string {
  const root = served.apiVersion.includes('/') ? `/apis/${served.apiVersion}` : `/api/${served.apiVersion}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${served.plural}`;
}

function pattern(served: Served): RegExp {
  const root = served.apiVersion.includes('/') ? `/apis/${served.apiVersion}` : `/api/${served.apiVersion}`;
  const scope = served.namespaced ? '(?:/namespaces/(?<namespace>[^/]+))?' : '';
  return new RegExp(`^${root}${scope}/${served.plural}(?:/(?<name>[^/]+))?$`);
}

function discover(path: string): unknown {
  if (path === '/version') return { major: '1', minor: '28', gitVersion: 'v1.28.3' };
  if (path === '/apis') {
    const groups = SERVED.flatMap(({ apiVersion }) => apiVersion.match(/^(.+)\//)?.[1] ?? []);
    return { groups: [...new Set(groups)].map((name) => ({ name })) };
  }
  const apiVersion = path.replace(/^\/apis?\//, '');
  const resources = SERVED.filter((one) => one.apiVersion === apiVersion);
  if (resources.length === 0) return undefined;
  return { resources: resources.map(({ plural, kind, namespaced }) => ({ name: plural, kind, namespaced })) };
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(typeof target === 'object' ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function decodeStringData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object as KubeObject & { stringData?: Record<string, string> };
  if (stringData === undefined) return object;
  const pairs = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { ...rest, data: Object.fromEntries(pairs) };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function statusOf(code: number, reason: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason };
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server } }],
    users: [{ name: 'fake', user: { token: 'fake' } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    'current-context': 'fake',
  });
}
