import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { reapplyRoute, restoreRoutesStep } from '../../../src/install/steps/restore-routes.js';
import { type Bench, makeBench, object, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai-backend';
const route = (name: string, annotations: Record<string, string>, tls: Record<string, string>) => ({
  ...object('Route', name, NS, { metadata: { annotations }, spec: { host: 'runai.test', tls } }),
  apiVersion: 'route.openshift.io/v1',
});
const RENDERED = route('web', { size: '1m' }, { termination: 'edge' });

test('threat 114: hand-made annotations and TLS of a Route come back; a Route of somebody’s own is not touched', async () => {
  const before = route('web', { size: '9m', corp: 'x' }, { termination: 'edge', key: 'SECRET' });
  await bench.saveSite(NS, 'route.route.openshift.io.v1', [before, route('own', { a: 'b' }, {})]);
  await bench.context.saved.put('site/release-runai-backend/manifest.yaml', JSON.stringify(RENDERED));
  bench.api.put(RENDERED);
  const step = restoreRoutesStep({ client: bench.api.client }, NS);
  const { detail } = await step.observe(bench.context);
  assert.equal(detail, 'to put back: web annotation size; web annotation corp; web tls.key');
  assert.equal(await runStep(step, bench.context), 'done');
  const live = bench.api.get('Route', 'web', NS);
  assert.deepEqual(live?.metadata.annotations, { size: '9m', corp: 'x' });
  assert.deepEqual(live?.['spec'], { host: 'runai.test', tls: { termination: 'edge', key: 'SECRET' } });
  assert.ok(bench.guards() > 0);
});

test('where the new chart says otherwise, or has no such Route, it is named', () => {
  const before = route('web', { size: '9m' }, { termination: 'passthrough' });
  const other = reapplyRoute(before, RENDERED, route('web', { size: '2m' }, { termination: 'reencrypt' }));
  assert.deepEqual(other, {
    missing: [],
    conflicts: [
      'annotation size: the new chart sets another value',
      'tls.termination: the new chart sets another value',
    ],
  });
  assert.deepEqual(reapplyRoute(before, RENDERED, undefined).conflicts, [
    'annotation size: the new chart made no such Route',
    'tls.termination: the new chart made no such Route',
  ]);
});
