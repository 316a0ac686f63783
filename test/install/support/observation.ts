import { createHash } from 'node:crypto';
import type { BundleChart, Manifest } from '../../../src/bundle/manifest.js';
import type { Release } from '../../../src/helm/release.js';
import type { PlanRequest } from '../../../src/install/plan.js';
import { parseRegistryAddress } from '../../../src/install/registry-address.js';
import type { Observation, RegistryFacts, ReleaseFacts } from '../../../src/install/site.js';
import { parseVersion, type Version } from '../../../src/runai/version.js';

/** Digest of a chart's tgz, another one for each release. */
export function chartSha(role: 'control-plane' | 'cluster', release: string): string {
  return createHash('sha256').update(`${role} ${release}`).digest('hex');
}

export function version(text: string): Version {
  const parsed = parseVersion(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

/** A manifest of a release from 2.12 on, with one image. */
export function manifestOf(release: string): Manifest {
  const charts: BundleChart[] = [
    {
      role: 'control-plane',
      release: 'runai-backend',
      namespace: 'runai-backend',
      name: 'control-plane',
      version: release,
      path: 'runai-backend/control-plane.tgz',
      imageValues: { 'global.image.registry': '{{registry}}' },
    },
    {
      role: 'cluster',
      release: 'runai-cluster',
      namespace: 'runai',
      name: 'runai-cluster',
      version: release,
      path: 'runai-cluster.tgz',
      imageValues: { 'runai-operator.config.global.image.registry': '{{registry}}' },
    },
  ];
  return {
    schemaVersion: 1,
    product: 'runai',
    version: release,
    minTool: '0.1.0',
    platforms: ['linux/amd64'],
    sourceDate: 0,
    relocate: 'flat',
    requires: { kubernetes: '>=1.19 <1.40' },
    upgrade: { from: '>=2.7' },
    charts,
    crds: ['runai-crds.yaml'],
    images: [],
    tools: [],
    coverage: 'rendered',
    entries: [
      { path: 'runai-backend/control-plane.tgz', size: 1, sha256: chartSha('control-plane', release) },
      { path: 'runai-cluster.tgz', size: 1, sha256: chartSha('cluster', release) },
    ],
  };
}

/** One revision of a release as it would be decoded. */
export function revision(more: Partial<Release> & { readonly chart: Release['chart'] }): Release {
  return {
    name: 'runai-backend',
    namespace: 'runai-backend',
    revision: 1,
    status: 'deployed',
    description: 'Install complete',
    firstDeployed: '2026-01-01T00:00:00Z',
    lastDeployed: '2026-01-01T00:00:00Z',
    values: {},
    defaults: {},
    manifest: '',
    labels: {},
    ...more,
  };
}

/** A site without the product: one node of Kubernetes 1.28, an empty registry. */
export function emptySite(more: Partial<Observation> = {}): Observation {
  return {
    cluster: {
      uid: '11111111-1111-1111-1111-111111111111',
      context: 'site',
      server: 'https://10.0.0.1:6443',
      version: { major: 1, minor: 28, gitVersion: 'v1.28.3' },
      nodes: 1,
      platforms: ['linux/amd64'],
    },
    releases: new Map(),
    crds: {
      findings: { storedVersions: [], incompatible: [] },
      inFile: 2,
      toApply: ['a.run.ai', 'b.run.ai'],
    },
    registry: registryOf(),
    product: {
      platform: 'kubernetes',
      nginxEnabled: true,
      nginxOwned: { webhook: false, ingressClass: false },
      claims: [],
      namespaces: ['default', 'kube-system'],
      kubeletService: false,
      backendIngress: false,
      backendTls: true,
    },
    ...more,
  } as Observation;
}

export function registryOf(more: Partial<RegistryFacts> = {}): RegistryFacts {
  return {
    address: parseRegistryAddress('reg.site:5000'),
    plainHttp: false,
    state: { images: 1, missing: ['web:1'], different: [] },
    needsLogin: false,
    withoutPullSecret: [],
    ...more,
  };
}

export function releaseFacts(
  release: string,
  ...revisions: ReleaseFacts['revisions'][number][]
): ReleaseFacts {
  return { release, namespace: release === 'runai-cluster' ? 'runai' : release, revisions };
}

export function requestOf(release: string, more: Partial<PlanRequest> = {}): PlanRequest {
  const none = { values: {}, settings: [] };
  return {
    manifest: manifestOf(release),
    bundleId: 'c'.repeat(64),
    overrides: { 'control-plane': none, cluster: none, prerequisite: none },
    skipPush: false,
    canary: false,
    domain: 'runai.site',
    ...more,
  };
}
