import { releaseNameOf } from '../helm/marks.js';
import { isDecoded, type Release } from '../helm/release.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../kube/types.js';
import { versionOfRelease } from '../runai/era.js';
import { BACKEND, CLUSTER, OBJECTS, type ObjectRef, OLD_CLUSTER_RELEASE } from '../runai/names.js';
import { platformOf } from '../runai/platform.js';
import type { Site } from '../runai/site.js';
import { LEFTOVER_KINDS } from '../runai/steps/cluster.js';
import { isAtLeast, type Version } from '../runai/version.js';
import { belongingOf, WORKLOAD_KINDS } from './belonging.js';
import type { ReleaseFacts } from './site.js';
import { listKind } from './steps/objects.js';
import { valueAt } from './values.js';

type Read = { readonly signal?: AbortSignal };

/** Reads what the product's table of steps asks for. */
export async function observeProduct(
  client: KubeClient,
  releases: ReadonlyMap<string, ReleaseFacts>,
  read: Read,
): Promise<Site> {
  const platform = platformOf(await client.groups(read));
  const backend = current(releases.get(BACKEND.release));
  const cluster = current(releases.get(CLUSTER.release)) ?? current(releases.get(OLD_CLUSTER_RELEASE));
  const backendVersion = versionOf(backend);
  const clusterVersion = versionOf(cluster);
  const claims = await client.list(RESOURCES.claims, { namespace: BACKEND.namespace, ...read });
  const namespaces = await client.list(RESOURCES.namespaces, read);
  const there = async (ref: ObjectRef): Promise<KubeObject | undefined> => getRef(client, ref, read);
  const webhook = await there(OBJECTS.nginxWebhook);
  const ingressClass = await there(OBJECTS.nginxClass);
  const firstAdmin = valueAt(backend?.values, ['backend', 'openshiftIdp', 'firstAdmin']);
  const domain = platform === 'openshift' ? await openshiftDomain(client, read) : undefined;
  const unmarked = await unmarkedOf(client, { cluster, version: clusterVersion }, read);
  return {
    platform,
    ...(unmarked.length === 0 ? {} : { unmarked }),
    ...(backendVersion === undefined ? {} : { backend: backendVersion }),
    ...(clusterVersion === undefined ? {} : { cluster: clusterVersion }),
    ...(cluster === undefined ? {} : { clusterRelease: cluster.name }),
    nginxEnabled: nginxFlag(backend) !== false,
    nginxOwned: { webhook: isBackends(webhook), ingressClass: isBackends(ingressClass) },
    claims: claims.map((claim) => claim.metadata.name),
    namespaces: namespaces.map((namespace) => namespace.metadata.name),
    kubeletService: (await there(OBJECTS.kubeletService)) !== undefined,
    backendIngress: (await there(OBJECTS.backendIngress)) !== undefined,
    backendTls: (await there(OBJECTS.backendTls)) !== undefined,
    ...(domain === undefined ? {} : { openshiftDomain: domain }),
    ...(typeof firstAdmin === 'string' ? { openshiftFirstAdmin: firstAdmin } : {}),
  };
}

/** Only a cluster that may have to be reinstalled leaves anything to be deleted by kind. */
async function unmarkedOf(
  client: KubeClient,
  { cluster, version }: { readonly cluster: Release | undefined; readonly version: Version | undefined },
  read: Read,
): Promise<ObjectRef[]> {
  if (cluster === undefined) return [];
  if (version !== undefined && isAtLeast(version, 2, 9) && cluster.name === CLUSTER.release) return [];
  const { namespace } = CLUSTER;
  const signal = read.signal ?? new AbortController().signal;
  const whose = { release: cluster.name, namespace };
  const refs: ObjectRef[] = [];
  for (const { apiVersion, kind } of LEFTOVER_KINDS.filter((one) => WORKLOAD_KINDS.includes(one.kind))) {
    for (const { object } of await listKind(client, { apiVersion, kind }, { namespace, signal })) {
      const belonging = await belongingOf(client, { ...object, kind }, { whose, signal });
      if (belonging === 'unmarked') refs.push({ apiVersion, kind, namespace, name: object.metadata.name });
    }
  }
  return refs;
}

/** The revision that runs: the last deployed one, else the last one that was tried. */
export function current(facts: Pick<ReleaseFacts, 'revisions'> | undefined): Release | undefined {
  const decoded = (facts?.revisions ?? []).filter(isDecoded);
  const last = decoded.at(-1);
  if (last?.status === 'uninstalled') return undefined;
  return decoded.findLast((release) => release.status === 'deployed') ?? last;
}

/** What the operator gave, else what the chart says. */
function nginxFlag(backend: Release | undefined): unknown {
  const path = ['nginx-ingress', 'enabled'];
  return valueAt(backend?.values, path) ?? valueAt(backend?.defaults, path);
}

function versionOf(release: Release | undefined): Version | undefined {
  if (release === undefined) return undefined;
  const { name, chart } = release;
  return versionOfRelease({ release: name, chart: chart.name, version: chart.version })?.version;
}

function isBackends(object: KubeObject | undefined): boolean {
  return object !== undefined && releaseNameOf(object) === BACKEND.release;
}

async function getRef(client: KubeClient, ref: ObjectRef, read: Read): Promise<KubeObject | undefined> {
  const resource = await client.resourceFor(ref.apiVersion, ref.kind, read);
  if (resource === undefined) return undefined;
  const { name, namespace } = ref;
  return client.get(resource, { name, ...(namespace === undefined ? {} : { namespace }) }, read);
}

const INGRESS_CONFIG: Resource = {
  apiVersion: 'config.openshift.io/v1',
  kind: 'Ingress',
  plural: 'ingresses',
  namespaced: false,
};

/** `example.com` of the cluster's `apps.example.com`. */
async function openshiftDomain(client: KubeClient, read: Read): Promise<string | undefined> {
  const config = await client.get(INGRESS_CONFIG, { name: 'cluster' }, read);
  const domain = valueAt(config, ['spec', 'domain']);
  return typeof domain === 'string' ? domain.replace(/^apps\./, '') : undefined;
}
