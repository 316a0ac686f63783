import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aside, isReplacedInQuota } from '../../../src/install/checks/aside.js';
import { object } from './support.js';

test('another name that every kind takes; what only one object can hold is left out', () => {
  assert.equal(aside(object('ConfigMap', 'settings'))?.metadata.name, 'settings-airgap-check');
  const long = aside(object('ConfigMap', `${'x'.repeat(38)}-${'y'.repeat(30)}`))?.metadata.name ?? '';
  assert.equal(long, `${'x'.repeat(38)}-airgap-check`);
  const spec = {
    type: 'NodePort',
    clusterIP: '10.0.0.9',
    clusterIPs: ['10.0.0.9'],
    ports: [{ port: 80, nodePort: 30080 }],
  };
  assert.deepEqual(aside(object('Service', 'web', { spec }))?.['spec'], {
    type: 'NodePort',
    ports: [{ port: 80 }],
  });
  const headless = aside(object('Service', 'db', { spec: { clusterIP: 'None' } }));
  assert.deepEqual(headless?.['spec'], { clusterIP: 'None' });
  const paths = [{ path: '/', pathType: 'Prefix' }, { pathType: 'ImplementationSpecific' }];
  const ingress = { rules: [{ host: 'runai.test', http: { paths } }, { host: 'bare.test' }] };
  const moved = aside(object('Ingress', 'way', { apiVersion: 'networking.k8s.io/v1', spec: ingress }));
  assert.deepEqual(moved?.['spec'], {
    rules: [
      {
        host: 'runai.test',
        http: {
          paths: [
            { path: '/airgap-check/', pathType: 'Prefix' },
            { path: '/airgap-check', pathType: 'ImplementationSpecific' },
          ],
        },
      },
      { host: 'bare.test' },
    ],
  });
  const first = object('PriorityClass', 'train', { apiVersion: 'scheduling.k8s.io/v1', globalDefault: true });
  assert.ok(!('globalDefault' in (aside(first) ?? {})));
});

test('names that say what an object is are not changed', () => {
  for (const [kind, apiVersion] of [
    ['Namespace', 'v1'],
    ['CustomResourceDefinition', 'apiextensions.k8s.io/v1'],
    ['APIService', 'apiregistration.k8s.io/v1'],
    ['RunaiConfig', 'run.ai/v1'],
  ] as const)
    assert.equal(aside(object(kind, 'x', { apiVersion })), undefined, kind);
});

test('a full quota refuses no replacement, a tight one does', () => {
  const from = object('Service', 'web', { spec: { type: 'ClusterIP' } });
  const to = object('Service', 'web', { spec: {} });
  const why = (text: string) => `services "web" is forbidden: exceeded quota: q, ${text}`;
  const says = (text: string) => isReplacedInQuota(why(text), { from, to });
  assert.equal(says('requested: services=1, used: services=10, limited: services=10'), true);
  assert.equal(says('requested: services=1, used: services=10, limited: services=0'), false);
  assert.equal(
    says(
      'requested: count/services=1,services=1, used: count/services=3,services=3, limited: count/services=3,services=2',
    ),
    false,
  );
  assert.equal(says('requested: requests.cpu=2, used: requests.cpu=2, limited: requests.cpu=2'), false);
  const balancer = object('Service', 'web', { spec: { type: 'LoadBalancer' } });
  const loads =
    'requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0';
  assert.equal(isReplacedInQuota(why(loads), { from, to: balancer }), false);
  assert.equal(isReplacedInQuota(why(loads), { from: balancer, to: balancer }), true);
  assert.equal(isReplacedInQuota('the policy says no', { from, to }), false);
});
