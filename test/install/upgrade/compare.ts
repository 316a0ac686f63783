import { decodeRelease, isDecoded, type ReleaseSecret } from '../../../src/helm/release.js';

/** An object as kubectl prints it. */
export interface Dumped {
  readonly kind: string;
  readonly metadata: Meta;
  readonly [field: string]: unknown;
}

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  readonly [field: string]: unknown;
}

/** Kinds that say nothing about what an upgrade left, each with the reason. */
export const NOT_COMPARED: Readonly<Record<string, string>> = {
  events: 'what happened, not what is',
  'events.events.k8s.io': 'the same again',
  'leases.coordination.k8s.io': 'who holds what at the moment',
  endpoints: 'addresses of pods',
  'endpointslices.discovery.k8s.io': 'addresses of pods',
  nodes: 'heartbeats',
  componentstatuses: 'no objects',
  'csinodes.storage.k8s.io': 'heartbeats',
  'ipaddresses.networking.k8s.io': 'addresses that services were given',
};

/** Keys of how often helm was called. */
export const REVISION = 'revision of ';

/** Set by the server, by the clock or by chance; in no object does it say what the upgrade made. */
const SERVER_SET = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'];

/** The two end states, object by object, without what only the server, the clock or chance sets. */
export function comparable(items: readonly Dumped[]): Record<string, unknown> {
  const volumes = claimsByVolume(items);
  const all = new Map<string, unknown[]>();
  for (const item of lastRevisions(items.filter(isCompared))) {
    const key = keyOf(item, volumes);
    all.set(key, [...(all.get(key) ?? []), plain(item, volumes)]);
    // Helm was called once more than needed: its hooks and migrations ran twice.
    if (isRelease(item)) all.set(`${REVISION}${key}`, [item.metadata.labels?.['version']]);
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where two states differ, a line for each place; without what secrets hold. */
export function differences(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): string[] {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return keys.flatMap((key) => {
    const places: string[] = [];
    walk('', [one[key], other[key]], places);
    return places.map(
      (place) => `${key}${/^(Secret|release) /.test(key) ? place.replace(/: .*/, '') : place}`,
    );
  });
}

function walk(path: string, [one, other]: readonly [unknown, unknown], places: string[]): void {
  if (JSON.stringify(one) === JSON.stringify(other)) return;
  if (isTree(one) && isTree(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    for (const name of names) walk(`${path}.${name}`, [one[name], other[name]], places);
    return;
  }
  const text = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 200);
  places.push(`${path}: ${text(one)} / ${text(other)}`);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The record of the run lies in the cluster under the run's own name. */
function isCompared({ kind, metadata: { name, namespace } }: Dumped): boolean {
  return !(namespace === 'kube-system' && /^airgap-/.test(name) && ['ConfigMap', 'Secret'].includes(kind));
}

/** Of each release only the last revision, whose number is how often helm was called. */
function lastRevisions(items: readonly Dumped[]): Dumped[] {
  const revision = (item: Dumped): number => Number(item.metadata.labels?.['version']);
  const last = new Map<string, Dumped>();
  for (const item of items.filter(isRelease)) {
    const name = item.metadata.labels?.['name'] ?? '';
    const other = last.get(name);
    if (other === undefined || revision(other) < revision(item)) last.set(name, item);
  }
  return items.filter((item) => !isRelease(item) || [...last.values()].includes(item));
}

function isRelease(item: Dumped): boolean {
  return item['type'] === 'helm.sh/release.v1';
}

type Claims = ReadonlyMap<string, string>;

/** Volumes are named after the UIDs of their claims. */
function claimsByVolume(items: readonly Dumped[]): Claims {
  const claims = items.filter(({ kind }) => kind === 'PersistentVolumeClaim');
  return new Map(
    claims.map(({ metadata, ...rest }) => {
      const { volumeName = '' } = (rest as { spec?: { volumeName?: string } }).spec ?? {};
      return [volumeName, `${metadata.namespace}/${metadata.name}`] as const;
    }),
  );
}

function keyOf(item: Dumped, volumes: Claims): string {
  const { kind, metadata } = item;
  const where = metadata.namespace === undefined ? '' : `${metadata.namespace}/`;
  if (isRelease(item)) return `release ${where}${metadata.labels?.['name']}`;
  const owner = metadata.ownerReferences?.[0];
  if (kind === 'Pod' && owner) return `Pod of ${owner.kind} ${where}${owner.name}`;
  return `${kind} ${where}${volumes.get(metadata.name) ?? metadata.name}`;
}

function plain(item: Dumped, volumes: Claims): unknown {
  if (isRelease(item)) return releaseOf(item);
  if (item.kind === 'Pod') return podOf(item);
  const { status: _status, metadata, ...rest } = item;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([name]) => !SERVER_SET.includes(name)));
  const owners = metadata.ownerReferences?.map(({ kind, name }) => `${kind} ${name}`);
  const { name: _name, ...meta } = kept;
  return {
    ...withoutChance(rest, volumes),
    metadata: { ...meta, ...(owners ? { ownerReferences: owners } : {}) },
  };
}

/** What helm made of it; not when, how often and by which run. */
function releaseOf(item: Dumped): unknown {
  const release = decodeRelease(item as unknown as ReleaseSecret);
  if (!isDecoded(release)) return release;
  const { chart, status, values, manifest } = release;
  return { chart, status, values, manifest };
}

/** Names of pods and of their tokens are chance. */
function podOf(item: Dumped): unknown {
  const { containers = [], serviceAccountName } = (item as { spec?: PodSpec }).spec ?? {};
  const { phase } = (item as { status?: { phase?: string } }).status ?? {};
  return {
    phase,
    serviceAccountName,
    containers: containers.map(({ name, image, env }) => ({ name, image, env })),
  };
}

interface PodSpec {
  readonly serviceAccountName?: string;
  readonly containers?: readonly { readonly name: string; readonly image: string; readonly env?: unknown }[];
}

/** Addresses, ports and names of volumes that the cluster hands out. */
function withoutChance(rest: Record<string, unknown>, volumes: Claims): Record<string, unknown> {
  const { spec } = rest as { spec?: Record<string, unknown> };
  if (spec === undefined || spec === null || typeof spec !== 'object' || Array.isArray(spec)) return rest;
  const { clusterIP, clusterIPs: _ips, claimRef, hostPath, volumeName, ...others } = spec;
  const claim = volumes.get(String(volumeName)) ?? (claimRef && claimText(claimRef as Ref));
  return {
    ...rest,
    spec: {
      ...others,
      ...(clusterIP === 'None' ? { clusterIP } : {}),
      ...(claim ? { claim } : {}),
      ...(hostPath === undefined || claimRef !== undefined ? {} : { hostPath }),
    },
  };
}

interface Ref {
  readonly namespace?: string;
  readonly name?: string;
}

function claimText({ namespace, name }: Ref): string {
  return `${namespace}/${name}`;
}
