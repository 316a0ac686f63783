import { type BundleChart, NAMES } from '../bundle/manifest.js';
import type { Payload } from '../bundle/payload.js';
import {
  decodeRelease,
  isDecoded,
  type Release,
  type ReleaseSecret,
  releaseSelector,
} from '../helm/release.js';
import { readLiveCrds } from '../kube/crd-apply.js';
import { checkCrds, sameSpec } from '../kube/crd-check.js';
import { type Crd, parseCrds } from '../kube/crd-file.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { BACKEND, CLUSTER, OLD_CLUSTER_RELEASE } from '../runai/names.js';
import { type Passwords, POSTGRES, passwordsIn } from '../runai/postgres.js';
import { observeProduct } from './observe-product.js';
import type { ClusterFacts, CrdFacts, Observation, RegistryFacts, ReleaseFacts } from './site.js';

export interface ObserveOptions {
  readonly client: KubeClient;
  readonly bundle: Payload;
  /** The bundle's CRDs; empty when it has none. */
  readonly crds: readonly Crd[];
  readonly registry?: RegistryFacts;
  readonly signal?: AbortSignal;
}

/** The bundle's CRDs, from bytes that were checked. */
export async function readBundleCrds(bundle: Payload): Promise<Crd[]> {
  if (bundle.manifest.crds.length === 0) return [];
  return parseCrds((await bundle.read(NAMES.crds)).toString('utf8'), NAMES.crds);
}

/** Reads the site; changes nothing. */
export async function observe(options: ObserveOptions): Promise<Observation> {
  const { client, bundle, registry } = options;
  const read = options.signal === undefined ? {} : { signal: options.signal };
  const cluster = await readCluster(client, read);
  const releases = new Map<string, ReleaseFacts>();
  // Both parts, whichever the bundle carries: the one that stays decides what the other may become.
  const old = { release: OLD_CLUSTER_RELEASE, namespace: CLUSTER.namespace };
  for (const { release, namespace } of [BACKEND, CLUSTER, old, ...bundle.manifest.charts])
    releases.set(release, await readRelease(client, { release, namespace }, read));
  const crds = await readCrds(client, options.crds, options.signal);
  const product = await observeProduct(client, releases, read);
  const passwords = await readPasswords(client, read);
  return { cluster, releases, crds, product, passwords, ...(registry === undefined ? {} : { registry }) };
}

type Read = { readonly signal?: AbortSignal };

/** The passwords that the database's data directory was made with, under the keys of either era. */
async function readPasswords(client: KubeClient, read: Read): Promise<Passwords> {
  const { secret: name, namespace } = POSTGRES;
  const secret = await client.get<KubeObject & { data?: Record<string, string> }>(
    RESOURCES.secrets,
    { name, namespace },
    read,
  );
  const pairs = Object.entries(secret?.data ?? {});
  return passwordsIn(
    Object.fromEntries(pairs.map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')])),
  );
}

/** Version, identity and nodes. */
export async function readCluster(client: KubeClient, read: Read): Promise<ClusterFacts> {
  const version = await client.version(read);
  const uid = await client.clusterUid(read);
  const nodes = await client.list(RESOURCES.nodes, read);
  return {
    uid,
    context: client.context,
    server: client.server,
    version,
    nodes: nodes.length,
    platforms: [...new Set(nodes.map(platformOfNode))].sort(),
  };
}

function platformOfNode(node: KubeObject): string {
  const labels = node.metadata.labels ?? {};
  return `${labels['kubernetes.io/os'] ?? 'unknown'}/${labels['kubernetes.io/arch'] ?? 'unknown'}`;
}

/** A release by its Secrets: the only record that tells pending from done (threats.md, section 3). */
export async function readRelease(
  client: KubeClient,
  chart: Pick<BundleChart, 'release' | 'namespace'>,
  read: Read = {},
): Promise<ReleaseFacts> {
  const { release, namespace } = chart;
  const labelSelector = releaseSelector(release);
  const secrets = await client.list<KubeObject & ReleaseSecret>(RESOURCES.secrets, {
    namespace,
    labelSelector,
    pageSize: 5,
    ...read,
  });
  const revisions = secrets.map(decodeRelease).sort((a, b) => a.revision - b.revision);
  const last = revisions.filter(isDecoded).at(-1);
  const owner = last === undefined ? undefined : ownerOf(last);
  return { release, namespace, revisions, ...(owner === undefined ? {} : { owner }) };
}

/** Marks that tools for continuous delivery leave on what they render (threats 116). */
function ownerOf(release: Release): string | undefined {
  if ('helm.toolkit.fluxcd.io/name' in release.labels) return 'Flux';
  if (/argocd\.argoproj\.io\/(instance|tracking-id)/.test(release.manifest)) return 'Argo CD';
  if (/olm\.owner(\.|:)/.test(release.manifest)) return 'OLM';
  return undefined;
}

async function readCrds(
  client: KubeClient,
  crds: readonly Crd[],
  signal: AbortSignal | undefined,
): Promise<CrdFacts> {
  const live = await readLiveCrds(client, crds, signal);
  const byName = new Map(live.map((crd) => [crd.metadata.name, crd]));
  const toApply = crds.filter((crd) => {
    const old = byName.get(crd.metadata.name);
    return !old || !sameSpec(crd.spec, old.spec);
  });
  return {
    findings: checkCrds(crds, live),
    inFile: crds.length,
    toApply: toApply.map((crd) => crd.metadata.name),
  };
}
