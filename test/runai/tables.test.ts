import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DATA_CLASSES, dataVolumes, RESTORE_ORDER, siteSecretsIn } from '../../src/runai/backup.js';
import { bindingsOf } from '../../src/runai/bindings.js';
import { crdsRequired } from '../../src/runai/crds.js';
import { ERAS, eraOf, versionOfRelease } from '../../src/runai/era.js';
import { backendRedirects, clusterRedirects } from '../../src/runai/images.js';
import { openshiftHost, platformOf } from '../../src/runai/platform.js';
import { passwordsIn, passwordValues } from '../../src/runai/postgres.js';
import { PREREQUISITES, prerequisitesOf } from '../../src/runai/prerequisites.js';
import { fitsGpuOperator, fitsWindow, leastHelm, WINDOWS, windowOf } from '../../src/runai/windows.js';
import { version } from './facts.js';

test('eras: every minor release has one, with the chart and the keys of its time', () => {
  const rows: [string, string, string, string, string][] = [
    ['2.0.4', '<=2.4', 'runai-backend', 'bundled', 'values'],
    ['2.4.9', '<=2.4', 'runai-backend', 'bundled', 'values'],
    ['2.5.0', '2.5-2.7', 'runai-backend', 'bundled', 'values'],
    ['2.8.20', '2.8', 'runai-backend', 'bundled', 'values'],
    ['2.9.25', '2.9', 'runai-backend', 'customer', 'values'],
    ['2.10.11', '2.10', 'runai-backend', 'customer', 'values'],
    ['2.11.0', '2.11', 'runai-backend', 'customer', 'secret'],
    ['2.12.0', '2.12', 'control-plane', 'customer', 'secret'],
    ['2.14.0', '2.13-2.14', 'control-plane', 'customer', 'secret'],
    ['2.16.79', '2.15-2.16', 'control-plane', 'customer', 'secret'],
    ['2.20.1', '2.17-2.21', 'control-plane', 'customer', 'secret'],
    ['2.25.0', '>=2.22', 'control-plane', 'customer', 'secret'],
  ];
  for (const [text, id, chart, nginx, tls] of rows) {
    const era = eraOf(version(text));
    assert.deepEqual([era?.id, era?.chart, era?.nginx, era?.tls], [id, chart, nginx, tls], text);
  }
  assert.equal(eraOf(version('1.9.0')), undefined);
  assert.equal(eraOf(version('3.0.0')), undefined);
  const firsts = ERAS.map((era) => era.first);
  assert.deepEqual(
    firsts,
    [...firsts].sort((a, b) => a - b),
  );
});

test('what helm list shows tells the version and the part', () => {
  const seen = (release: string, chart: string, text: string) =>
    versionOfRelease({ release, chart, version: text });
  assert.equal(seen('runai-backend', 'runai-backend', '2.9.25')?.role, 'backend');
  assert.equal(seen('runai-backend', 'control-plane', '2.13.66')?.version.minor, 13);
  assert.equal(seen('runai-cluster', 'runai-cluster', '2.13.66')?.role, 'cluster');
  assert.equal(seen('runai-operator', 'runai-operator', '2.3.1')?.role, 'cluster');
  assert.equal(seen('runai-backend', 'postgresql', '11.0.0'), undefined);
  assert.equal(seen('other', 'runai-backend', '2.9.25'), undefined);
  assert.equal(seen('runai-backend', 'runai-backend', 'latest'), undefined);
});

test('windows of Kubernetes and OpenShift; what no text names is unknown, never guessed', () => {
  const kubernetes = (release: string, seen: string, required?: string) =>
    fitsWindow(version(release), { platform: 'kubernetes', version: version(seen) }, required).fits;
  assert.equal(kubernetes('2.13.66', '1.28.4'), true);
  assert.equal(kubernetes('2.13.66', '1.29.0'), false);
  assert.equal(kubernetes('2.13.66', '1.33.0', '>=1.19 <1.40'), true, 'the bundle’s own range goes first');
  assert.equal(kubernetes('2.13.66', '1.33.0', 'nonsense'), 'unknown');
  for (const release of ['2.14.0', '2.15.1', '2.21.0', '3.0.0']) {
    assert.equal(windowOf(version(release)), undefined);
    assert.equal(kubernetes(release, '1.28.0'), 'unknown');
  }
  const openshift = fitsWindow(version('2.9.25'), { platform: 'openshift', version: version('4.12.1') });
  assert.equal(openshift.fits, false);
  assert.equal(fitsGpuOperator(version('2.9.0'), version('1.9.1')).fits, true);
  assert.equal(fitsGpuOperator(version('2.9.0'), version('1.11.0')).fits, false);
  assert.equal(fitsGpuOperator(version('2.17.0'), version('24.3.0')).fits, false);
  assert.equal(fitsGpuOperator(version('2.24.0'), version('25.3.0')).fits, 'unknown');
  assert.ok(WINDOWS.every((row) => row.releases[0] <= row.releases[1] && row.source.length > 0));
});

test('Helm: 3.14 as soon as the source is 2.13, whatever the page says', () => {
  assert.equal(leastHelm(version('2.13.66')), '3.10');
  assert.equal(leastHelm(version('2.13.66'), version('2.9.25')), '3.10');
  assert.equal(leastHelm(version('2.16.79'), version('2.13.66')), '3.14');
  assert.equal(leastHelm(version('2.14.0')), '3.14');
});

test('OpenShift is known by its API groups, all of them', () => {
  const groups = ['apps', 'route.openshift.io', 'config.openshift.io', 'project.openshift.io'];
  assert.equal(platformOf(groups), 'openshift');
  assert.equal(platformOf(groups.slice(0, 3)), 'kubernetes');
  assert.equal(openshiftHost('ocp.test'), 'runai.apps.ocp.test');
});

test('prerequisites by release and platform', () => {
  const ids = (release: string, platform: 'kubernetes' | 'openshift') =>
    prerequisitesOf(version(release), platform).map((row) => row.id);
  assert.ok(!ids('2.8.0', 'kubernetes').includes('ingress-controller'));
  assert.ok(ids('2.8.0', 'kubernetes').includes('nfs'));
  assert.ok(ids('2.9.0', 'kubernetes').includes('ingress-controller'));
  assert.ok(!ids('2.9.0', 'kubernetes').includes('nfs'));
  assert.ok(!ids('2.13.0', 'openshift').includes('ingress-controller'));
  assert.ok(ids('2.13.0', 'openshift').includes('nfd'));
  assert.ok(!ids('2.10.0', 'kubernetes').includes('backend-tls'));
  assert.ok(ids('2.11.0', 'kubernetes').includes('backend-tls'));
  assert.equal(new Set(PREREQUISITES.map((row) => row.id)).size, PREREQUISITES.length);
});

test('CRD files are required from 2.5 to 2.13.12', () => {
  const rows: [string, boolean][] = [
    ['2.4.0', false],
    ['2.5.0', true],
    ['2.12.3', true],
    ['2.13.12', true],
    ['2.13.13', false],
    ['2.16.0', false],
  ];
  for (const [text, expected] of rows) assert.equal(crdsRequired(version(text)), expected, text);
});

test('image redirects: both families of keys, the registry inside where the chart wants it', () => {
  const redirects = Object.fromEntries(
    backendRedirects(version('2.13.66')).map(({ key, value }) => [key, value]),
  );
  assert.equal(redirects['global.imageRegistry'], '{{registry}}');
  assert.equal(redirects['global.image.registry'], '{{registry}}');
  assert.equal(redirects['keycloakx.image.repository'], '{{registry}}/keycloak');
  assert.equal(redirects['redisCache.image.repository'], 'keydb');
  assert.equal(redirects['backend.config.clusterInstallation.helmRegistryUrl'], '');
  assert.deepEqual(
    clusterRedirects(version('2.13.66')).map((row) => row.key),
    ['runai-operator.config.global.image.registry'],
  );
  assert.deepEqual(
    clusterRedirects(version('2.16.0')).map((row) => row.key),
    ['global.image.registry'],
  );
  assert.ok(backendRedirects(version('2.9.0')).some((row) => row.key === 'backend.privateRegistryAddress'));
});

test('database passwords are found under the keys of either generation and land under the target’s', () => {
  assert.deepEqual(passwordsIn({ 'postgresql-password': 'a', 'postgresql-postgres-password': 'b' }), {
    user: 'a',
    superuser: 'b',
  });
  assert.deepEqual(passwordsIn({ password: 'n', 'postgresql-password': 'o' }), { user: 'n' });
  assert.deepEqual(passwordsIn({}), {});
  assert.deepEqual(passwordValues({ user: 'a', superuser: 'b' }, 'global'), {
    'global.postgresql.auth.password': 'a',
    'global.postgresql.auth.postgresPassword': 'b',
    'postgresql.primary.initdb.password': 'b',
  });
  assert.deepEqual(passwordValues({ superuser: 'b' }, 'middle'), { 'postgresql.auth.postgresPassword': 'b' });
});

test('volumes, secrets and order of a restore', () => {
  const claims = (text: string, platform: 'kubernetes' | 'openshift') =>
    dataVolumes(version(text), platform).map((volume) => volume.claim);
  assert.deepEqual(claims('2.9.25', 'kubernetes'), ['pvc-postgresql', 'pvc-thanos-receive']);
  assert.deepEqual(claims('2.9.25', 'openshift'), ['pvc-postgresql']);
  assert.deepEqual(claims('2.13.66', 'kubernetes'), [
    'data-runai-backend-postgresql-0',
    'data-runai-backend-thanos-receive-0',
    'data-runai-backend-redis-queue-master-0',
  ]);
  assert.equal(claims('2.22.0', 'kubernetes').length, 2);
  assert.ok(siteSecretsIn('runai').includes('runai-cluster-domain-tls-secret'));
  assert.ok(!siteSecretsIn('runai-backend').includes('runai-cluster-domain-tls-secret'));
  const order: string[] = RESTORE_ORDER.map((step) => step.id);
  assert.ok(order.indexOf('volumes') < order.indexOf('control-plane'));
  assert.ok(order.indexOf('control-plane') < order.indexOf('cluster'));
  assert.ok(DATA_CLASSES.every((row) => row.what.length > 3 && row.source.length > 3));
});

test('role bindings differ between platforms in the first row only', () => {
  const names = (platform: 'kubernetes' | 'openshift', minor: number) =>
    bindingsOf(platform, minor).map((row) => row.name);
  assert.deepEqual(names('kubernetes', 8)[0], 'runai-user-psp');
  assert.ok(!names('kubernetes', 9).includes('runai-user-psp'));
  assert.deepEqual(names('openshift', 9)[0], 'runai-user-job');
  assert.deepEqual(names('kubernetes', 8).slice(1), names('openshift', 8).slice(1));
});
