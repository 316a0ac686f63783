import type { Platform } from './platform.js';
import { SOURCES } from './sources.js';
import { isAtLeast, type Version } from './version.js';

/** Something the site must have; what preflight checks, with where the demand comes from. */
export interface Prerequisite {
  readonly id: string;
  /** The row of preflight that asks for it. */
  readonly row: string;
  readonly what: string;
  /** First and last minor release of major version 2 that it holds for; open when absent. */
  readonly since?: number;
  readonly until?: number;
  readonly platforms?: readonly Platform[];
  /** warn: the product works in part without it. */
  readonly level: 'fail' | 'warn';
  readonly source: string;
}

const source = SOURCES.prerequisites;

export const PREREQUISITES: readonly Prerequisite[] = [
  {
    id: 'kubernetes-version',
    row: 'cluster.version',
    what: 'a Kubernetes (or OpenShift) version of the release’s window',
    level: 'fail',
    source,
  },
  {
    id: 'helm-version',
    row: 'helm.version',
    what: 'Helm, at least of the release’s version, 3.14 for sources from 2.13 on',
    level: 'fail',
    source,
  },
  {
    id: 'cluster-admin',
    row: 'cluster.rights',
    what: 'cluster-admin rights for both charts',
    level: 'fail',
    source,
  },
  {
    id: 'storage-class',
    row: 'storage.class',
    what: 'a default StorageClass',
    since: 9,
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'nfs',
    row: 'storage.space',
    what: 'NFS that all nodes can mount, or another volume for the control plane',
    until: 8,
    level: 'warn',
    source,
  },
  {
    id: 'volume-space',
    row: 'storage.space',
    what: '110 GB of volumes for the control plane',
    level: 'warn',
    source,
  },
  {
    id: 'installer-disk',
    row: 'installer.disk',
    what: '50 GB free on the installer’s machine (images are pushed in place, so less may do)',
    level: 'warn',
    source,
  },
  {
    id: 'ingress-controller',
    row: 'ingress.controller',
    what: 'an ingress controller with an IngressClass',
    since: 9,
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'prometheus',
    row: 'prometheus',
    what: 'a Prometheus operator with its definitions',
    since: 9,
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'gpu-operator',
    row: 'gpu.operator',
    what: 'the NVIDIA GPU operator of the release’s window',
    since: 4,
    level: 'warn',
    source,
  },
  {
    id: 'domain',
    row: 'domain.dns',
    what: 'a fully qualified domain name that resolves to the ingress',
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'backend-tls',
    row: 'tls.backend',
    what: 'the secret runai-backend-tls with full chain and fitting key',
    since: 11,
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'cluster-tls',
    row: 'tls.cluster',
    what: 'the secret runai-cluster-domain-tls-secret in runai',
    since: 8,
    platforms: ['kubernetes'],
    level: 'fail',
    source,
  },
  {
    id: 'ca-secret',
    row: 'ca.secret',
    what: 'the secret runai-ca-cert with key runai-ca.pem where a private CA is used',
    since: 13,
    level: 'warn',
    source,
  },
  {
    id: 'pull-secret',
    row: 'registry.pull-secret',
    what: 'the secret runai-reg-creds where the registry wants a login',
    since: 13,
    level: 'warn',
    source,
  },
  {
    id: 'system-node',
    row: 'nodes.size',
    what: 'a node of the size that the release asks for',
    level: 'warn',
    source,
  },
  {
    id: 'node-labels',
    row: 'nodes.labels',
    what: 'the labels of system, GPU and CPU worker nodes, none on a control-plane node',
    level: 'warn',
    source,
  },
  { id: 'clock', row: 'clock.skew', what: 'clocks of the nodes within a minute', level: 'fail', source },
  {
    id: 'pod-security',
    row: 'namespace.pod-security',
    what: 'pod security that admits privileged pods in runai',
    level: 'fail',
    source,
  },
  {
    id: 'architecture',
    row: 'nodes.architecture',
    what: 'amd64 nodes for the control plane',
    since: 18,
    level: 'fail',
    source,
  },
  {
    id: 'postgresql-version',
    row: 'database.external',
    what: 'PostgreSQL 16 or later where the database is the customer’s',
    since: 17,
    level: 'fail',
    source,
  },
  {
    id: 'router-certificate',
    row: 'openshift.router',
    what: 'a router certificate that is trusted',
    platforms: ['openshift'],
    level: 'warn',
    source,
  },
  {
    id: 'identity-provider',
    row: 'openshift.identity',
    what: 'an identity provider',
    platforms: ['openshift'],
    level: 'warn',
    source,
  },
  {
    id: 'nfd',
    row: 'openshift.nfd',
    what: 'Node Feature Discovery and the GPU operator in nvidia-gpu-operator',
    platforms: ['openshift'],
    level: 'warn',
    source,
  },
];

/** What holds for a release on a platform. */
export function prerequisitesOf(release: Version, platform: Platform): Prerequisite[] {
  return PREREQUISITES.filter((row) => {
    const since = row.since === undefined || isAtLeast(release, 2, row.since);
    const until = row.until === undefined || !isAtLeast(release, 2, row.until + 1);
    return since && until && (row.platforms === undefined || row.platforms.includes(platform));
  });
}

export const NODE_LABELS = {
  system: 'node-role.kubernetes.io/runai-system',
  gpu: 'node-role.kubernetes.io/runai-gpu-worker',
  cpu: 'node-role.kubernetes.io/runai-cpu-worker',
} as const;

/** Sizes in GB (10^9 bytes). */
export const SIZES = { controlPlaneVolumes: 110, installerDisk: 50, imageScratch: 20 } as const;

/** From 2.18 on the control plane wants this much on top of the cluster part's node. */
export const CONTROL_PLANE_EXTRA = { since: 18, cores: 10, memory: 12 } as const;

/** Optional parts whose images are not known to be carried; versions by release. */
export const OPTIONAL_PARTS = [
  { name: 'Knative', since: 9, versions: '>=1.4 <=1.8' },
  { name: 'Knative', since: 18, versions: '>=1.4 <=1.12' },
  { name: 'Knative', since: 20, versions: '>=1.11 <=1.16' },
  { name: 'training-operator', since: 10, versions: '=1.5.0' },
  { name: 'training-operator', since: 18, versions: '=1.7' },
  { name: 'training-operator', since: 20, versions: '=1.8.1' },
] as const;
