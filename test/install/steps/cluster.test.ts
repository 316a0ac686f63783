import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decodeRelease, isDecoded, type ReleaseSecret } from '../../../src/helm/release.js';
import { judgeUninstall } from '../../../src/install/checks/uninstall.js';
import { manifestObjects } from '../../../src/install/manifest.js';
import { leftoversStep } from '../../../src/install/steps/leftovers.js';
import { customised, restoreRunaiConfigStep } from '../../../src/install/steps/restore-runaiconfig.js';
import type { Work } from '../../../src/install/steps/types.js';
import { uninstallStep } from '../../../src/install/steps/uninstall.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { OBJECTS, type ObjectRef } from '../../../src/runai/names.js';
import { composeSteps } from '../../../src/runai/steps/compose.js';
import { factsOf } from '../../runai/facts.js';
import { type Bench, LIMITS, makeBench, object, owned, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai';
const TARGET = { release: 'runai-cluster', namespace: NS };

/** A revision as Helm keeps it. */
function revision(number: number, status: string, manifest = ''): KubeObject {
  const release = {
    name: 'runai-cluster',
    namespace: NS,
    version: number,
    info: { status, last_deployed: '2026-11-20T10:00:00Z', description: '' },
    chart: { metadata: { name: 'runai-cluster', version: '2.8.20' }, values: {}, templates: [] },
    config: {},
    manifest,
  };
  const packed = gzipSync(JSON.stringify(release)).toString('base64');
  return object('Secret', `sh.helm.release.v1.runai-cluster.v${number}`, NS, {
    type: 'helm.sh/release.v1',
    metadata: { labels: { owner: 'helm', name: 'runai-cluster', status, version: String(number) } },
    data: { release: Buffer.from(packed).toString('base64') },
  });
}

function uninstall(calls: string[] = []) {
  const helm = {
    uninstall: async () => {
      calls.push('uninstall');
      for (const number of [1, 2, 3])
        bench.api.remove('Secret', `sh.helm.release.v1.runai-cluster.v${number}`, NS);
    },
  } as unknown as Work['helm'];
  return uninstallStep({ client: bench.api.client, helm, limits: LIMITS }, TARGET);
}

test('a deployed release is uninstalled once, with its record saved', async () => {
  bench.api.put(revision(1, 'superseded'));
  bench.api.put(revision(2, 'deployed'));
  const calls: string[] = [];
  assert.equal(await runStep(uninstall(calls), bench.context), 'done');
  assert.deepEqual(calls, ['uninstall']);
  const saved = JSON.parse(String(await bench.context.saved.get('helm/runai-cluster/uninstalled.json')));
  assert.equal(saved.length, 2);
  assert.ok(bench.guards() > 0);
});

test('threat 97: a successor waits until the cluster has taken away what the old workloads had, also after a kill', async () => {
  const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ';
  const kept = `${deployment}kept\n  annotations:\n    helm.sh/resource-policy: keep\n`;
  const manifest = `${deployment}agent\n---\n${kept}`;
  bench.api.put(object('Deployment', 'kept', NS));
  const agent = object('Deployment', 'agent', NS);
  bench.api.put(agent);
  bench.api.put(revision(1, 'deployed', manifest));
  const uid = bench.api.get('Deployment', 'agent', NS)?.metadata.uid ?? '';
  const of = (kind: string, name: string, owner: string) => ({
    metadata: {
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: owner, controller: true }],
    },
  });
  const set = object('ReplicaSet', 'agent-abc', NS, of('Deployment', 'agent', uid));
  bench.api.put(set);
  const setUid = bench.api.get('ReplicaSet', 'agent-abc', NS)?.metadata.uid ?? '';
  bench.api.put(object('Pod', 'agent-abc-1', NS, of('ReplicaSet', 'agent-abc', setUid)));
  bench.api.put(object('Pod', 'of-somebody', NS, of('ReplicaSet', 'other-abc', 'other')));
  const calls: string[] = [];
  const step = uninstall(calls);
  await step.save?.(bench.context);
  const saved = JSON.parse(String(await bench.context.saved.get('helm/runai-cluster/workloads.json')));
  assert.deepEqual(
    saved,
    [{ kind: 'Deployment', name: 'agent', namespace: NS, uid }],
    'kept is not waited for',
  );
  // The collector is not at work: it does not go on.
  bench.api.remove('Deployment', 'agent', NS);
  await assert.rejects(step.perform(bench.context), (error: { code: string; found: string }) => {
    assert.equal(error.code, 'NOT_HEALTHY');
    assert.equal(error.found, 'pod runai/agent-abc-1, replicaset runai/agent-abc');
    return true;
  });
  // It takes the replica set first; the pod names it still.
  bench.api.remove('ReplicaSet', 'agent-abc', NS);
  assert.equal((await step.observe(bench.context)).state, 'ready');
  setTimeout(() => bench.api.remove('Pod', 'agent-abc-1', NS), 300);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(calls, ['uninstall'], 'helm is not asked twice');
  assert.ok(bench.api.get('Pod', 'of-somebody', NS));
});

test('a release that was installed after ours was saved is another one: it stays', async () => {
  bench.api.put(revision(1, 'deployed'));
  const step = uninstall();
  await step.save?.(bench.context);
  bench.api.remove('Secret', 'sh.helm.release.v1.runai-cluster.v1', NS);
  bench.api.put(revision(1, 'deployed'));
  assert.equal((await step.observe(bench.context)).state, 'done');
});

test('none there: done; half uninstalled: again; pending: the operator decides', async () => {
  assert.equal((await uninstall().observe(bench.context)).state, 'done');
  bench.api.put(revision(1, 'uninstalling'));
  assert.equal((await uninstall().observe(bench.context)).state, 'ready');
  bench.api.put(revision(2, 'pending-upgrade'));
  assert.equal((await uninstall().observe(bench.context)).state, 'impossible');
});

const CRD =
  'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: projects.run.ai\n';
const CLAIM = 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n';
const KEEP = { annotations: { 'helm.sh/resource-policy': 'keep' } };

test('what an uninstall would take beyond the release stops it, unless the record keeps it or it is gone', async () => {
  const seen = (manifest: string) => {
    bench.api.put(revision(1, 'deployed', manifest));
    return uninstall().observe(bench.context);
  };
  assert.equal((await seen(CRD)).state, 'ready', 'there is no such definition');
  bench.api.put(object('CustomResourceDefinition', 'projects.run.ai'));
  const { state, detail } = await seen(CRD);
  assert.equal(state, 'impossible');
  assert.match(
    detail ?? '',
    /also delete CustomResourceDefinition projects.run.ai; to keep it: kubectl annotate/,
  );
  assert.equal((await seen(`${CRD}  annotations:\n    helm.sh/resource-policy: keep\n`)).state, 'ready');
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: monitoring\n';
  bench.api.put(object('Namespace', 'monitoring'));
  bench.api.put(owned(object('Service', 'prometheus', 'monitoring'), 'runai-cluster', NS));
  bench.api.put(object('ConfigMap', 'kube-root-ca.crt', 'monitoring'));
  assert.equal((await seen(namespace)).state, 'ready');
  bench.api.put(object('Deployment', 'grafana-of-somebody', 'monitoring'));
  assert.match(
    (await seen(namespace)).detail ?? '',
    /namespace monitoring with deployment grafana-of-somebody/,
  );
});

test('what is marked on the live object is marked in helm’s record before helm reads it', async () => {
  const manifest = `---\n# Source: a\n${CRD}---\n# Source: b\n${CLAIM}---\nkind: Service\nmetadata:\n  name: web\n`;
  bench.api.put(revision(2, 'deployed', manifest));
  bench.api.put(object('CustomResourceDefinition', 'projects.run.ai', undefined, { metadata: KEEP }));
  bench.api.put(object('PersistentVolumeClaim', 'data', NS, { metadata: KEEP }));
  let read = '';
  const helm = {
    uninstall: async () => {
      const name = 'sh.helm.release.v1.runai-cluster.v2';
      const decoded = decodeRelease(bench.api.get('Secret', name, NS) as KubeObject & ReleaseSecret);
      read = isDecoded(decoded) ? decoded.manifest : '';
      bench.api.remove('Secret', name, NS);
    },
  } as unknown as Work['helm'];
  const step = uninstallStep({ client: bench.api.client, helm, limits: LIMITS }, TARGET);
  assert.equal(await runStep(step, bench.context), 'done');
  const objects = manifestObjects(read, 'runai-cluster');
  assert.deepEqual(
    objects.map(({ kind, metadata }) => [kind, metadata.annotations]),
    [
      ['CustomResourceDefinition', KEEP.annotations],
      ['PersistentVolumeClaim', KEEP.annotations],
      ['Service', undefined],
    ],
  );
  assert.ok(bench.notes.some((text) => /PersistentVolumeClaim data: marked to be kept, and kept/.test(text)));
});

test('preflight asks the same, and says how to keep it', () => {
  const row = { id: 'uninstall.runai-cluster', title: 'row' } as const;
  const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data', namespace: NS };
  const found = judgeUninstall(row, { dangers: [{ ref, what: 'PersistentVolumeClaim data' }], marked: [] });
  assert.equal(found.outcome, 'fail');
  assert.match(
    found.advice ?? '',
    /kubectl annotate persistentvolumeclaim data -n runai helm\.sh\/resource-policy=keep/,
  );
  const kept = judgeUninstall(row, { dangers: [], marked: [ref] });
  assert.deepEqual([kept.outcome, /PersistentVolumeClaim data/.test(kept.seen)], ['pass', true]);
});

function leftovers(unmarked: readonly ObjectRef[] = []) {
  const step = composeSteps(factsOf({ from: '2.8.20', to: '2.13.66', site: { unmarked } })).find(
    (one) => one.action.kind === 'delete-leftovers',
  );
  assert.ok(step?.action.kind === 'delete-leftovers');
  return leftoversStep({ client: bench.api.client, limits: LIMITS }, step.action);
}

test('leftovers go by kind and mark; the site’s own secrets, maps and people stay', async () => {
  const goes = [
    object('Deployment', 'engine', NS, { metadata: { labels: { app: 'runai-engine' } } }),
    owned(object('Service', 'engine', NS), 'runai-cluster', NS),
    object('ConfigMap', 'runai-internal', NS, { metadata: { labels: { app: 'runai' } } }),
    owned(object('Secret', 'hook-made', NS), 'runai-cluster', NS),
    object('Role', 'runai-cli-index-map-editor', NS, { metadata: { labels: { app: 'runai' } } }),
    object('ValidatingWebhookConfiguration', 'runai-admission-controller', undefined, {
      metadata: { labels: { app: 'runai' } },
    }),
    object('ClusterRole', 'runai-old', undefined, { metadata: { labels: { app: 'runai' } } }),
    object('Service', 'runai-cluster-kube-prometh-kubelet', 'kube-system'),
  ];
  const stays = [
    object('Secret', 'runai-cluster-domain-tls-secret', NS, { type: 'kubernetes.io/tls' }),
    object('Secret', 'runai-ca-cert', NS, { metadata: { labels: { app: 'runai' } } }),
    object('Secret', 'team-key', NS, { metadata: { labels: { 'run.ai/department': 'x', app: 'runai' } } }),
    revision(9, 'uninstalled'),
    object('ConfigMap', 'notes-of-the-operator', NS),
    object('ConfigMap', 'kube-root-ca.crt', NS, { metadata: { labels: { app: 'runai' } } }),
    object('ClusterRoleBinding', 'runai-job-viewer-manual', undefined, {
      metadata: { labels: { app: 'runai' } },
    }),
    object('ValidatingWebhookConfiguration', 'somebody-elses', undefined),
    object('Service', 'coredns', 'kube-system'),
    object('PersistentVolumeClaim', 'data', NS),
  ];
  for (const one of [...goes, ...stays]) bench.api.put(one);
  assert.equal(await runStep(leftovers(), bench.context), 'done');
  const there = (one: KubeObject) =>
    bench.api.get(one.kind ?? '', one.metadata.name, one.metadata.namespace) !== undefined;
  assert.deepEqual(goes.filter(there), []);
  assert.deepEqual(
    stays.filter((one) => !there(one)),
    [],
  );
  bench.api.put(object('Deployment', 'engine', NS, { metadata: { labels: { app: 'runai-engine' } } }));
  assert.equal(
    (await leftovers().observe(bench.context)).state,
    'done',
    'the new cluster’s objects are not leftovers',
  );
});

test('other people’s workloads stay: by another release’s mark, by a manager, by an owner that stays', async () => {
  const owner = (apiVersion: string, one: KubeObject) => ({
    metadata: {
      labels: { app: 'runai-x' },
      ownerReferences: [
        { apiVersion, kind: one.kind, name: one.metadata.name, uid: one.metadata.uid, controller: true },
      ],
    },
  });
  const theirs = bench.api.put(object('ConfigMap', 'owner-of-theirs', NS));
  const config = bench.api.put(object('RunaiConfig', 'runai', NS));
  const labels = (more: Record<string, string>) => ({ metadata: { labels: more } });
  const stays = [
    owned(object('Deployment', 'prometheus-of-the-bundle', NS, labels({ app: 'runai' })), 'prometheus', NS),
    owned(object('StatefulSet', 'same-name-elsewhere', NS), 'runai-cluster', 'other'),
    object('DaemonSet', 'agent', NS, labels({ 'app.kubernetes.io/managed-by': 'corp-team', app: 'runai' })),
    object('Job', 'hook-of-theirs', NS, labels({ 'app.kubernetes.io/managed-by': 'Helm', release: 'corp' })),
    object('Service', 'made-by-theirs', NS, owner('v1', theirs)),
    object('Deployment', 'nobody-s', NS),
    owned(object('ClusterRole', 'runai-other', undefined, labels({ app: 'runai' })), 'corp', 'corp'),
  ];
  const goes = [
    object('Deployment', 'made-by-the-operator', NS, { ...owner('run.ai/v1', config) }),
    object('Deployment', 'accepted', NS),
    owned(object('Deployment', 'old', NS), 'runai-operator', NS),
  ];
  for (const one of [...stays, ...goes]) bench.api.put(one);
  const accepted = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NS, name: 'accepted' };
  assert.equal(await runStep(leftovers([accepted]), bench.context), 'done');
  const names = (list: readonly KubeObject[]) => list.map(({ metadata }) => metadata.name);
  const there = ({ kind = '', metadata }: KubeObject) =>
    bench.api.get(kind, metadata.name, metadata.namespace) !== undefined;
  assert.deepEqual(names(stays.filter(there)), names(stays));
  assert.deepEqual(names(goes.filter(there)), []);
  assert.ok(bench.notes.includes('deployment nobody-s is not the product’s and stays'), bench.notes.join());
});

test('a RunaiConfig that waits for the operator that is gone is freed, one that lives is not', async () => {
  const config = { metadata: { finalizers: ['run.ai/runaiconfig'] } };
  bench.api.put(object('RunaiConfig', 'runai', NS, config));
  assert.equal(await runStep(leftovers(), bench.context), 'done');
  assert.ok(bench.api.get('RunaiConfig', 'runai', NS));
  bench.api.put(
    object('RunaiConfig', 'runai', NS, {
      metadata: { ...config.metadata, deletionTimestamp: '2026-11-21T00:00:00Z' },
    }),
  );
  assert.equal(
    (await leftovers().observe(bench.context)).detail,
    '0 objects, 1 waiting for the old operator',
  );
  assert.equal(await runStep(leftovers(), bench.context), 'done');
  assert.equal(bench.api.get('RunaiConfig', 'runai', NS), undefined);
});

function restoreConfig(after: 'install' | 'upgrade') {
  const action = {
    kind: 'restore-runaiconfig',
    object: OBJECTS.runaiConfig,
    release: 'runai-cluster',
    after,
  } as const;
  return restoreRunaiConfigStep({ client: bench.api.client, limits: LIMITS }, action);
}

const config = (spec: unknown) => object('RunaiConfig', 'runai', NS, { spec });

test('customised settings are those that differ from what the chart wrote', () => {
  const rendered = config({ global: { runtime: 'docker' }, 'mps-server': { enabled: false } });
  const before = config({
    global: { runtime: 'containerd' },
    'mps-server': { enabled: false },
    limitRange: { cpu: 1 },
  });
  assert.deepEqual(
    customised(before, rendered).map((leaf) => leaf.key.join('.')),
    ['global.runtime', 'limitRange.cpu'],
  );
});

test('customised settings come back into the new RunaiConfig, and nothing else changes', async () => {
  const rendered = config({ global: { runtime: 'docker' } });
  await bench.saveSite(NS, 'runaiconfig.run.ai.v1', [
    config({ global: { runtime: 'containerd' }, limitRange: { cpu: 1 } }),
  ]);
  await bench.context.saved.put('site/release-runai-cluster/manifest.yaml', JSON.stringify(rendered));
  const step = restoreConfig('install');
  assert.match(
    (await step.observe(bench.context)).detail ?? '',
    /no RunaiConfig yet; to put back: global.runtime, limitRange.cpu/,
  );
  setTimeout(() => bench.api.put(config({ global: { runtime: 'docker', fresh: true } })), 300);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(bench.api.get('RunaiConfig', 'runai', NS)?.['spec'], {
    global: { runtime: 'containerd', fresh: true },
    limitRange: { cpu: 1 },
  });
});

test('threat 114: after an upgrade in place, what the chart reset comes back, and the operator’s own doing stays', async () => {
  const chart = { global: { runtime: 'docker' }, 'mps-server': { enabled: false } };
  await bench.saveSite(NS, 'runaiconfig.run.ai.v1', [
    config({ ...chart, 'mps-server': { enabled: true }, limitRange: { cpu: 1 }, injected: 'of 2.9' }),
  ]);
  await bench.context.saved.put('site/release-runai-cluster/manifest.yaml', JSON.stringify(config(chart)));
  bench.api.put(config({ ...chart, limitRange: { cpu: 1 }, injected: 'of 2.13' }));
  const step = restoreConfig('upgrade');
  assert.match((await step.observe(bench.context)).detail ?? '', /to put back: mps-server.enabled$/);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(bench.api.get('RunaiConfig', 'runai', NS)?.['spec'], {
    ...chart,
    'mps-server': { enabled: true },
    limitRange: { cpu: 1 },
    injected: 'of 2.13',
  });
});
