import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '../../src/install/findings.js';
import { type Ran, startNode, type TestNode } from './support/node.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
const skip = wanted
  ? false
  : 'AIRGAP_CLUSTER_TESTS is not 1: the checks of preflight are NOT tested on a real node';
if (!wanted) process.stderr.write(`${skip}\n`);

let node: TestNode;
let bundle: string;
before(() => {
  if (!wanted) return;
  node = startNode('checks');
  bundle = node.bundle('2.13.66');
});
after(() => {
  if (wanted) node.down();
});

const preflight = (...more: string[]): Promise<Ran> =>
  node.airgap(
    'preflight',
    bundle,
    '--registry',
    node.registry,
    '--plain-http',
    '--state-dir',
    node.stateDir,
    '-o',
    'json',
    ...more,
  );

function findingsOf(ran: Ran): Map<string, Finding> {
  const { findings } = JSON.parse(ran.out) as { findings: Finding[] };
  return new Map(findings.map((finding) => [finding.id, finding]));
}

function expectOutcomes(found: Map<string, Finding>, rows: Readonly<Record<string, string>>): void {
  const seen = Object.fromEntries(Object.keys(rows).map((id) => [id, found.get(id)?.outcome]));
  assert.deepEqual(
    seen,
    rows,
    JSON.stringify(
      Object.keys(rows).map((id) => found.get(id)),
      null,
      2,
    ),
  );
}

function apply(object: unknown): void {
  const file = join(node.folder, 'object.json');
  writeFileSync(file, JSON.stringify(object));
  node.kubectl('apply', '-f', file);
}

const named = (name: string, namespace?: string) => ({
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});

/** Everything that lies in the cluster, leases, events and what controllers count aside. */
function resourceVersions(): string {
  return node.kubectl(
    'get',
    'secrets,configmaps,deployments,statefulsets,services,ingresses,crds,namespaces,pvc,pods,serviceaccounts',
    '-A',
    '-o',
    'custom-columns=K:.kind,N:.metadata.name,S:.metadata.namespace,V:.metadata.resourceVersion',
  );
}

test('a good node passes; nothing is written; the file for support holds no secret', { skip }, async () => {
  const earlier = resourceVersions();
  const file = join(node.folder, 'support.json');
  const ran = await preflight('--domain', 'runai.test', '--support-file', file);
  assert.equal(ran.status, 0, ran.out + ran.err);
  const found = findingsOf(ran);
  const failed = [...found.values()].filter(({ outcome }) => outcome === 'fail');
  assert.deepEqual(failed, []);
  for (const id of [
    'clock.skew',
    'tls.backend',
    'tls.cluster',
    'domain.dns',
    'images.rendered',
    'charts.dry-run.runai-backend',
  ])
    assert.equal(found.get(id)?.outcome, 'pass', JSON.stringify(found.get(id)));
  assert.equal(resourceVersions(), earlier);
  const report = readFileSync(file, 'utf8');
  assert.equal(JSON.parse(report).bundle.version, '2.13.66');
  assert.doesNotMatch(report, /PRIVATE KEY|BEGIN CERTIFICATE/);
});

test('every fault of a site is named at once, and the exit status is 7', {
  skip,
  timeout: 600_000,
}, async () => {
  node.kubectl('annotate', 'storageclass', 'local', 'storageclass.kubernetes.io/is-default-class-');
  node.kubectl('scale', '-n', 'monitoring', 'deployment/prometheus-operator', '--replicas=0');
  node.kubectl('scale', '-n', 'haproxy-controller', 'deployment/haproxy-ingress', '--replicas=0');
  node.kubectl('delete', '-n', 'runai', 'secret', 'runai-cluster-domain-tls-secret');
  foreignKey();
  apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    ...named('tight', 'runai-backend'),
    spec: { hard: { pods: '1' } },
  });
  node.kubectl('label', 'namespace', 'runai', 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
  apply({ apiVersion: 'v1', kind: 'ServiceAccount', ...named('runai-backend', 'runai-backend') });
  apply({
    apiVersion: 'v1',
    kind: 'Service',
    ...named('runai-backend-frontend', 'runai-backend'),
    spec: { ports: [{ port: 1 }] },
  });
  argo();
  node.kubectl(
    'wait',
    '-n',
    'monitoring',
    '--for=delete',
    'pod',
    '-l',
    'app.kubernetes.io/name=prometheus-operator',
    '--timeout=60s',
  );
  const ran = await preflight(
    '--domain',
    'nowhere.invalid',
    '--backend-set',
    'global.customCA.enabled=true',
    '--backend-set',
    'grafana.image.repository=elsewhere.test/grafana',
  );
  assert.equal(ran.status, 7, ran.err);
  expectOutcomes(findingsOf(ran), {
    'storage.class': 'fail',
    prometheus: 'fail',
    'ingress.controller': 'fail',
    'tls.cluster': 'fail',
    'tls.backend': 'fail',
    'namespace.quota': 'fail',
    'namespace.pod-security': 'fail',
    'charts.dry-run.runai-backend': 'fail',
    owners: 'fail',
    'domain.dns': 'fail',
    'ca.secret': 'fail',
    'images.rendered': 'fail',
  });
});

test('a webhook that denies or that nobody answers, a cordoned node', {
  skip,
  timeout: 300_000,
}, async () => {
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }];
  const service = { namespace: 'default', name: 'nobody', path: '/' };
  apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    ...named('silent'),
    webhooks: [
      {
        name: 'silent.example.com',
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        clientConfig: { service },
        rules,
      },
    ],
  });
  node.kubectl('cordon', node.kubectl('get', 'nodes', '-o', 'name').replace('node/', ''));
  const ran = await preflight('--domain', 'runai.test');
  const found = findingsOf(ran);
  expectOutcomes(found, { webhooks: 'fail', 'nodes.ready': 'fail' });
  node.kubectl('delete', 'validatingwebhookconfiguration', 'silent');
});

/** The right certificate with a key of another. */
function foreignKey(): void {
  const key = spawnSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], {
    encoding: 'utf8',
  });
  assert.equal(key.status, 0, key.stderr);
  const patch = { data: { 'tls.key': Buffer.from(key.stdout).toString('base64') } };
  node.kubectl('patch', 'secret', '-n', 'runai-backend', 'runai-backend-tls', '-p', JSON.stringify(patch));
}

/** Argo CD’s definition, and an application that has the control plane. */
function argo(): void {
  apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    ...named('applications.argoproj.io'),
    spec: {
      group: 'argoproj.io',
      scope: 'Namespaced',
      names: { plural: 'applications', kind: 'Application' },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  });
  node.kubectl('wait', '--for=condition=Established', 'crd/applications.argoproj.io', '--timeout=30s');
  apply({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    ...named('product', 'default'),
    spec: { destination: { namespace: 'runai-backend' }, source: { helm: { releaseName: 'runai-backend' } } },
  });
}
