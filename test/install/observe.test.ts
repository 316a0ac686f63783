import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { observe } from '../../src/install/observe.js';
import { makePlan } from '../../src/install/plan.js';
import { readProof } from '../../src/install/proof-read.js';
import { saveSiteStep } from '../../src/install/steps/save-site.js';
import { waitStep } from '../../src/install/steps/wait.js';
import type { KubeObject } from '../../src/kube/types.js';
import { checkUpgradePath } from '../../src/runai/upgrade-path.js';
import { manifestOf, requestOf } from './support/observation.js';
import { type Bench, LIMITS, makeBench, object, owned, runStep } from './support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
  bench.api.put(object('Namespace', 'kube-system'));
});
afterEach(() => bench.close());

/** A release as Helm keeps it. */
function release(name: string, chart: { name: string; version: string; values?: unknown }): KubeObject {
  const namespace = name === 'runai-backend' ? name : 'runai';
  const { values = {}, ...metadata } = chart;
  const body = {
    name,
    namespace,
    version: 1,
    info: { status: 'deployed', description: '' },
    chart: { metadata, values },
    config: { log: 'debug' },
    manifest: '',
  };
  const packed = gzipSync(JSON.stringify(body)).toString('base64');
  return object('Secret', `sh.helm.release.v1.${name}.v1`, namespace, {
    type: 'helm.sh/release.v1',
    metadata: { labels: { owner: 'helm', name, status: 'deployed', version: '1' } },
    data: { release: Buffer.from(packed).toString('base64') },
  });
}

test('a bundle with the cluster part alone does not hide an older control plane', async () => {
  bench.api.put(release('runai-backend', { name: 'runai-backend', version: '2.9.25' }));
  bench.api.put(release('runai-cluster', { name: 'runai-cluster', version: '2.9.25' }));
  const whole = manifestOf('2.13.66');
  const manifest = { ...whole, charts: whole.charts.filter(({ role }) => role === 'cluster'), crds: [] };
  const bundle = { manifest } as never;
  const site = await observe({ client: bench.api.client, bundle, crds: [] });
  const { facts } = makePlan(requestOf('2.13.66', { manifest }), site);
  assert.equal(facts.site.backend?.text, '2.9.25');
  const found = checkUpgradePath(facts).map(({ level, id }) => `${level} ${id}`);
  assert.ok(found.includes('refuse cluster-newer'), found.join());
});

test('NGINX that the old chart itself leaves out counts as disabled', async () => {
  const flag = async (enabled: boolean): Promise<boolean> => {
    const values = { 'nginx-ingress': { enabled } };
    bench.api.put(release('runai-backend', { name: 'runai-backend', version: '2.8.20', values }));
    const bundle = { manifest: manifestOf('2.13.66') } as never;
    return (await observe({ client: bench.api.client, bundle, crds: [] })).product.nginxEnabled;
  };
  assert.equal(await flag(true), true);
  assert.equal(await flag(false), false);
});

const deployment = (name: string, ready: number): KubeObject =>
  object('Deployment', name, 'shared', {
    spec: { replicas: 1 },
    status: { replicas: 1, updatedReplicas: 1, availableReplicas: ready, readyReplicas: ready },
  });

test('workloads of nobody’s beside a cluster that is reinstalled are in the plan; beside a later one they are no matter', async () => {
  for (const [version, deletes] of [
    ['2.8.20', ['service runai/by-hand']],
    ['2.9.25', undefined],
  ] as const) {
    bench.api.put(release('runai-cluster', { name: 'runai-cluster', version }));
    bench.api.put(owned(object('Deployment', 'engine', 'runai'), 'runai-cluster', 'runai'));
    bench.api.put(owned(object('Deployment', 'of-others', 'runai'), 'corp', 'corp'));
    bench.api.put(object('Service', 'by-hand', 'runai'));
    const manifest = manifestOf('2.13.66');
    const bundle = { manifest } as never;
    const site = await observe({ client: bench.api.client, bundle, crds: [] });
    const { plan } = makePlan(requestOf('2.13.66', { manifest }), site);
    assert.deepEqual(plan.steps.find(({ id }) => id === 'delete:cluster-leftovers')?.deletes, deletes);
  }
});

test('of a prerequisite only its own workloads are waited for, whatever else its namespace holds', async () => {
  const step = (scope: 'release' | undefined) =>
    waitStep(
      {
        client: bench.api.client,
        limits: LIMITS,
        results: { health: new Map(), revisions: new Map() },
      } as never,
      { kind: 'wait-healthy', release: 'haproxy', namespace: 'shared', ...(scope ? { scope } : {}) },
    );
  bench.api.put(owned(deployment('haproxy', 0), 'haproxy', 'shared'));
  bench.api.put(deployment('of-somebody', 0));
  assert.equal((await step('release').observe(bench.context)).state, 'ready');
  bench.api.put(owned(deployment('haproxy', 1), 'haproxy', 'shared'));
  assert.equal((await step('release').observe(bench.context)).state, 'done');
  assert.equal((await step(undefined).observe(bench.context)).state, 'ready');
});

test('of a prerequisite only its own pods are proven', async () => {
  const pod = (name: string, labels: Record<string, string>): KubeObject =>
    object('Pod', name, 'shared', {
      metadata: { labels },
      spec: { containers: [{ name: 'main', image: 'elsewhere/x:1' }] },
      status: {
        phase: 'Running',
        containerStatuses: [{ name: 'main', imageID: `sha256:${'a'.repeat(64)}` }],
      },
    });
  bench.api.put(pod('own', { 'app.kubernetes.io/instance': 'haproxy' }));
  bench.api.put(pod('of-somebody', { app: 'x' }));
  const bundle = { manifest: { images: [] } } as never;
  const proof = async (release?: string) =>
    readProof(bench.api.client, bundle, {
      registry: 'reg:5000',
      places: [{ namespace: 'shared', ...(release === undefined ? {} : { release }) }],
    });
  assert.deepEqual(
    (await proof('haproxy')).faults.map(({ pod: name }) => name),
    ['shared/own'],
  );
  assert.equal((await proof()).faults.length, 2);
});

test('what is saved first: given values, defaults, and what is in effect of both', async () => {
  const values = { log: 'info', port: 1 };
  bench.api.put(release('runai-backend', { name: 'runai-backend', version: '2.9.25', values }));
  const ref = { release: 'runai-backend', namespace: 'runai-backend' };
  assert.equal(await runStep(saveSiteStep({ client: bench.api.client }, [ref]), bench.context), 'done');
  const read = async (name: string) =>
    JSON.parse((await bench.context.saved.get(`site/release-runai-backend/${name}`))?.toString() ?? 'null');
  assert.deepEqual(await read('values.json'), { log: 'debug' });
  assert.deepEqual(await read('effective.json'), { log: 'debug', port: 1 });
});
