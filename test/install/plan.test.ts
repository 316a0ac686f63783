import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFingerprint } from '../../src/helm/fingerprint.js';
import { backupIn, inputOf, isBehindBackup, makePlan } from '../../src/install/plan.js';
import { type Values, valueAt } from '../../src/install/values.js';
import type { Overrides } from '../../src/install/values-input.js';
import { digestOf } from '../../src/run/canonical.js';
import { checkPlan } from '../../src/run/plan.js';
import {
  chartSha,
  emptySite,
  registryOf,
  releaseFacts,
  requestOf,
  revision,
  version,
} from './support/observation.js';

const ids = (made: ReturnType<typeof makePlan>): string[] => made.plan.steps.map((step) => step.id);

test('a first install: images and namespaces, control plane, definitions, cluster, proof', () => {
  const made = makePlan(requestOf('2.13.66'), emptySite());
  assert.deepEqual(ids(made), [
    'push',
    'namespaces',
    'helm:runai-backend',
    'wait:runai-backend',
    'crds',
    'helm:runai-cluster',
    'wait:runai-cluster',
    'prove:images',
  ]);
  assert.equal(made.changes, true);
  assert.ok(made.plan.steps.every((step) => !step.destructive));
  checkPlan(made.plan);
});

test('images that stay where they are: nothing is pushed or redirected, the proof remains', () => {
  const { registry: _registry, ...site } = emptySite();
  const request = requestOf('2.13.66');
  const image = {
    source: 'gcr.io/run-ai/web:1',
    target: 'web:1',
    descriptor: { mediaType: 'm', digest: `sha256:${'1'.repeat(64)}` as const, size: 1 },
    platforms: [],
    reasons: [],
  };
  const asked = { ...request, manifest: { ...request.manifest, images: [image] } };
  const made = makePlan(asked, site);
  assert.deepEqual(ids(made), [
    'namespaces',
    'helm:runai-backend',
    'wait:runai-backend',
    'crds',
    'helm:runai-cluster',
    'wait:runai-cluster',
    'prove:images',
  ]);
  assert.match(made.plan.steps.at(-1)?.title ?? '', /what its name stood for/);
  for (const { values } of made.releases) assert.doesNotMatch(JSON.stringify(values), /registry/);
  const [, canary, next] = makePlan({ ...asked, canary: true }, site).plan.steps;
  assert.deepEqual(
    [canary?.id, next?.id],
    ['canary', 'helm:runai-backend'],
    'pulling asks for a login here too',
  );
  assert.match(canary?.command ?? '', /--image=IMAGE/);
  const none = makePlan(request, site);
  assert.ok(!ids(none).includes('prove:images'), 'without images there is nothing to prove');
});

test('the same facts give the same plan, other values another one', () => {
  const one = makePlan(requestOf('2.13.66'), emptySite());
  assert.equal(digestOf(makePlan(requestOf('2.13.66'), emptySite()).plan), digestOf(one.plan));
  const other = makePlan(requestOf('2.13.66', { domain: 'other.site' }), emptySite());
  assert.notEqual(digestOf(other.plan), digestOf(one.plan));
});

test('threat 136: the plan holds digests of values, never values', () => {
  const overrides = {
    values: { global: { postgresql: { auth: { password: 'canary-1' } } } },
    settings: [{ path: ['x'], value: 'canary-2' }],
  };
  const none = { values: {}, settings: [] };
  const made = makePlan(
    requestOf('2.13.66', { overrides: { 'control-plane': overrides, cluster: none, prerequisite: none } }),
    emptySite(),
  );
  assert.doesNotMatch(JSON.stringify(made.plan), /canary/);
  assert.match(JSON.stringify(made.releases[0]?.values), /canary-1.*canary-2/);
});

/** The site as the plan leaves it. */
function installedSite(release = '2.13.66') {
  const made = makePlan(requestOf(release), emptySite());
  const facts = made.releases.map(({ chart, chartSha, valuesSha, values }) =>
    releaseFacts(
      chart.release,
      revision({
        name: chart.release,
        namespace: chart.namespace,
        chart: { name: chart.name, version: chart.version, appVersion: '' },
        values,
        description: formatFingerprint({ runId: 'r1', chart: chartSha, values: valuesSha }),
      }),
    ),
  );
  const empty = emptySite();
  return emptySite({
    releases: new Map(facts.map((one) => [one.release, one])),
    crds: { ...empty.crds, toApply: [] },
    registry: registryOf({ state: { images: 1, missing: [], different: [] } }),
    product: {
      ...empty.product,
      backend: version(release),
      cluster: version(release),
      clusterRelease: 'runai-cluster',
      namespaces: ['runai-backend', 'runai'],
      backendIngress: true,
    },
  });
}

test('the same bundle again: only checks are left, and what holds is said; no flag is needed', () => {
  const { domain: _domain, ...request } = requestOf('2.13.66');
  const made = makePlan(request, installedSite());
  assert.equal(made.changes, false);
  assert.deepEqual(ids(made), ['wait:runai-backend', 'wait:runai-cluster', 'prove:images']);
  assert.equal(made.holds.length, 4);
  assert.match(
    made.holds.join('\n'),
    /all 1 images are in reg\.site:5000[\s\S]*release runai-backend is control-plane 2\.13\.66 with these values \(revision 1\)/,
  );
});

test('one changed value: that release, its health, and the save before it', () => {
  const none = { values: {}, settings: [] };
  const cluster = { values: {}, settings: [{ path: ['x'], value: 1 }] };
  const request = requestOf('2.13.66', { overrides: { 'control-plane': none, cluster, prerequisite: none } });
  const made = makePlan(request, installedSite());
  assert.deepEqual(ids(made), [
    'save',
    'wait:runai-backend',
    'helm:runai-cluster',
    'wait:runai-cluster',
    'restore:runaiconfig',
    'prove:images',
  ]);
  const planned = made.releases.find(({ chart }) => chart.role === 'cluster');
  assert.deepEqual(planned?.changes, [{ path: 'x', kind: 'added', after: '1', origin: 'own' }]);
});

test('one missing tag: it is pushed, nothing else', () => {
  const site = installedSite();
  const registry = registryOf({ state: { images: 2, missing: ['web:2'], different: [] } });
  const made = makePlan(requestOf('2.13.66'), { ...site, registry });
  assert.deepEqual(ids(made), ['save', 'push', 'wait:runai-backend', 'wait:runai-cluster', 'prove:images']);
});

test('an upgrade saves first, pushes, and goes control plane before cluster', () => {
  const site = installedSite('2.13.66');
  const registry = registryOf();
  const crds = { ...site.crds, toApply: ['a.run.ai'] };
  const made = makePlan(requestOf('2.16.79'), { ...site, registry, crds });
  const found = ids(made);
  assert.equal(found[0], 'save');
  const order = [
    'push',
    'helm:runai-backend',
    'wait:runai-backend',
    'crds',
    'helm:runai-cluster',
    'wait:runai-cluster',
    'prove:images',
  ];
  assert.deepEqual(
    order.filter((id) => found.includes(id)),
    order,
  );
  assert.deepEqual(
    [...order].sort((a, b) => found.indexOf(a) - found.indexOf(b)),
    order,
    'in this order',
  );
});

test('a registry that needs a login: a pull secret where there is none, before the first chart, and its name in the values', () => {
  const registry = registryOf({ needsLogin: true, withoutPullSecret: ['runai'] });
  const made = makePlan(requestOf('2.13.66'), emptySite({ registry }));
  assert.deepEqual(ids(made).slice(0, 4), ['push', 'namespaces', 'pull-secret:runai', 'helm:runai-backend']);
  for (const { values } of made.releases)
    assert.deepEqual((values['global'] as { imagePullSecrets: unknown }).imagePullSecrets, [
      { name: 'runai-reg-creds' },
    ]);
  assert.doesNotMatch(JSON.stringify(made.plan), /password=[^…]/);
});

test('--skip-push pushes nothing and still proves the images', () => {
  const made = makePlan(requestOf('2.13.66', { skipPush: true }), emptySite());
  assert.ok(!ids(made).includes('push'));
  assert.ok(ids(made).includes('prove:images'));
  assert.match(made.holds.join(), /--skip-push/);
});

test('a step of helm carries what it is bound to', () => {
  const made = makePlan(requestOf('2.13.66'), emptySite());
  const step = made.plan.steps.find(({ id }) => id === 'helm:runai-cluster');
  const input = step && inputOf(step);
  assert.ok(input && 'chartSha' in input);
  assert.deepEqual(
    [input.release, input.namespace, input.chartSha],
    ['runai-cluster', 'runai', chartSha('cluster', '2.13.66')],
  );
  assert.equal(input.valuesSha, digestOf(made.releases[1]?.values));
});

test('threat 109: a release that is pending is neither kept nor upgraded', () => {
  const site = installedSite();
  const facts = site.releases.get('runai-backend');
  const last = facts?.revisions[0];
  assert.ok(facts && last && !('undecodable' in last));
  const releases = new Map(site.releases).set('runai-backend', {
    ...facts,
    revisions: [last, { ...last, revision: 2, status: 'pending-upgrade' }],
  });
  const made = makePlan(requestOf('2.13.66'), { ...site, releases });
  assert.equal(made.releases[0]?.decision.do, 'locked');
});

test('a cluster part under its very old name: its own values go to the new release', () => {
  const old = revision({
    name: 'runai-operator',
    namespace: 'runai',
    chart: { name: 'runai-operator', version: '2.3.0', appVersion: '' },
    values: { 'runai-operator': { config: { 'project-controller': { createNamespaces: false } } } },
  });
  const site = emptySite();
  const made = makePlan(requestOf('2.8.20'), {
    ...site,
    releases: new Map([['runai-operator', releaseFacts('runai-operator', old)]]),
    product: { ...site.product, cluster: version('2.3.0'), clusterRelease: 'runai-operator' },
  });
  const cluster = made.releases.find(({ chart }) => chart.role === 'cluster');
  assert.equal(
    valueAt(cluster?.values, ['runai-operator', 'config', 'project-controller', 'createNamespaces']),
    false,
  );
  assert.ok(ids(made).indexOf('helm-uninstall:runai-operator') < ids(made).indexOf('helm:runai-cluster'));
});

test('threat 108: the canary comes after push and namespaces, before all that the product would miss', () => {
  const steps = ids(makePlan(requestOf('2.13.66', { canary: true }), emptySite()));
  assert.deepEqual(steps.slice(0, 4), ['push', 'namespaces', 'canary', 'helm:runai-backend']);
  assert.ok(!ids(makePlan(requestOf('2.13.66'), emptySite())).includes('canary'));
  const { registry: _registry, ...upstream } = emptySite();
  assert.ok(!ids(makePlan(requestOf('2.13.66', { canary: true }), upstream)).includes('canary'), 'no image');
});

const backupOf = (made: ReturnType<typeof makePlan>) =>
  made.plan.steps.flatMap((step) =>
    step.id === 'backup' ? [{ ...step, choice: step.input?.['backup'] }] : [],
  )[0];

test('threat 118: an upgrade backs up right before the migration, as the operator chose', () => {
  const use = {
    kind: 'use',
    file: '/b.backup',
    backupId: 'd'.repeat(64),
    createdAt: '2026-03-01T12:00:00Z',
  } as const;
  const rows = [
    [undefined, /into the folder of the run, encrypted/],
    [{ kind: 'take', folder: '/mnt' }, /into \/mnt, encrypted/],
    [use, /check the backup \/b\.backup of 2026-03-01T12:00:00Z/],
    [{ kind: 'none' }, /NO BACKUP is made/],
  ] as const;
  for (const [backup, title] of rows) {
    const made = makePlan(requestOf('2.16.79', backup === undefined ? {} : { backup }), installedSite());
    const found = ids(made);
    assert.equal(found.indexOf('backup') + 1, found.indexOf('helm:runai-backend'));
    assert.match(backupOf(made)?.title ?? '', title);
    assert.deepEqual(backupOf(made)?.choice, backup ?? { kind: 'take' });
    assert.deepEqual(backupIn(made.plan), backup ?? { kind: 'take' });
    checkPlan(made.plan);
  }
});

test('threat 118: nothing at risk, no backup: a first install, and a control plane that is there already', () => {
  assert.equal(backupOf(makePlan(requestOf('2.13.66'), emptySite())), undefined);
  const half = installedSite();
  const releases = new Map(half.releases);
  releases.delete('runai-cluster');
  const made = makePlan(requestOf('2.13.66'), { ...half, releases });
  assert.ok(ids(made).includes('helm:runai-cluster') && !ids(made).includes('helm:runai-backend'));
  assert.equal(backupOf(made), undefined);
});

test('every step behind the backup counts as harm, none before it', () => {
  const { plan } = makePlan(requestOf('2.16.79'), installedSite());
  assert.equal(isBehindBackup(plan, 'save'), false);
  assert.equal(isBehindBackup(plan, 'backup'), false);
  assert.equal(isBehindBackup(plan, 'helm:runai-backend'), true);
  assert.equal(isBehindBackup(makePlan(requestOf('2.13.66'), emptySite()).plan, 'crds'), false);
});

test('the operator’s own word for the claim goes over the path’s, nothing else of his does', () => {
  const path = ['postgresql', 'primary', 'persistence', 'existingClaim'];
  const none = { values: {}, settings: [] };
  const own = {
    values: { global: { domain: 'other.site' } },
    settings: [{ path, value: 'mine' }],
  };
  const empty = emptySite();
  const running = revision({ chart: { name: 'runai-backend', version: '2.9.25', appVersion: '' } });
  const site = emptySite({
    releases: new Map([['runai-backend', releaseFacts('runai-backend', running)]]),
    product: {
      ...empty.product,
      backend: version('2.9.25'),
      claims: ['pvc-postgresql', 'pvc-thanos-receive', 'mine'],
    },
    passwords: {},
  });
  const valuesWith = (overrides: Overrides) => {
    const request = requestOf('2.13.66', {
      overrides: { 'control-plane': overrides, cluster: none, prerequisite: none },
    });
    return makePlan(request, site).releases.find(({ chart }) => chart.role === 'control-plane')?.values;
  };
  assert.equal(valueAt(valuesWith(none), path), 'pvc-postgresql');
  assert.equal(valueAt(valuesWith(own), path), 'mine');
  assert.equal(valueAt(valuesWith(own), ['global', 'domain']), 'runai.site');
});

test('values in effect: defaults of both charts count, this very chart’s own only once', () => {
  const changesOf = (site: ReturnType<typeof emptySite>, more: Values = {}) => {
    const defaults = new Map([['runai-backend', { port: 2, global: { domain: '' }, ...more }]]);
    const made = makePlan(requestOf('2.13.66', { defaults }), site);
    return made.releases.find(({ chart }) => chart.role === 'control-plane');
  };
  const running = revision({
    chart: { name: 'control-plane', version: '2.13.1', appVersion: '' },
    defaults: { port: 1, global: { domain: '' } },
    values: { global: { domain: 'runai.site' } },
  });
  const empty = emptySite();
  const site = emptySite({
    releases: new Map([['runai-backend', releaseFacts('runai-backend', running)]]),
    product: { ...empty.product, backend: version('2.13.1') },
  });
  const upgraded = changesOf(site)?.changes ?? [];
  assert.ok(upgraded.some(({ path, origin }) => path === 'port' && origin === 'default'));
  assert.ok(!upgraded.some(({ path }) => path === 'global.domain'), 'it stays what the operator had said');
  assert.equal(changesOf(site)?.effective['port'], 2);
  const first = changesOf(emptySite());
  assert.ok(
    first?.changes.every(({ origin }) => origin === 'own'),
    'a first install changes no default',
  );
  assert.deepEqual(
    first?.changes.find(({ path }) => path === 'global.domain'),
    { path: 'global.domain', kind: 'changed', before: '""', after: '"runai.site"', origin: 'own' },
  );
  const again = changesOf(installedSite(), { disabled: { sub: 'chart' } });
  assert.ok(
    !again?.changes.some(({ origin }) => origin === 'default'),
    'helm’s record lacks disabled subcharts',
  );
});
