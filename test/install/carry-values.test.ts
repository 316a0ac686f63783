import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../../scripts/lib/standin/oci/tar.js';
import type { Release } from '../../src/helm/release.js';
import { carryValues } from '../../src/install/carry-values.js';
import { readChartDefaults } from '../../src/install/chart-defaults.js';
import type { PlannedRelease } from '../../src/install/plan.js';
import { judgeCarried, judgeClaims, judgePath } from '../../src/install/preflight-upgrade.js';
import { factsOf } from '../runai/facts.js';

const pack = (files: Record<string, string | Buffer>): Buffer =>
  gzipSync(tarOf(Object.entries(files).map(([path, data]) => ({ path, data: data as string }))));

test('defaults of a chart with those of its subcharts: folders, archives and aliases', async () => {
  const inner = pack({
    'redis/Chart.yaml': 'name: redis',
    'redis/values.yaml': 'auth: { password: r }\nport: 6379',
  });
  const chart = pack({
    'control-plane/Chart.yaml':
      'name: control-plane\ndependencies:\n  - { name: redis, alias: redisCache }\n  - { name: redis, alias: redisQueue }',
    'control-plane/values.yaml':
      'global: { domain: "" }\nredisCache: { port: 1 }\npostgresql: { enabled: true }',
    'control-plane/charts/postgresql/Chart.yaml': 'name: postgresql',
    'control-plane/charts/postgresql/values.yaml': 'primary: { nodeSelector: {} }\nenabled: false',
    'control-plane/charts/postgresql/charts/common/values.yaml': 'deep: 1',
    'control-plane/charts/redis-1.0.tgz': inner,
    'control-plane/templates/values.yaml.txt': 'not: read',
  });
  assert.deepEqual(await readChartDefaults(chart, 'chart'), {
    global: { domain: '' },
    postgresql: { primary: { nodeSelector: {} }, enabled: true, common: { deep: 1 } },
    redisCache: { auth: { password: 'r' }, port: 1 },
    redisQueue: { auth: { password: 'r' }, port: 6379 },
  });
});

test('what is no chart is told', async () => {
  await assert.rejects(readChartDefaults(pack({ 'x/readme': 'y' }), 'x.tgz'), { code: 'CHART_INVALID' });
  await assert.rejects(readChartDefaults(gzipSync('rubbish'), 'x.tgz'), { code: 'CHART_INVALID' });
});

function running(version: string, values: Record<string, unknown>, chart = 'runai-backend'): Release {
  return {
    name: 'runai-backend',
    namespace: 'runai-backend',
    revision: 3,
    status: 'deployed',
    description: '',
    firstDeployed: '',
    lastDeployed: '',
    chart: { name: chart, version, appVersion: version },
    values,
    defaults: {},
    manifest: '',
    labels: {},
  };
}

test('database passwords come from the live secret when their keys change, whatever the values say', () => {
  const passwords = { user: 'live-user', superuser: 'live-super' };
  const values = { postgresql: { postgresqlPassword: 'stale' } };
  const carried = carryValues({
    role: 'control-plane',
    running: running('2.8.20', values),
    target: '2.13.66',
    passwords,
  });
  assert.deepEqual(carried.values, {
    global: { postgresql: { auth: { password: 'live-user', postgresPassword: 'live-super' } } },
    postgresql: { primary: { initdb: { password: 'live-super' } } },
  });
  const middle = carryValues({
    role: 'control-plane',
    running: running('2.8.20', {}),
    target: '2.9.25',
    passwords,
  });
  assert.deepEqual(middle.values, {
    postgresql: { auth: { password: 'live-user', postgresPassword: 'live-super' } },
  });
  const later = carryValues({
    role: 'control-plane',
    running: running('2.13.66', {}, 'control-plane'),
    target: '2.16.79',
    passwords,
  });
  assert.deepEqual(later.values, {});
});

test('a release of something else is carried as it is', () => {
  const other = running('1.0.0', { any: 1 }, 'other');
  assert.deepEqual(carryValues({ role: 'control-plane', running: other, target: '2.13.66' }).values, {
    any: 1,
  });
});

const planned = (keys: readonly string[]) =>
  ({
    chart: { release: 'runai-backend' },
    carried: { translated: [], dropped: [], lost: keys.map((key) => ({ key, to: [], why: 'gone' })) },
  }) as unknown as PlannedRelease;

test('threat 114: lost settings stop the run until this very list is accepted', () => {
  const [finding] = judgeCarried(planned(['a.b', 'c']), []);
  assert.deepEqual(
    [finding?.outcome, finding?.code, finding?.seen],
    ['fail', 'DECISION_NEEDED', 'a.b: gone; c: gone'],
  );
  const id = /--acknowledge=(\S+)\)?$/.exec(finding?.advice ?? '')?.[1] ?? '';
  assert.match(id, /^values\.runai-backend@[0-9a-f]{8}$/);
  assert.equal(judgeCarried(planned(['a.b', 'c']), [id])[0]?.outcome, 'warn');
  assert.equal(judgeCarried(planned(['a.b', 'd']), [id])[0]?.outcome, 'fail');
  assert.deepEqual(judgeCarried(planned([]), []), []);
});

test('findings about the path: refused, asked until accepted, warned', () => {
  const judge = (from: string, to: string, acknowledged: readonly string[] = [], requires = false) =>
    judgePath(factsOf({ from, to }), { acknowledged, requires }).map(({ id, outcome }) => `${outcome} ${id}`);
  assert.ok(judge('2.13.66', '2.9.25').includes('fail upgrade.downgrade'));
  assert.deepEqual(judge('2.13.66', '2.14.0'), ['fail upgrade.window-unknown']);
  assert.deepEqual(judge('2.13.66', '2.14.0', ['window-unknown']), ['warn upgrade.window-unknown']);
  assert.deepEqual(judge('2.13.66', '2.14.0', [], true), []);
  assert.ok(judge('2.12.3', '2.13.66').includes('warn upgrade.source-2.12'));
});

test('claims that the values name: one that is not there fails, one of the operator’s own is told', () => {
  const judge = (claim: string, claims: readonly string[], from = '2.9.25') => {
    const values = { postgresql: { primary: { persistence: { existingClaim: claim } } } };
    const chart = { role: 'control-plane', release: 'runai-backend' };
    return judgeClaims(
      { chart, values } as unknown as PlannedRelease,
      factsOf({ from, to: '2.13.66', site: { claims } }),
    ).map(({ outcome, seen }) => `${outcome} ${seen}`);
  };
  assert.deepEqual(judge('pvc-postgresql', ['pvc-postgresql']), []);
  assert.match(judge('mine', ['pvc-postgresql'])[0] ?? '', /^fail .*mine, and there is no such claim/);
  assert.match(judge('mine', ['mine', 'pvc-postgresql'])[0] ?? '', /^warn .*not pvc-postgresql/);
  assert.deepEqual(judge('mine', ['mine']), [], 'there is no other');
  assert.deepEqual(judge('mine', ['mine', 'pvc-postgresql'], '2.13.1'), [], 'it was so before');
});
