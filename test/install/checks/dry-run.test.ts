import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { dryRun, judgeDryRun } from '../../../src/install/checks/dry-run.js';
import { judgeImages, renderedImages } from '../../../src/install/checks/images.js';
import { leavesBefore } from '../../../src/install/checks/leaving.js';
import { judgePodSecurity, judgeQuotas, sumsOf } from '../../../src/install/checks/namespaces.js';
import { judgeReleaseSize, recordSize } from '../../../src/install/checks/release-size.js';
import { judgeRights, neededByChart } from '../../../src/install/checks/rights.js';
import { cleaned } from '../../../src/install/checks/support.js';
import type { PlanStep } from '../../../src/run/types.js';
import { type FakeApi, startFakeApi } from '../support/fake-api.js';
import { object, ROW, rendered } from './support.js';

const CHART = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a: b }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  template:
    spec:
      initContainers: [{ name: i, image: 'reg:5000/init:1' }]
      containers:
        - { name: c, image: 'reg:5000/web:1', resources: { requests: { cpu: 500m, memory: 1Gi } } }
---
apiVersion: unknown.example.com/v1
kind: Thing
metadata: { name: thing }
---
apiVersion: v1
kind: Pod
metadata: { name: probe, annotations: { helm.sh/hook: test } }
spec: { containers: [{ name: c, image: 'elsewhere/test:1' }] }
`;
const OURS = {
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': 'runai-backend' },
};
const signal = new AbortController().signal;
const keeps = { leaves: () => false, signal };
const sent = (text: string) => {
  const { planned, objects } = rendered(text);
  return { chart: planned.chart, objects };
};
let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api.close());

test('new objects are created, ours applied, both dry; an undefined kind is not checked', async () => {
  api.put(object('ConfigMap', 'settings', { metadata: { namespace: 'runai-backend', ...OURS } }));
  const queries: string[] = [];
  const { client } = api;
  const spied = {
    ...client,
    request: (request: Parameters<typeof client.request>[0]) => {
      if (request.method !== 'GET') queries.push(`${request.method} ${request.path}`);
      return client.request(request);
    },
  };
  const runs = await dryRun(spied, sent(CHART), keeps);
  assert.deepEqual(
    runs.map(({ outcome }) => outcome),
    ['accepted', 'accepted', 'not-checked'],
  );
  assert.equal(queries.length, 2);
  for (const query of queries) assert.match(query, /dryRun=All/);
  const finding = judgeDryRun(ROW, runs);
  assert.equal(finding.outcome, 'pass');
  assert.match(finding.seen, /2 of 3 objects accepted; 1 not checked: Thing is not defined yet/);
});

test('an object of nobody’s or of another release’s is refused without being sent', async () => {
  api.put(object('ConfigMap', 'settings', { metadata: { namespace: 'runai-backend' } }));
  const [run] = await dryRun(api.client, sent(CHART), keeps);
  assert.equal(run?.outcome, 'refused');
  assert.match(run?.why ?? '', /belongs to no release/);
});

test('threat 106: what the server refuses fails with its words', async () => {
  api.intercept = ({ method }) =>
    method === 'POST' ? { status: 422, reason: 'spec: field is immutable' } : undefined;
  const finding = judgeDryRun(ROW, await dryRun(api.client, sent(CHART), keeps));
  assert.equal(finding.outcome, 'fail');
  assert.match(finding.seen, /ConfigMap runai-backend\/settings: spec: field is immutable/);
  assert.match(finding.advice ?? '', /kubectl delete configmap settings -n runai-backend/);
});

const step = (id: string, action: object): PlanStep =>
  ({ id, title: id, destructive: true, saves: [], doneWhen: '', input: { action } }) as PlanStep;

test('objects that the plan takes away before the release are not compared; later steps do not count', () => {
  const release = rendered(CHART);
  const taken = step('delete', {
    kind: 'delete-owned',
    namespace: 'runai-backend',
    release: 'runai-backend',
    kinds: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
  });
  const helm = step('helm:runai-backend', { kind: 'helm' });
  const [settings, web] = release.objects;
  const before = leavesBefore([taken, helm], release);
  assert.deepEqual(
    [settings, web].map((one) => before(one!, 'runai-backend')),
    [false, true],
  );
  assert.equal(leavesBefore([helm, taken], release)(web!, 'runai-backend'), false);
});

test('images: by target below the registry; anything else is named with its object', () => {
  const image = (target: string) => ({
    source: `vendor/${target}`,
    target,
    descriptor: { mediaType: 'm', digest: `sha256:${'1'.repeat(64)}`, size: 1 },
    platforms: [],
    reasons: [],
  });
  const images = [image('web:1'), image('init:1')] as never;
  const found = renderedImages(rendered(CHART));
  assert.equal(judgeImages(found, { images, registry: 'reg:5000' }).outcome, 'pass');
  const lacking = judgeImages(found, { images: [image('web:1')] as never, registry: 'reg:5000' });
  assert.equal(lacking.outcome, 'fail');
  assert.match(
    lacking.seen,
    /1 of 2 are not the bundle’s: reg:5000\/init:1 \(Deployment\/web of runai-backend\)/,
  );
  assert.equal(judgeImages(found, { images, registry: 'other:5000' }).outcome, 'fail');
});

test('images that stay in place: by the reference in full; one that is still sent elsewhere fails', () => {
  const image = (source: string) => ({
    source,
    target: 'x:1',
    descriptor: { mediaType: 'm', digest: `sha256:${'1'.repeat(64)}`, size: 1 },
    platforms: [],
    reasons: [],
  });
  const found = (...names: string[]) =>
    names.map((name) => ({ release: 'runai-backend', object: 'Deployment/web', image: name }));
  const images = [image('docker.io/library/web:1'), image('gcr.io/run-ai/init:1')] as never;
  assert.equal(judgeImages(found('web:1', 'gcr.io/run-ai/init:1'), { images }).outcome, 'pass');
  const moved = judgeImages(found('web:1', 'old.site:5000/init:1'), { images });
  assert.equal(moved.outcome, 'fail');
  assert.match(moved.seen, /1 of 2 are not the spec’s: old\.site:5000\/init:1/);
  assert.match(moved.advice ?? '', /another registry/);
});

test('threat 113: a record over a mebibyte fails', () => {
  const small = recordSize(rendered(CHART));
  assert.equal(judgeReleaseSize([small]).outcome, 'pass');
  assert.equal(judgeReleaseSize([{ ...small, bytes: 900_000 }]).outcome, 'warn');
  const large = recordSize({ ...rendered(CHART), chartSize: 800_000 });
  assert.equal(judgeReleaseSize([large]).outcome, 'fail');
});

const namespace = (more: object = {}) => ({
  name: 'runai-backend',
  labels: {},
  quotas: [],
  limits: [],
  running: 0,
  wantsPrivileged: false,
  ...sumsOf([rendered(CHART)]),
  ...more,
});
const quota = (hard: object) => object('ResourceQuota', 'q', { spec: { hard } });

test('quotas: pods, CPU and memory; pods without requests where a quota demands them', () => {
  assert.equal(judgeQuotas([namespace()]).outcome, 'pass');
  assert.equal(
    judgeQuotas([namespace({ quotas: [quota({ pods: '10', 'requests.cpu': '2' })] })]).outcome,
    'pass',
  );
  for (const hard of [{ pods: '1' }, { 'requests.cpu': '500m' }, { 'requests.memory': '1Gi' }])
    assert.equal(judgeQuotas([namespace({ quotas: [quota(hard)] })]).outcome, 'fail', JSON.stringify(hard));
  const bare = { quotas: [quota({ 'limits.cpu': '99' })], complete: false };
  assert.equal(judgeQuotas([namespace(bare)]).outcome, 'fail');
  const limits = [
    object('LimitRange', 'l', { spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '1' } }] } }),
  ];
  assert.equal(judgeQuotas([namespace({ ...bare, limits })]).outcome, 'pass');
});

test('pod security that refuses privileged pods where they are', () => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  assert.equal(judgePodSecurity([namespace({ labels })]).outcome, 'pass');
  assert.equal(judgePodSecurity([namespace({ labels, wantsPrivileged: true })]).outcome, 'fail');
  const host = rendered(`
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: exporter }
spec: { template: { spec: { hostNetwork: true, containers: [{ name: c, image: x }] } } }`);
  assert.match(
    judgePodSecurity([namespace({ labels, ...sumsOf([host]) })]).seen,
    /refuses DaemonSet\/exporter/,
  );
});

test('threat 99: rights: every kind of the chart is asked about; one no fails with its name', () => {
  const needs = neededByChart(rendered(CHART));
  assert.deepEqual(
    needs.map(({ kind }) => kind),
    ['ConfigMap', 'Deployment', 'Thing'],
  );
  const check = { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'n', reason: '' };
  assert.equal(judgeRights([{ ...check, allowed: true }]).outcome, 'pass');
  assert.match(judgeRights([{ ...check, allowed: false }]).seen, /patch deployments.apps in n/);
});

test('the file for support holds no secrets', () => {
  const out = JSON.stringify(
    cleaned(
      {
        password: 'hunter2',
        url: 'https://user:hunter2@host/x',
        list: ['Authorization: Bearer hunter2', '-----BEGIN PRIVATE KEY-----hunter2'],
      },
      [],
    ),
  );
  assert.ok(!out.includes('hunter2'), out);
});
