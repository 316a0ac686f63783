import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatKey,
  hasPlace,
  leavesOf,
  parseKey,
  sameValue,
  treeOf,
  type Values,
} from '../../src/runai/values/key.js';
import { type TranslateOptions, translateValues } from '../../src/runai/values/translate.js';
import { version } from './facts.js';

function translate(old: Values, from: string, to: string, more: Partial<TranslateOptions> = {}) {
  return translateValues(old, { role: 'control-plane', source: version(from), target: version(to), ...more });
}

/** Places of a 2.13 chart, as its values.yaml has them. */
const NEW_CHART: Values = {
  global: {
    domain: '',
    imageRegistry: '',
    image: { registry: '' },
    config: { kubernetesDistribution: '' },
    postgresql: { auth: { username: '', password: '', postgresPassword: '', database: '' } },
  },
  backend: { logLevel: 'info', config: { openshiftIdpFirstAdmin: '' } },
  postgresql: {
    primary: { persistence: { storageClass: '', existingClaim: '', size: '' }, nodeSelector: {} },
  },
  thanos: { receive: { persistence: { storageClass: '', existingClaim: '' } } },
  keycloakx: { adminUser: '', adminPassword: '' },
  grafana: { dbUser: '', dbPassword: '' },
  redisCache: { auth: { password: '' } },
};

const OLD = {
  deployment: { domain: 'runai.corp' },
  openshift: false,
  pspEnabled: true,
  backend: {
    isAirgapped: true,
    privateRegistryAddress: 'reg.corp:5000',
    logLevel: 'debug',
    https: { enabled: true, key: 'KEY', crt: 'CRT' },
    openshiftIdp: { enabled: false, firstAdmin: '' },
  },
  'nginx-ingress': { enabled: true, controller: { service: { externalIPs: ['10.0.0.1'] }, replicaCount: 3 } },
  postgresql: {
    postgresqlUsername: 'backend',
    postgresqlPassword: 's3cret-a',
    postgresqlPostgresPassword: 's3cret-b',
    persistence: { storageClassName: 'fast', nfs: { server: 'nfs', path: '/p' } },
  },
  thanos: { receive: { persistence: { storageClassName: 'slow' } } },
  keycloak: { adminUser: 'root', adminPassword: 's3cret-c', theme: 'corp' },
  grafana: {
    'grafana.ini': { server: { domain: 'runai.corp' } },
    image: { repository: 'reg.corp:5000/grafana' },
  },
  global: { grafana: { dbUser: 'grafana', dbPassword: 's3cret-d' }, db: { password: 's3cret-a' } },
  custom: { thing: 1 },
};

test('2.8 to 2.13: every row of the table', () => {
  const { values, translated, dropped, lost } = translate(OLD, '2.8.20', '2.13.66', {
    newDefaults: NEW_CHART,
  });
  assert.deepEqual(values, {
    global: {
      domain: 'runai.corp',
      imageRegistry: 'reg.corp:5000',
      image: { registry: 'reg.corp:5000' },
      postgresql: { auth: { username: 'backend', password: 's3cret-a', postgresPassword: 's3cret-b' } },
    },
    backend: { logLevel: 'debug' },
    postgresql: { primary: { persistence: { storageClass: 'fast' } } },
    thanos: { receive: { persistence: { storageClass: 'slow' } } },
    keycloakx: { adminUser: 'root', adminPassword: 's3cret-c' },
    grafana: { dbUser: 'grafana', dbPassword: 's3cret-d' },
    custom: { thing: 1 },
  });
  assert.deepEqual(
    lost.map((one) => one.key),
    ['nginx-ingress.controller.replicaCount', 'keycloak.theme', 'custom.thing'],
  );
  assert.deepEqual(dropped.map((one) => one.key).sort(), [
    'backend.https.crt',
    'backend.https.enabled',
    'backend.https.key',
    'backend.isAirgapped',
    'backend.openshiftIdp.enabled',
    'backend.openshiftIdp.firstAdmin',
    'grafana.grafana\\.ini.server.domain',
    'grafana.image.repository',
    'nginx-ingress.controller.service.externalIPs',
    'nginx-ingress.enabled',
    'openshift',
    'postgresql.persistence.nfs.path',
    'postgresql.persistence.nfs.server',
    'pspEnabled',
  ]);
  const registry = translated.find((one) => one.key === 'backend.privateRegistryAddress');
  assert.deepEqual(registry?.to, ['global.imageRegistry', 'global.image.registry']);
  const user = translated.find((one) => one.key === 'postgresql.postgresqlUsername');
  assert.deepEqual(
    [user?.to, user?.inferred],
    [['global.postgresql.auth.username'], true],
    'through two transitions',
  );
});

test('the lists never hold a value', () => {
  const { translated, dropped, lost } = translate(OLD, '2.8.20', '2.13.66', { newDefaults: NEW_CHART });
  const text = JSON.stringify({ translated, dropped, lost });
  assert.doesNotMatch(text, /s3cret|KEY|CRT|corp:5000/);
});

test('2.8 to 2.9: the family stays, NGINX and the database’s keys change', () => {
  const { values, lost } = translate(OLD, '2.8.20', '2.9.25');
  const result = values as typeof OLD & { postgresql: { auth: unknown } };
  assert.equal(result.deployment.domain, 'runai.corp');
  assert.deepEqual(result.backend.https, OLD.backend.https);
  assert.deepEqual(result.postgresql.auth, {
    username: 'backend',
    password: 's3cret-a',
    postgresPassword: 's3cret-b',
  });
  assert.ok(!('nginx-ingress' in values) && !('pspEnabled' in values));
  assert.deepEqual(
    lost.map((one) => one.key),
    ['nginx-ingress.controller.replicaCount'],
  );
});

test('2.10 to 2.11: only the certificate leaves the values', () => {
  const old = { backend: { https: { key: 'K', crt: 'C' }, logLevel: 'info' } };
  const { values, dropped, lost } = translate(old, '2.10.11', '2.11.4');
  assert.deepEqual(values, { backend: { logLevel: 'info' } });
  assert.deepEqual([dropped.length, lost.length], [2, 0]);
});

test('2.13 to 2.16: all is carried; what the new chart has no place for is named and kept', () => {
  const old = { global: { domain: 'd' }, redis: { auth: { password: 'p' } }, gone: { feature: true } };
  const { values, lost, translated } = translate(old, '2.13.66', '2.16.79', { newDefaults: NEW_CHART });
  assert.deepEqual(values, {
    global: { domain: 'd' },
    redisCache: { auth: { password: 'p' } },
    gone: { feature: true },
  });
  assert.deepEqual(
    lost.map((one) => one.key),
    ['gone.feature'],
  );
  assert.deepEqual(
    translated.map((one) => one.to),
    [['redisCache.auth.password']],
  );
  assert.deepEqual(translate(old, '2.13.66', '2.13.67').lost, []);
});

test('across families without the new chart at hand, a key in no rule is named', () => {
  const { lost } = translate({ custom: 1 }, '2.11.4', '2.13.66');
  assert.match(lost[0]?.why ?? '', /not at hand/);
});

test('a default of the old chart is no customisation', () => {
  const oldDefaults = { keycloak: { theme: 'runai' } };
  const options = { newDefaults: NEW_CHART, oldDefaults };
  assert.deepEqual(translate({ keycloak: { theme: 'runai' } }, '2.9.25', '2.13.66', options).lost, []);
  assert.equal(translate({ keycloak: { theme: 'corp' } }, '2.9.25', '2.13.66', options).lost.length, 1);
});

test('two old keys for one new key: equal ones are one, different ones are told', () => {
  const equal = { global: { db: { password: 'x' } }, postgresql: { auth: { password: 'x' } } };
  assert.deepEqual(translate(equal, '2.9.25', '2.13.66', { newDefaults: NEW_CHART }).lost, []);
  const different = { global: { db: { password: 'y' } }, postgresql: { auth: { password: 'x' } } };
  const { values, lost } = translate(different, '2.9.25', '2.13.66', { newDefaults: NEW_CHART });
  assert.deepEqual(values, { global: { postgresql: { auth: { password: 'x' } } } });
  assert.deepEqual(
    lost.map((one) => one.key),
    ['global.db.password'],
  );
});

test('OpenShift: the switch becomes a name, the first administrator goes on until 2.14', () => {
  const old = { openshift: true, backend: { openshiftIdp: { enabled: true, firstAdmin: 'kubeadmin' } } };
  assert.deepEqual(translate(old, '2.9.25', '2.13.66', { newDefaults: NEW_CHART }).values, {
    global: { config: { kubernetesDistribution: 'openshift' } },
    backend: { config: { openshiftIdpFirstAdmin: 'kubeadmin' } },
  });
  const later = translate(old, '2.9.25', '2.16.79', { newDefaults: NEW_CHART });
  assert.deepEqual(later.values, { global: { config: { kubernetesDistribution: 'openshift' } } });
});

test('cluster: Prometheus and NGINX leave with 2.9, the operator’s keys move with 2.15', () => {
  const old = {
    'kube-prometheus-stack': { enabled: true, prometheus: { retention: '30d' } },
    'ingress-nginx': { enabled: false },
    'runai-operator': {
      config: {
        global: { image: { registry: 'reg' } },
        'project-controller': { createNamespaces: false },
        runaiBackend: { password: 'p' },
      },
    },
  };
  const first = translate(old, '2.8.20', '2.13.66', { role: 'cluster' });
  assert.deepEqual(first.values, { 'runai-operator': old['runai-operator'] });
  assert.deepEqual(
    first.lost.map((one) => one.key),
    ['kube-prometheus-stack.prometheus.retention'],
  );
  const second = translate(first.values, '2.13.66', '2.16.79', { role: 'cluster' });
  assert.deepEqual(second.values, {
    global: { image: { registry: 'reg' } },
    clusterConfig: { 'project-controller': { createNamespaces: false } },
  });
  assert.deepEqual(
    second.lost.map((one) => one.key),
    ['runai-operator.config.runaiBackend.password'],
  );
});

test('threat 114: nothing disappears unnamed: every leaf is carried, translated, dropped or lost', () => {
  const segment = fc.constantFrom(
    'global',
    'postgresql',
    'nginx-ingress',
    'keycloak',
    'grafana',
    'image',
    'x',
    'db',
    'https',
    'backend',
    'a.b',
  );
  const leaf = fc.record({
    key: fc.array(segment, { minLength: 1, maxLength: 4 }),
    value: fc.oneof(fc.integer(), fc.string(), fc.boolean()),
  });
  const releases = fc.constantFrom('2.5.3', '2.8.20', '2.9.25', '2.11.4', '2.12.3', '2.13.66', '2.16.79');
  fc.assert(
    fc.property(fc.array(leaf, { maxLength: 12 }), releases, releases, (leaves, from, to) => {
      const old = treeOf(leaves);
      const { values, translated, dropped, lost } = translate(old, from, to);
      const named = new Set([...translated, ...dropped, ...lost].map((one) => one.key));
      const carried = new Set(leavesOf(values).map((one) => formatKey(one.key)));
      for (const { key } of leavesOf(old)) {
        const text = formatKey(key);
        assert.ok(named.has(text) || carried.has(text), text);
      }
    }),
    { numRuns: 2000 },
  );
});

test('keys with dots in them go there and back; hostile names touch no prototype', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }), (key) => {
      assert.deepEqual(parseKey(formatKey(key)), key);
    }),
  );
  const tree = treeOf([{ key: ['__proto__', 'polluted'], value: true }]);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.deepEqual(leavesOf(tree), [{ key: ['__proto__', 'polluted'], value: true }]);
});

test('whether a chart has a place for a key', () => {
  const rows: [string, boolean][] = [
    ['postgresql.primary.nodeSelector.disk', true],
    ['postgresql.primary.persistence.size', true],
    ['postgresql.primary.nodeName', false],
    ['global', true],
    ['global.domain.x', false],
    ['nowhere', false],
  ];
  for (const [key, expected] of rows) assert.equal(hasPlace(NEW_CHART, parseKey(key)), expected, key);
  assert.equal(hasPlace({ a: null, b: [] }, ['a', 'b']), true);
  assert.equal(hasPlace({ b: [] }, ['b', '0']), true);
  assert.equal(hasPlace({ b: [1] }, ['b', '0']), false);
  assert.equal(sameValue({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), true);
  assert.equal(sameValue({ a: undefined }, { b: undefined }), false);
});
