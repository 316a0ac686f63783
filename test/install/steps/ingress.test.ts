import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { checkIngressStep, findIngressControllers } from '../../../src/install/steps/ingress-controller.js';
import { type Ingress, patchesOf, reapply } from '../../../src/install/steps/ingress-patches.js';
import { restoreIngressStep } from '../../../src/install/steps/restore-ingress.js';
import { OBJECTS } from '../../../src/runai/names.js';
import { type Bench, makeBench, object, owned, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai-backend';
const NAME = 'runai-backend-ingress';

/** As the old chart rendered it. */
const RENDERED = object('Ingress', NAME, NS, {
  metadata: { annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '0' } },
  spec: {
    tls: [{ hosts: ['runai.test'], secretName: 'runai-backend-https' }],
    rules: [{ host: 'runai.test', http: {} }],
  },
}) as Ingress;

/** As it was found: with a wildcard entry, an annotation of its own and a changed one. */
const SAVED = object('Ingress', NAME, NS, {
  metadata: {
    uid: 'old',
    annotations: {
      'nginx.ingress.kubernetes.io/proxy-body-size': '10g',
      'cert-manager.io/issuer': 'corp',
      'meta.helm.sh/release-name': 'runai-backend',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    },
  },
  spec: {
    tls: [
      { hosts: ['runai.test'], secretName: 'runai-backend-https' },
      { hosts: ['*.runai.test'], secretName: 'runai-cluster-domain-star-tls-secret' },
    ],
    rules: [
      { host: 'runai.test', http: {} },
      { host: '*.runai.test', http: {} },
    ],
  },
}) as Ingress;

const MANIFEST = JSON.stringify(RENDERED);

function fresh(size = '0') {
  return object('Ingress', NAME, NS, {
    metadata: { annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': size } },
    spec: {
      tls: [{ hosts: ['runai.test'], secretName: 'runai-backend-tls' }],
      rules: [{ host: 'runai.test', http: {} }],
    },
  });
}

test('what was added by hand is what no chart had rendered', () => {
  assert.deepEqual(patchesOf(SAVED, RENDERED), {
    annotations: {
      'nginx.ingress.kubernetes.io/proxy-body-size': { value: '10g', rendered: '0' },
      'cert-manager.io/issuer': { value: 'corp' },
    },
    labels: {},
    fields: {},
    tls: [{ value: { hosts: ['*.runai.test'], secretName: 'runai-cluster-domain-star-tls-secret' } }],
    rules: [{ host: '*.runai.test', http: {} }],
    paths: [],
    removed: [],
  });
  const none = { annotations: {}, labels: {}, fields: {}, tls: [], rules: [], paths: [], removed: [] };
  assert.deepEqual(patchesOf(RENDERED, RENDERED), none);
});

test('patches come back on the new ingress; where the new chart says something new, its word stays and is told', async () => {
  await bench.saveSite(NS, 'ingress.networking.k8s.io.v1', [SAVED]);
  await bench.context.saved.put('site/release-runai-backend/manifest.yaml', MANIFEST);
  bench.api.put(fresh('1g'));
  const step = restoreIngressStep({ client: bench.api.client }, OBJECTS.backendIngress);
  assert.equal(await runStep(step, bench.context), 'done');
  const live = bench.api.get('Ingress', NAME, NS) as Ingress;
  assert.deepEqual(live.metadata.annotations, {
    'nginx.ingress.kubernetes.io/proxy-body-size': '1g',
    'cert-manager.io/issuer': 'corp',
  });
  assert.deepEqual(live.spec?.tls, [
    { hosts: ['runai.test'], secretName: 'runai-backend-tls' },
    { hosts: ['*.runai.test'], secretName: 'runai-cluster-domain-star-tls-secret' },
  ]);
  assert.deepEqual(
    live.spec?.rules?.map((rule) => rule.host),
    ['runai.test', '*.runai.test'],
  );
  const seen = await step.observe(bench.context);
  assert.match(seen.detail ?? '', /not put back: annotation nginx.*another value/);
  assert.ok(bench.notes.some((text) => text.includes('proxy-body-size')));
});

test('somebody writes in between: the patch is refused instead of losing what he wrote', async () => {
  await bench.saveSite(NS, 'ingress.networking.k8s.io.v1', [SAVED]);
  await bench.context.saved.put('site/release-runai-backend/manifest.yaml', MANIFEST);
  bench.api.put(fresh());
  let once = true;
  bench.api.intercept = (seen) => {
    if (seen.method === 'PATCH' && once) {
      once = false;
      bench.api.put(fresh());
    }
    return undefined;
  };
  const step = restoreIngressStep({ client: bench.api.client }, OBJECTS.backendIngress);
  await assert.rejects(runStep(step, bench.context), { code: 'CLUSTER_REFUSED' });
  assert.equal(await runStep(step, bench.context), 'done');
});

test('no ingress before, or none from the new chart', async () => {
  const step = restoreIngressStep({ client: bench.api.client }, OBJECTS.backendIngress);
  assert.equal((await step.observe(bench.context)).state, 'done');
  await bench.saveSite(NS, 'ingress.networking.k8s.io.v1', [SAVED]);
  const seen = await step.observe(bench.context);
  assert.equal(seen.state, 'done', 'nothing waits for an ingress that never comes');
  assert.match(
    seen.detail ?? '',
    /not put back: .*annotation cert-manager.io\/issuer: the new chart made no ingress/,
  );
  await bench.saveSite(NS, 'ingress.networking.k8s.io.v1', [RENDERED]);
  await bench.context.saved.put('site/release-runai-backend/manifest.yaml', MANIFEST);
  assert.deepEqual(await step.observe(bench.context), { state: 'done' });
});

test('threat 114: what somebody set over the chart is set over a chart that says the same again', () => {
  const spec = (ingressClassName: string, ...paths: string[]) => ({
    ingressClassName,
    rules: [{ host: 'runai.test', http: { paths: paths.map((path) => ({ path, backend: path })) } }],
  });
  const ingress = (more: Record<string, unknown>) => object('Ingress', NAME, NS, more) as Ingress;
  const annotated = (size: string) => ({ metadata: { annotations: { size } } });
  const patches = patchesOf(
    ingress({ ...annotated('10g'), spec: spec('haproxy', '/', '/metrics') }),
    ingress({ ...annotated('0'), spec: spec('nginx', '/') }),
  );
  const same = reapply(patches, ingress({ ...annotated('0'), spec: spec('nginx', '/', '/v2') }));
  assert.deepEqual(same.conflicts, []);
  assert.deepEqual(same.missing, ['annotation size', 'ingressClassName', 'path /metrics of runai.test']);
  assert.deepEqual(same.patch?.['spec'], spec('haproxy', '/', '/v2', '/metrics'));
  const other = reapply(
    patches,
    ingress({ ...annotated('1g'), spec: { ingressClassName: 'traefik', rules: [] } }),
  );
  assert.equal(other.patch, undefined);
  assert.deepEqual(other.conflicts, [
    'annotation size: the new chart sets another value',
    'ingressClassName: the new chart sets another value',
    'path /metrics: the new chart has no rule for runai.test',
  ]);
});

const LEADS = (name: string, number = 8080) => ({ service: { name, port: { number } } });
const SITE = (parts: {
  readonly root: unknown;
  readonly secret: string;
  readonly labels?: Record<string, string>;
  readonly path?: string;
}) =>
  object('Ingress', NAME, NS, {
    metadata: { labels: parts.labels ?? {} },
    spec: {
      tls: [{ hosts: ['runai.test'], secretName: parts.secret }],
      rules: [
        {
          host: 'runai.test',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: parts.root },
              ...(parts.path === undefined ? [] : [{ path: parts.path, backend: LEADS('keycloak', 80) }]),
            ],
          },
        },
      ],
    },
  }) as Ingress;

test('threat 114: a path led elsewhere, a label and another certificate are set again where the chart says the same', () => {
  const chart = SITE({ root: LEADS('frontend'), secret: 'chart-tls' });
  const patches = patchesOf(
    SITE({ root: LEADS('oauth2-proxy', 4180), secret: 'corp-tls', labels: { shard: 'internal' } }),
    chart,
  );
  const { patch, missing, conflicts } = reapply(patches, chart);
  assert.deepEqual(missing, ['label shard', 'tls entry corp-tls for runai.test', 'path / of runai.test']);
  assert.deepEqual(conflicts, []);
  const { tls, rules } = (patch?.['spec'] ?? {}) as NonNullable<Ingress['spec']>;
  assert.deepEqual(tls, [{ hosts: ['runai.test'], secretName: 'corp-tls' }], 'one entry for the host');
  assert.deepEqual(rules?.[0]?.http?.paths, [
    { path: '/', pathType: 'Prefix', backend: LEADS('oauth2-proxy', 4180) },
  ]);
});

test('threat 114: where the new chart says something else, the path and the certificate are told and left alone', () => {
  const patches = patchesOf(
    SITE({ root: LEADS('oauth2-proxy', 4180), secret: 'corp-tls' }),
    SITE({ root: LEADS('frontend'), secret: 'old-tls', path: '/auth' }),
  );
  const now = SITE({ root: LEADS('frontend', 9090), secret: 'runai-backend-tls', path: '/auth' });
  assert.deepEqual(reapply(patches, now), {
    missing: [],
    conflicts: [
      'tls entry corp-tls for runai.test: the new chart has runai-backend-tls for it',
      'path / of runai.test: the new chart sends it elsewhere',
      'path /auth of runai.test: was taken away, and is back',
    ],
  });
});

test('a chart in an older API version of ingresses says the same as the server in the newest: nothing is by hand', () => {
  const chart = SITE({ root: { serviceName: 'frontend', servicePort: 8080 }, secret: 'tls' });
  assert.deepEqual(patchesOf(SITE({ root: LEADS('frontend'), secret: 'tls' }), chart).paths, []);
});

test('an ingress without patches needs nothing', () => {
  assert.deepEqual(reapply(patchesOf(RENDERED, RENDERED), fresh() as Ingress), {
    missing: [],
    conflicts: [],
  });
});

const CLASS = (name: string, controller: string) =>
  object('IngressClass', name, undefined, { spec: { controller } });
const RUNS = (kind: string, name: string, namespace: string) =>
  object(kind, name, namespace, { status: kind === 'DaemonSet' ? { numberReady: 1 } : { readyReplicas: 1 } });

test('an ingress controller is a class with a workload that runs; the old release’s own does not count', async () => {
  const step = checkIngressStep({ client: bench.api.client });
  assert.match((await step.observe(bench.context)).detail ?? '', /there is no IngressClass/);
  bench.api.put(owned(CLASS('nginx', 'k8s.io/ingress-nginx')));
  bench.api.put(RUNS('Deployment', 'runai-backend-nginx-ingress-controller', NS));
  assert.match((await step.observe(bench.context)).detail ?? '', /there is no IngressClass/);
  bench.api.put(CLASS('haproxy', 'haproxy.org/ingress-controller/haproxy'));
  assert.match((await step.observe(bench.context)).detail ?? '', /class haproxy has no controller that runs/);
  bench.api.put(
    object('Deployment', 'haproxy-ingress', 'haproxy-controller', { status: { readyReplicas: 0 } }),
  );
  assert.equal((await step.observe(bench.context)).state, 'impossible');
  bench.api.put(RUNS('DaemonSet', 'haproxy-ingress', 'haproxy-controller'));
  assert.deepEqual(await step.observe(bench.context), {
    state: 'done',
    detail: 'class haproxy by daemonset haproxy-controller/haproxy-ingress',
  });
});

test('controllers that nobody listed are known by the word ingress', async () => {
  bench.api.put(CLASS('corp', 'corp.example/router'));
  bench.api.put(RUNS('Deployment', 'corp-ingress-router', 'infra'));
  const [found] = await findIngressControllers(bench.api.client);
  assert.equal(found?.workload, 'deployment infra/corp-ingress-router');
});
