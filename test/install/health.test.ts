import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeHealth, type NamespaceView } from '../../src/install/health.js';
import type { KubeObject } from '../../src/kube/types.js';

const EMPTY: NamespaceView = {
  deployments: [],
  statefulSets: [],
  daemonSets: [],
  jobs: [],
  pods: [],
  claims: [],
  events: [],
  configs: [],
};
const judge = (view: Partial<NamespaceView>) => judgeHealth('ns', { ...EMPTY, ...view });

function object(name: string, spec: object, status: object, generation = 1): KubeObject {
  return {
    metadata: { name, namespace: 'ns', generation },
    spec,
    status: { observedGeneration: generation, ...status },
  };
}

const selector = { matchLabels: { app: 'x' } };
const deployment = (status: object, spec: object = {}): KubeObject =>
  object('web', { replicas: 1, selector, ...spec }, status);
const good = { replicas: 1, updatedReplicas: 1, availableReplicas: 1 };

function pod(status: object, spec: object = {}): KubeObject {
  return {
    metadata: { name: 'web-1', namespace: 'ns', labels: { app: 'x', more: 'y' } },
    spec,
    status: { phase: 'Pending', ...status },
  };
}

function event(name: string, reason: string, message: string): KubeObject {
  return { metadata: { name: `${name}.e` }, involvedObject: { name }, reason, message };
}

test('ready workloads are healthy, an empty namespace too', () => {
  assert.deepEqual(judge({}), { namespace: 'ns', healthy: true, workloads: 0, troubles: [] });
  const view = {
    deployments: [deployment(good), object('zero', { replicas: 0, selector }, {})],
    statefulSets: [
      object(
        'db',
        { replicas: 1 },
        { readyReplicas: 1, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'a' },
      ),
    ],
    daemonSets: [
      object('node', {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }),
    ],
    jobs: [
      object('init', {}, { conditions: [{ type: 'Complete', status: 'True' }] }),
      object('off', { suspend: true }, {}),
    ],
  };
  assert.deepEqual([judge(view).healthy, judge(view).workloads], [true, 6]);
});

test('threat 111: what is not ready is told by workload and state', () => {
  const rows: readonly (readonly [Partial<NamespaceView>, string])[] = [
    [
      {
        deployments: [object('web', {}, { ...good, observedGeneration: 1 }, 2)].map((one) => ({
          ...one,
          status: { ...good, observedGeneration: 1 },
        })),
      },
      'deployment/web: the change was not taken up yet',
    ],
    [
      { deployments: [deployment({ ...good, updatedReplicas: 0 })] },
      'deployment/web: 0 of 1 replicas are of the new version',
    ],
    [{ deployments: [deployment({ ...good, replicas: 2 })] }, 'deployment/web: 1 old replicas are not gone'],
    [
      { deployments: [deployment({ ...good, availableReplicas: 0 })] },
      'deployment/web: 0 of 1 replicas available',
    ],
    [
      {
        statefulSets: [
          object(
            'db',
            { replicas: 2 },
            { readyReplicas: 2, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
          ),
        ],
      },
      'statefulset/db: 1 of 2 replicas are of the new version',
    ],
    [
      {
        statefulSets: [
          object('db', { replicas: 2 }, { readyReplicas: 1, currentRevision: 'a', updateRevision: 'a' }),
        ],
      },
      'statefulset/db: 1 of 2 replicas ready',
    ],
    [
      { daemonSets: [object('n', {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 1 })] },
      'daemonset/n: 1 of 2 nodes have the new version',
    ],
    [
      {
        daemonSets: [
          object('n', {}, { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }),
        ],
      },
      'daemonset/n: 1 of 2 nodes available',
    ],
    [{ jobs: [object('init', {}, { active: 1 })] }, 'job/init: has not completed'],
  ];
  for (const [view, expected] of rows) {
    const { troubles, healthy } = judge(view);
    assert.equal(healthy, false, expected);
    assert.deepEqual(
      troubles.map(({ what, state }) => `${what}: ${state}`),
      [expected],
    );
  }
});

test('a Job that failed will not heal by waiting', () => {
  const [trouble] = judge({
    jobs: [
      object(
        'init',
        {},
        { conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }] },
      ),
    ],
  }).troubles;
  assert.deepEqual([trouble?.final, trouble?.reasons], [true, ['BackoffLimitExceeded']]);
});

const sick = deployment({ ...good, availableReplicas: 0 });
const reasons = (view: Partial<NamespaceView>): readonly string[] =>
  judge({ deployments: [sick], ...view }).troubles[0]?.reasons ?? [];

test('threat 108: an image that cannot be pulled is named with what the node says', () => {
  const waiting = {
    reason: 'ImagePullBackOff',
    message: 'Back-off pulling image "reg:5000/web:1": not found',
  };
  const containerStatuses = [{ name: 'main', image: 'reg:5000/web:1', state: { waiting } }];
  assert.match(
    reasons({ pods: [pod({ containerStatuses })] })[0] ?? '',
    /pod web-1, container main: image reg:5000\/web:1 cannot be pulled \(ImagePullBackOff: .*not found\)/,
  );
});

test('a crash loop tells how the container ended, init containers come first', () => {
  const crash = {
    name: 'main',
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  };
  const init = { name: 'init', state: { terminated: { exitCode: 2 } } };
  assert.deepEqual(reasons({ pods: [pod({ initContainerStatuses: [init], containerStatuses: [crash] })] }), [
    'pod web-1, container init: ended with exit 2',
    'pod web-1, container main: CrashLoopBackOff, last ended with exit 137 (OOMKilled)',
  ]);
});

test('a pod that has no place says why; a claim that is not bound is a trouble of its own', () => {
  const conditions = [
    { type: 'PodScheduled', status: 'False', message: '0/3 nodes are available: insufficient memory' },
  ];
  const claim: KubeObject = { metadata: { name: 'data' }, status: { phase: 'Pending' } };
  const volumes = [{ persistentVolumeClaim: { claimName: 'data' } }];
  const view = {
    pods: [pod({ conditions }, { volumes })],
    claims: [claim],
    events: [event('data', 'ProvisioningFailed', 'no storage class')],
  };
  assert.match(reasons(view)[0] ?? '', /cannot be scheduled: 0\/3 nodes/);
  const { troubles } = judge({ deployments: [sick], ...view });
  assert.deepEqual(troubles[1], {
    what: 'pvc/data',
    state: 'is not bound to a volume',
    reasons: ['ProvisioningFailed: no storage class'],
    final: false,
  });
  assert.equal(
    judge({ claims: [claim] }).healthy,
    true,
    'a claim that waits for its first pod is no trouble',
  );
});

test('threat 108: a quota that lets no pod be made is told by the events of the ReplicaSet', () => {
  const events = [
    event('web-5d8', 'FailedCreate', 'exceeded quota: small'),
    event('webhook-1', 'FailedCreate', 'another workload'),
  ];
  assert.deepEqual(reasons({ events }), ['FailedCreate: exceeded quota: small']);
});

test('a container that runs and is not ready, and pods of other workloads', () => {
  const running = { name: 'main', ready: false, restartCount: 3, state: { running: {} } };
  const foreign = { ...pod({ phase: 'Failed' }), metadata: { name: 'other', labels: { app: 'z' } } };
  assert.deepEqual(reasons({ pods: [pod({ containerStatuses: [running] }), foreign] }), [
    'pod web-1, container main: runs and is not ready, restarted 3 times',
  ]);
});

test('a RunaiConfig that says it is not available is a trouble; one that says nothing is not', () => {
  const config = (conditions: unknown): KubeObject => ({
    metadata: { name: 'runai' },
    status: { conditions },
  });
  assert.equal(
    judge({ configs: [config(undefined), config([{ type: 'Available', status: 'True' }])] }).healthy,
    true,
  );
  const [trouble] = judge({
    configs: [config([{ type: 'Available', status: 'False', reason: 'Missing', message: 'Prometheus' }])],
  }).troubles;
  assert.deepEqual([trouble?.what, trouble?.reasons], ['runaiconfig/runai', ['Missing', 'Prometheus']]);
});

test('what the cluster part lists as missing in runai-public is a trouble, in whatever form it lists it', () => {
  const states = (text: string): string[] =>
    judge({
      publicMap: {
        metadata: { name: 'runai-public' },
        data: { 'dependencies.required': text },
      } as KubeObject,
    }).troubles.map(({ state, reasons }) => [state, ...reasons].join(': '));
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['{}', []],
    ['', []],
    ['[]', []],
    ['null', []],
    ['{"prometheus":{"available":true}}', []],
    ['all of them: [is broken', []],
    ['["prometheus"]', ['lists prometheus as missing']],
    [
      '{"prometheus":{"available":false,"reason":"CRD not found"}}',
      ['lists prometheus as missing: CRD not found'],
    ],
    [
      'ingress: {available: true}\ngpu:\n  available: false\n  components:\n    dcgm: {available: false}\n    driver: {available: true}\n',
      ['lists dcgm as missing'],
    ],
    [
      'components:\n- {name: Prometheus, available: false, reason: none runs}\n',
      ['lists Prometheus as missing: none runs'],
    ],
  ];
  for (const [text, expected] of rows) assert.deepEqual(states(text), expected, text);
  assert.equal(judge({}).healthy, true, 'and where there is none, nothing is missing');
});
