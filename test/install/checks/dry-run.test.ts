import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { dryRun, judgeDryRun } from '../../../src/install/checks/dry-run.js';
import { judgeImages, renderedImages } from '../../../src/install/checks/images.js';
import { leavesBefore } from '../../../src/install/checks/leaving.js';
import { judgePodSecurity, judgeQuotas, sumsOf } from '../../../src/install/checks/namespaces.js';
import { judgeReleaseSize, recordSize } from '../../../src/install/checks/release-size.js';
import { judgeRights, neededByChart, neededByStep } from '../../../src/install/checks/rights.js';
import { cleaned } from '../../../src/install/checks/support.js';
import type { KubeObject } from '../../../src/kube/types.js';
import type { PlanStep } from '../../../src/run/types.js';
import { composeSteps } from '../../../src/runai/steps/compose.js';
import { factsOf } from '../../runai/facts.js';
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
const keeps = { leaves: () => false, recorded: [], signal };
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

const OWNED = {
  kind: 'delete-owned',
  namespace: 'runai-backend',
  release: 'runai-backend',
  kinds: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
};
const HELM = step('helm:runai-backend', { kind: 'helm', release: 'runai-backend' });
const marks = {
  'meta.helm.sh/release-name': 'runai-backend',
  'meta.helm.sh/release-namespace': 'runai-backend',
};
const inBackend = (kind: string, name: string, metadata: object = {}) =>
  object(kind, name, { metadata: { namespace: 'runai-backend', ...metadata } });

test('only what the deletes by kind really take counts as gone: the release’s own, by mark or by record', () => {
  const release = rendered(CHART);
  const manifests = new Map([['runai-backend', [object('Deployment', 'recorded')]]]);
  const rules = { manifests, rendered: [release] };
  const gone = leavesBefore(release, { ...rules, steps: [step('delete', OWNED), HELM] });
  assert.equal(gone(inBackend('Deployment', 'web', { annotations: marks })), true);
  assert.equal(gone(inBackend('Deployment', 'recorded')), true);
  assert.equal(gone(inBackend('Deployment', 'web')), false, 'somebody else’s stays');
  assert.equal(gone(inBackend('ConfigMap', 'web', { annotations: marks })), false);
  const later = leavesBefore(release, { ...rules, steps: [HELM, step('delete', OWNED)] });
  assert.equal(later(inBackend('Deployment', 'web', { annotations: marks })), false);
});

test('an uninstall takes what its record has and no policy keeps; the leftovers go by their own rule', () => {
  const release = rendered(CHART, { role: 'cluster', release: 'runai-cluster', namespace: 'runai' });
  const kept = object('Secret', 'kept', { metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } } });
  const manifest = [object('ConfigMap', 'recorded'), object('ClusterRole', 'wide'), kept];
  const accepted = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'runai', name: 'accepted' };
  const facts = factsOf({ from: '2.8.20', to: '2.13.66', site: { unmarked: [accepted] } });
  const steps = composeSteps(facts).filter(({ id }) =>
    /^(helm-uninstall|delete:cluster-leftovers|helm:runai-cluster)/.test(id),
  );
  const gone = leavesBefore(release, {
    steps: steps.map(({ id, action }) => step(id, action)),
    manifests: new Map([['runai-cluster', manifest]]),
    rendered: [release],
  });
  const inRunai = (kind: string, name: string, metadata: object = {}) =>
    object(kind, name, { metadata: { namespace: 'runai', ...metadata } });
  assert.equal(gone(inRunai('ConfigMap', 'recorded')), true);
  assert.equal(gone(object('ClusterRole', 'wide')), true);
  assert.equal(gone(inRunai('Secret', 'kept')), false);
  assert.equal(gone(object('ConfigMap', 'recorded', { metadata: { namespace: 'default' } })), false);
  assert.equal(gone(inRunai('ConfigMap', 'by-hand')), false, 'somebody else’s stays');
  assert.equal(gone(inRunai('Deployment', 'by-hand')), false, 'a workload that came after the plan stays');
  assert.equal(gone(inRunai('Deployment', 'accepted')), true, 'one that the plan lists goes');
  assert.equal(gone(inRunai('Deployment', 'engine', { labels: { app: 'runai-engine' } })), true);
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'recorded', uid: 'u' }];
  assert.equal(gone(inRunai('ConfigMap', 'made', { ownerReferences })), true);
  const annotations = { 'meta.helm.sh/release-name': 'other' };
  assert.equal(gone(inRunai('ConfigMap', 'recorded', { annotations })), false);
});

test('what the control plane’s upgrade drops is free for the cluster part', () => {
  const backend = rendered(CHART);
  const cluster = rendered(CHART, { role: 'cluster', release: 'runai-cluster', namespace: 'runai' });
  const gone = leavesBefore(cluster, {
    steps: [
      step('helm:runai-backend', { kind: 'helm', release: 'runai-backend', namespace: 'runai-backend' }),
    ],
    manifests: new Map([
      ['runai-backend', [object('ClusterRole', 'moved'), object('ConfigMap', 'settings')]],
    ]),
    rendered: [backend, cluster],
  });
  assert.equal(gone(object('ClusterRole', 'moved')), true);
  assert.equal(gone(inBackend('ConfigMap', 'settings')), false);
});

test('what goes first is judged all the same, under another name; a foreign object in the way is refused', async () => {
  api.put(inBackend('ConfigMap', 'settings', OURS));
  api.put({ ...inBackend('Deployment', 'web'), apiVersion: 'apps/v1' });
  const names: string[] = [];
  api.intercept = ({ method, body }) => {
    if (method !== 'POST') return undefined;
    const { name } = (body as unknown as KubeObject).metadata;
    names.push(name);
    return name.startsWith('settings') ? { status: 403, reason: 'the policy says no' } : undefined;
  };
  const leaves = (live: KubeObject) => live.kind === 'ConfigMap';
  const runs = await dryRun(api.client, sent(CHART), { ...keeps, leaves });
  assert.deepEqual(names, ['settings-airgap-check']);
  assert.deepEqual(
    runs.map(({ outcome }) => outcome),
    ['refused', 'refused', 'not-checked'],
  );
  assert.match(runs[0]?.why ?? '', /the policy says no \(sent as settings-airgap-check: the old one/);
  const finding = judgeDryRun(ROW, runs);
  assert.equal(finding.outcome, 'fail');
  assert.match(finding.advice ?? '', /find out whose it is.*kubectl delete deployment web -n runai-backend/);
});

test('a webhook that takes no dry run is told as not asked, and a namesake release of elsewhere as foreign', async () => {
  const reason = 'admission webhook "old.example.com" does not support dry run';
  api.intercept = ({ method }) => (method === 'POST' ? { status: 400, reason } : undefined);
  const elsewhere = { ...OURS.annotations, 'meta.helm.sh/release-namespace': 'elsewhere' };
  api.put(inBackend('ConfigMap', 'settings', { ...OURS, annotations: elsewhere }));
  const runs = await dryRun(api.client, sent(CHART), keeps);
  assert.deepEqual(
    runs.map(({ outcome }) => outcome),
    ['refused', 'not-checked', 'not-checked'],
  );
  assert.match(runs[0]?.why ?? '', /release runai-backend of namespace elsewhere/);
  assert.match(runs[1]?.why ?? '', /webhook old\.example\.com cannot be asked in a dry run/);
});

test('helm changes what its record has, marked or not', async () => {
  api.put(inBackend('ConfigMap', 'settings'));
  const [run] = await dryRun(api.client, sent(CHART), {
    ...keeps,
    recorded: [object('ConfigMap', 'settings')],
  });
  assert.equal(run?.outcome, 'accepted');
});

test('a webhook that goes away first decides nothing', async () => {
  api.put(inBackend('ConfigMap', 'settings', OURS));
  const hooks = (name: string) => ({ webhooks: [{ name }] });
  api.put(object('ValidatingWebhookConfiguration', 'old', { ...hooks('old.example.com') }));
  api.put(object('ValidatingWebhookConfiguration', 'site', { ...hooks('site.example.com') }));
  const leaves = (live: KubeObject) => live.metadata.name === 'old';
  for (const [name, outcome] of [
    ['old', 'not-checked'],
    ['site', 'refused'],
  ] as const) {
    const reason = `admission webhook "${name}.example.com" denied the request: no`;
    api.intercept = ({ method }) => (method === 'PATCH' ? { status: 403, reason } : undefined);
    const [run] = await dryRun(api.client, sent(CHART), { ...keeps, leaves });
    assert.equal(run?.outcome, outcome, run?.why);
  }
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

test('threat 99: rights: what an uninstall and an upgrade take away is asked about, by helm’s record', () => {
  const step = (kind: string) =>
    ({ input: { action: { kind, release: 'r', namespace: 'n' } } }) as unknown as PlanStep;
  const recorded = new Map([
    ['r', [{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'train' } }]],
  ]);
  const taken = {
    ...{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' },
    ...{ namespace: 'n', verbs: ['get', 'delete'] },
  };
  assert.deepEqual(neededByStep(step('helm'), recorded), [taken]);
  const [first, ...waitedFor] = neededByStep(step('helm-uninstall'), recorded);
  assert.deepEqual(first, taken);
  assert.deepEqual(
    waitedFor.map(({ kind, verbs }) => `${verbs.join()} ${kind}`),
    ['list Pod', 'list ReplicaSet'],
  );
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
