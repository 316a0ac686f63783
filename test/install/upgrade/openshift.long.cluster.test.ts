import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestNode } from '../support/node.js';
import { installByHand } from './by-hand.js';
import { demandSameEnd, killsAround, type Undisturbed } from './kills.js';
import { openSite, type PathRun, type UpgradeSite } from './site.js';
import { PASSWORDS } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: upgrades on OpenShift, because AIRGAP_CLUSTER_TESTS is not 1');

const HOST = 'runai.apps.runai.test';
const NS = 'runai-backend';
const ROUTES = 'routes.route.openshift.io';
const COUNT = "select count(*), md5(string_agg(x, '' order by id)) from kept";

/** What the platform is recognised by, and what is read of it; any content is accepted. */
const OPENSHIFT = [
  ['route.openshift.io', 'Route', 'routes', 'Namespaced'],
  ['config.openshift.io', 'ClusterVersion', 'clusterversions', 'Cluster'],
  ['config.openshift.io', 'Ingress', 'ingresses', 'Cluster'],
  ['project.openshift.io', 'Project', 'projects', 'Cluster'],
].map(([group = '', kind = '', plural = '', scope]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
    scope,
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}));

const PLATFORM = [
  {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterVersion',
    metadata: { name: 'version' },
    status: { history: [{ state: 'Completed', version: '4.10.3' }] },
  },
  {
    apiVersion: 'config.openshift.io/v1',
    kind: 'Ingress',
    metadata: { name: 'cluster' },
    spec: { domain: 'apps.runai.test' },
  },
];

interface PatchedRoute {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec?: { readonly tls?: Readonly<Record<string, string>> };
}

const OLD = {
  version: '2.8.20',
  backend: {
    openshift: true,
    deployment: { domain: HOST },
    backend: { logLevel: 'debug', openshiftIdp: { enabled: true, firstAdmin: 'kubeadmin' } },
    'nginx-ingress': { enabled: false },
    postgresql: { postgresqlPassword: PASSWORDS.user, postgresqlPostgresPassword: PASSWORDS.superuser },
  },
  cluster: { 'runai-operator': { config: { 'project-controller': { createNamespaces: false } } } },
};

describe('upgrades on OpenShift', { skip: !wanted, timeout: 3_600_000 }, () => {
  let site: UpgradeSite;
  let node: TestNode;
  let claim = '';
  let rows = '';
  let patched = '';
  let undisturbed: Undisturbed | undefined;

  before(() => {
    site = openSite('openshift');
    node = site.node;
    apply(OPENSHIFT);
    node.kubectl('wait', '--for=condition=Established', '--timeout=60s', 'crd/routes.route.openshift.io');
    for (const name of ['clusterversions', 'ingresses'])
      node.kubectl('wait', '--for=condition=Established', '--timeout=60s', `crd/${name}.config.openshift.io`);
    apply(PLATFORM);
    installByHand(node, OLD);
    const fill = 'insert into kept select g, md5(g::text) from generate_series(1, 2000) g';
    node.must('psql', 'backend', `create table kept (id int primary key, x text); ${fill}`);
    rows = node.must('psql', 'backend', COUNT);
    claim = theClaim();
    const [route] = node.kubectl('-n', NS, 'get', ROUTES, '-o', 'name').split('\n');
    patched = route ?? '';
    const metadata = { annotations: { 'haproxy.router.openshift.io/timeout': '5m' } };
    const spec = { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } };
    node.kubectl('-n', NS, 'patch', patched, '--type=merge', '-p', JSON.stringify({ metadata, spec }));
    node.must('snapshot', 'openshift-2.8');
  });
  after(() => site?.down());

  const apply = (items: readonly unknown[]): string =>
    node.kubectl(
      'apply',
      '-f',
      node.file('list.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items })),
    );
  const theClaim = (): string =>
    node.kubectl(
      'get',
      'pvc',
      '-n',
      NS,
      'pvc-postgresql',
      '-o',
      'jsonpath={.metadata.uid}={.spec.volumeName}',
    );
  const values = (): Record<string, never> =>
    JSON.parse(node.must('exec', 'helm', 'get', 'values', NS, '-n', NS, '-o', 'json'));

  async function upgrade(to: string, label: string, expected: readonly string[]): Promise<Undisturbed> {
    const run = runTo(to, label);
    const steps = (await site.planned(run)).map(({ id }) => id);
    const fixed = ['push', 'canary'];
    assert.deepEqual(
      steps.filter((id) => !fixed.includes(id)),
      expected,
    );
    const mark = site.audit.mark();
    const ran = await site.install(run);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
    demandUpgraded();
    return { deletions: site.audit.deletionsSince(mark), dump: site.dump() };
  }

  const runTo = (to: string, label: string): PathRun => ({
    ...{ to, helm: 'helm3', acknowledge: [], state: site.newState(label) },
  });

  function demandUpgraded(): void {
    assert.equal(node.must('psql', 'backend', COUNT), rows);
    assert.equal(theClaim(), claim, 'the database lies on the same claim');
    const routes = node.json('-n', NS, 'get', 'routes.route.openshift.io') as unknown as {
      items: { spec: { host: string } }[];
    };
    assert.deepEqual([...new Set(routes.items.map(({ spec }) => spec.host))], [HOST]);
    const route = node.json('-n', NS, 'get', patched) as unknown as PatchedRoute;
    assert.equal(
      route.metadata.annotations['haproxy.router.openshift.io/timeout'],
      '5m',
      'hand-made annotations are back',
    );
    assert.equal(route.spec?.tls?.['insecureEdgeTerminationPolicy'], 'Allow', 'hand-made TLS is back');
    assert.equal(node.kubectl('-n', NS, 'get', 'ingress', '-o', 'name'), '', 'Routes, no ingress');
    const backend = JSON.stringify(node.json('-n', NS, 'get', 'deployment', 'runai-backend-backend'));
    assert.match(backend, /"name":"LOG_LEVEL","value":"debug"/);
    node.kubectl('get', 'namespace', 'runai-reservation');
    node.kubectl('get', 'ingressclass', 'haproxy');
  }

  const REINSTALLED = [
    'helm-uninstall:runai-cluster',
    'delete:cluster-leftovers',
    'restore:cluster-secrets',
    'crds',
    'helm:runai-cluster',
    'wait:runai-cluster',
    'restore:runaiconfig',
    'restore:people',
    'prove:images',
  ];

  it('2.8 to 2.10 by the older text: Routes go by kind, no NGINX, no metrics claim', async () => {
    await upgrade('2.10.11', 'b', [
      'save',
      'namespaces',
      'retain:volumes',
      'keep:claims',
      'backup',
      'delete:workloads',
      'delete:secrets',
      'delete:service/kube-system/runai-cluster-kube-prometh-kubelet',
      'restore:secrets',
      'helm:runai-backend',
      'wait:runai-backend',
      'check:claims',
      'restore:routes',
      // The definitions that were applied for 2.8 are the file's.
      ...REINSTALLED.filter((id) => id !== 'crds'),
    ]);
  });

  it('2.10 to 2.13: the database’s claim by name, the platform’s own keys, the first administrator', async () => {
    await upgrade('2.13.66', 'global', [
      'save',
      'retain:volumes',
      'keep:claims',
      'backup',
      'helm:runai-backend',
      'wait:runai-backend',
      'check:claims',
      'restore:routes',
      'crds',
      'helm:runai-cluster',
      'wait:runai-cluster',
      'restore:runaiconfig',
      'prove:images',
    ]);
    demandGlobal();
  });

  it('2.8 to 2.13 by the newer text: secret and stateful sets only, the kubelet service with the old cluster', async () => {
    node.must('restore', 'openshift-2.8');
    undisturbed = await upgrade('2.13.66', 'c', [
      'save',
      'namespaces',
      'retain:volumes',
      'keep:claims',
      'backup',
      'delete:secret/runai-backend-postgresql',
      'delete:statefulset/keycloak',
      'delete:statefulset/runai-backend-postgresql',
      'helm:runai-backend',
      'wait:runai-backend',
      'check:claims',
      'restore:routes',
      ...REINSTALLED,
    ]);
    demandGlobal();
    const kubelet = [
      '-n',
      'kube-system',
      'get',
      'service',
      'runai-cluster-kube-prometh-kubelet',
      '--ignore-not-found',
    ];
    assert.equal(node.kubectl(...kubelet), '');
  });

  it('threats 81 and 119: killed around every step of it, it ends as when nobody disturbs it', async () => {
    assert.ok(undisturbed, 'the test before this one has to run');
    node.must('restore', 'openshift-2.8');
    // The registry is no part of the snapshot: there is something to push again.
    site.forget('frontend');
    const run = runTo('2.13.66', 'killed');
    await demandSameEnd(site, run, { kills: killsAround(await site.planned(run)), undisturbed });
    demandUpgraded();
    demandGlobal();
  });

  function demandGlobal(): void {
    const { global, thanos, postgresql, backend } = values() as Record<string, Record<string, never>>;
    assert.equal(global?.['domain'], HOST);
    assert.deepEqual(global?.['config'], { kubernetesDistribution: 'openshift' });
    assert.deepEqual(thanos?.['query'], { stores: ['thanos-grpc-port-forwarder:10901'] });
    assert.equal(postgresql?.['primary']?.['persistence']?.['existingClaim'], 'pvc-postgresql');
    assert.equal(backend?.['config']?.['openshiftIdpFirstAdmin'], 'kubeadmin');
  }
});
