import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BundleChart } from '../../src/bundle/manifest.js';
import { fillRegistry, parseRegistryAddress, registryInValues } from '../../src/install/registry-address.js';
import { PULL_SECRET, releaseValues, type ValuesSources } from '../../src/install/release-values.js';

const chart: BundleChart = {
  role: 'control-plane',
  release: 'runai-backend',
  namespace: 'runai-backend',
  name: 'control-plane',
  version: '2.13.66',
  path: 'runai-backend/control-plane-2.13.66.tgz',
  imageValues: {
    'postgresql.image.repository': 'postgresql',
    'global.image.registry': '{{registry}}',
    'grafana.image.repository': '{{registry}}/grafana',
  },
};
const none = { values: {}, settings: [] };
const sources = (more: Partial<ValuesSources> = {}): ValuesSources => ({
  chart,
  running: {},
  registry: parseRegistryAddress('reg.site:5000/mirror'),
  pullSecret: false,
  overrides: none,
  settings: {},
  ...more,
});

test('threat 75: a registry is a host with a port and a prefix, and no URL', () => {
  assert.deepEqual(parseRegistryAddress('reg.site'), { host: 'reg.site', text: 'reg.site' });
  assert.deepEqual(parseRegistryAddress('10.0.0.5:5000/a/b-c/'), {
    host: '10.0.0.5:5000',
    prefix: 'a/b-c',
    text: '10.0.0.5:5000/a/b-c',
  });
  assert.deepEqual(parseRegistryAddress('[::1]:5000').host, '[::1]:5000');
  for (const text of ['', '/x', 'a b', 'reg.site/UPPER', 'reg.site:99999', 'reg.site//x', 'reg.site/../x'])
    assert.throws(() => parseRegistryAddress(text), { code: 'USAGE' }, text);
  assert.throws(() => parseRegistryAddress('http://reg.site'), { hint: /--plain-http/ });
});

test('templates are filled, and read back from the values of a release', () => {
  const registry = parseRegistryAddress('reg.site:5000/mirror');
  assert.equal(fillRegistry('{{registry}}/grafana', registry), 'reg.site:5000/mirror/grafana');
  assert.equal(fillRegistry('postgresql', registry), 'postgresql');
  const values = releaseValues(sources());
  assert.equal(registryInValues(values, chart.imageValues), 'reg.site:5000/mirror');
  const onlyDerived = { grafana: { image: { repository: 'other:1/grafana' } } };
  assert.equal(registryInValues(onlyDerived, chart.imageValues), 'other:1');
  assert.equal(registryInValues({}, chart.imageValues), undefined);
  assert.equal(registryInValues({ global: { image: { registry: 7 } } }, chart.imageValues), undefined);
});

test('threat 114: the values are what the release has, then redirects, then the operator’s, then the path’s', () => {
  const running = {
    global: { image: { registry: 'old' }, domain: 'old.site' },
    custom: { a: 1, b: 1 },
    removed: null,
  };
  const values = releaseValues(
    sources({
      running,
      overrides: { values: { custom: { b: 2 } }, settings: [{ path: ['global', 'domain'], value: 'given' }] },
      settings: {
        'global.domain': 'demanded',
        'postgresql.primary.persistence.existingClaim': 'pvc-postgresql',
      },
    }),
  );
  assert.deepEqual(values, {
    global: { image: { registry: 'reg.site:5000/mirror' }, domain: 'demanded' },
    custom: { a: 1, b: 2 },
    removed: null,
    postgresql: {
      image: { repository: 'postgresql' },
      primary: { persistence: { existingClaim: 'pvc-postgresql' } },
    },
    grafana: { image: { repository: 'reg.site:5000/mirror/grafana' } },
  });
});

test('made again from its own result the values stay the same', () => {
  const first = releaseValues(sources({ pullSecret: true }));
  assert.deepEqual(releaseValues(sources({ running: first, pullSecret: true })), first);
});

test('the pull secret joins those that there are, once', () => {
  const running = { global: { imagePullSecrets: [{ name: 'site' }] } };
  const values = releaseValues(sources({ running, pullSecret: true }));
  assert.deepEqual((values['global'] as { imagePullSecrets: unknown }).imagePullSecrets, [
    { name: 'site' },
    { name: PULL_SECRET },
  ]);
  assert.equal('imagePullSecrets' in (releaseValues(sources())['global'] as object), false);
});

test('without a registry images stay where they are', () => {
  const { registry: _registry, ...rest } = sources();
  assert.deepEqual(releaseValues(rest), {});
});
