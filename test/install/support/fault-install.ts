import assert from 'node:assert/strict';
import { join } from 'node:path';
import { definition, type FaultSite, type Manifest, type TinyRelease } from './fault-site.js';
import type { Ran, Running } from './node.js';

export const CLUSTER = { release: 'runai-cluster', namespace: 'runai' } as const;

/** The cluster part alone: it needs no database, so it is up within seconds. */
export function clusterBundle(site: FaultSite, version = '2.13.66'): string {
  return site.bundle(version, `cluster-${version}`, (spec) => {
    spec.charts = spec.charts.filter(({ role }) => role === 'cluster');
  });
}

export function startInstall(site: FaultSite, bundle: string, ...flags: readonly string[]): Running {
  const registry = flags.includes('--registry') ? [] : ['--registry', site.node.registry];
  return site.node.start([
    'install',
    bundle,
    ...registry,
    '--plain-http',
    '--yes',
    '--timeout',
    '4m',
    ...flags,
  ]);
}

export function ended(ran: Ran, status: number): Ran {
  assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
  return ran;
}

export interface Revision {
  readonly revision: number;
  readonly status: string;
}

export function history(site: FaultSite, { release, namespace }: typeof CLUSTER = CLUSTER): Revision[] {
  const { status, out } = site.node.node('exec', 'helm', 'history', release, '-n', namespace, '-o', 'json');
  if (status !== 0) return [];
  return (JSON.parse(out) as Revision[]).map((row) => ({ revision: row.revision, status: row.status }));
}

/** Version of every object that an install could touch; leases and events come and go by themselves. */
export function fingerprint(site: FaultSite): string {
  const kinds =
    'secrets,configmaps,deployments,daemonsets,statefulsets,services,serviceaccounts,ingresses,roles,rolebindings,clusterroles,clusterrolebindings,customresourcedefinitions,namespaces,pvc';
  const columns = 'K:.kind,S:.metadata.namespace,N:.metadata.name,U:.metadata.uid,G:.metadata.generation';
  const all = site.node.kubectl('get', kinds, '-A', '-o', `custom-columns=${columns}`);
  const secrets = site.node.kubectl(
    'get',
    'secrets',
    '-A',
    '-o',
    'custom-columns=V:.metadata.resourceVersion',
  );
  return `${all}\n${secrets}`;
}

export const QUOTA = (pods: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'tight', namespace: 'runai' },
  spec: { hard: { pods } },
});
/** Data in a release. */
export const CLAIM: Manifest = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'kept-by-nobody' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
};
/** A definition of the bundle whose stored version the bundle's file does not have. */
export const STORED = definition({
  plural: 'departments',
  kind: 'Department',
  group: 'scheduling.run.ai',
  versions: ['v0'],
});
const HELD = definition({ plural: 'projects', kind: 'Project', versions: ['v2'], note: 'of somebody else' });

/** A definition of the bundle whose fields another manager holds. */
export function holdDefinition(site: FaultSite): Manifest {
  const held = site.file('held.json', HELD);
  site.node.kubectl('apply', '--server-side', '--force-conflicts', '--field-manager=gitops', '-f', held);
  return HELD;
}

/** A release that runs, and whose Deployment has another selector than the bundle's. */
export function immutableRelease(site: FaultSite): TinyRelease {
  const labels = { app: 'of-another-time' };
  const deployment: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'runai-scheduler' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'c', image: `${site.node.registry}/airgap-node/busybox:1` }],
        },
      },
    },
  };
  return { ...CLUSTER, chart: 'runai-cluster', version: '2.13.1', objects: [deployment] };
}

/** What the loss of helm's host leaves behind: killed while its hook waits. */
export function leavePending(site: FaultSite, tiny: TinyRelease): void {
  const { release, namespace, version, chart, objects = [] } = tiny;
  const hook: Manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'hang', annotations: { 'helm.sh/hook': 'pre-install' } },
    spec: { containers: [{ name: 'c', image: `${site.node.registry}/nowhere:1` }] },
  };
  const folder = `tiny/${release}-${version}-pending`;
  site.file(`${folder}/Chart.yaml`, { apiVersion: 'v2', name: chart, version });
  const templates = [...objects, hook].map((one) => JSON.stringify(one)).join('\n---\n');
  site.file(`${folder}/templates/objects.yaml`, templates);
  const script = `
    helm install ${release} ${join(site.node.folder, folder)} -n ${namespace} & helm=$!
    for try in $(seq 300); do
      kubectl -n ${namespace} get pod hang -o name 2>/dev/null | grep -q . && break
      sleep 0.2
    done
    kill -KILL $helm`;
  site.node.must('exec', 'bash', '-c', script);
}

export function clearPending(site: FaultSite, tiny: Pick<TinyRelease, 'release' | 'namespace'>): void {
  site.uninstall(tiny);
  site.node.kubectl('delete', 'pod', '-n', tiny.namespace, 'hang', '--now', '--ignore-not-found');
}
