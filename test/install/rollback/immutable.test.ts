import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyFixed } from '../../../src/install/rollback/immutable.js';
import { object } from '../support/step.js';

const set = (spec: Record<string, unknown>) => object('StatefulSet', 'db', 'runai-backend', { spec });
const selector = (app: string) => ({ matchLabels: { app } });

test('threat 106: fields that the API server does not let change', () => {
  const live = set({ selector: selector('new'), serviceName: 'db', podManagementPolicy: 'OrderedReady' });
  assert.match(
    whyFixed(live, set({ selector: selector('old'), serviceName: 'db' })) ?? '',
    /^spec\.selector/,
  );
  assert.match(
    whyFixed(live, set({ selector: selector('new'), serviceName: 'x' })) ?? '',
    /^spec\.serviceName/,
  );
  assert.equal(whyFixed(live, set({ selector: selector('new'), serviceName: 'db' })), undefined);
  const claims = (...names: string[]) => ({
    ...{ selector: selector('new'), serviceName: 'db' },
    volumeClaimTemplates: names.map((name) => ({ metadata: { name }, spec: {} })),
  });
  assert.match(whyFixed(live, set(claims('data'))) ?? '', /volumeClaimTemplates/);
  assert.match(
    whyFixed(set(claims('data')), set({ selector: selector('new') })) ?? '',
    /volumeClaimTemplates/,
  );
  assert.equal(whyFixed(set(claims('data')), set(claims('data'))), undefined);
});

test('what a manifest does not say is the server’s to fill in; other kinds are never in the way', () => {
  const deployment = (spec: unknown) => object('Deployment', 'web', 'runai-backend', { spec });
  const live = deployment({ selector: selector('web'), replicas: 3 });
  assert.equal(whyFixed(live, deployment({ selector: selector('web'), replicas: 1 })), undefined);
  assert.equal(whyFixed(live, deployment({})), undefined);
  const service = (clusterIP: string) => object('Service', 's', 'runai', { spec: { clusterIP } });
  assert.equal(whyFixed(service('10.0.0.1'), service('10.0.0.2')), undefined);
});
