import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { KubeObject } from '../../../src/kube/types.js';
import { mounts } from '../../../src/recovery/steps/users.js';
import {
  areStopped,
  type Choose,
  putBack,
  readWorkloads,
  stopWorkloads,
} from '../../../src/recovery/steps/workloads.js';
import type { StepContext } from '../../../src/run/types.js';
import { type FakeApi, startFakeApi } from '../../install/support/fake-api.js';

const { signal } = new AbortController();
const context = { signal, guard: async () => {} } as unknown as StepContext;
const ALL: Choose = { namespace: 'n', chooses: ({ metadata }) => metadata.name !== 'database', what: 'it' };

function workload(kind: string, name: string, replicas?: number): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'n' },
    spec: { ...(replicas === undefined ? {} : { replicas }), selector: { matchLabels: labels } },
  };
}

/** The pods of a workload go when it is scaled to none. */
function controller(api: FakeApi): void {
  for (const [kind, name] of [
    ['Deployment', 'web'],
    ['StatefulSet', 'queue'],
  ] as const) {
    const replicas = (api.get(kind, name, 'n')?.['spec'] as { replicas?: number } | undefined)?.replicas;
    if (replicas === 0) api.remove('Pod', `${name}-0`, 'n');
  }
}

describe('threat 129: workloads that are stopped and started again', () => {
  let api: FakeApi;
  const numbers = (): unknown =>
    Object.fromEntries(
      (['Deployment/web', 'Deployment/idle', 'StatefulSet/queue', 'StatefulSet/database'] as const).map(
        (name) => {
          const [kind = '', object = ''] = name.split('/');
          const live = api.get(kind, object, 'n');
          return [
            object,
            [
              (live?.['spec'] as { replicas?: number } | undefined)?.replicas,
              live?.metadata.annotations?.['airgap/replicas'],
            ],
          ];
        },
      ),
    );
  before(async () => {
    api = await startFakeApi();
    api.onChange = controller;
  });
  after(() => api.close());
  beforeEach(() => {
    api.intercept = undefined;
    api.put(workload('Deployment', 'web', 3));
    api.put(workload('Deployment', 'idle', 0));
    api.put(workload('StatefulSet', 'queue'));
    api.put(workload('StatefulSet', 'database', 1));
    for (const name of ['web', 'queue', 'database'])
      api.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `${name}-0`, namespace: 'n', labels: { app: name } },
      });
  });

  it('everything chosen stops and gets its own number back', async () => {
    const kept = await readWorkloads(api, ALL, signal);
    await stopWorkloads(api, ALL, context);
    assert.deepEqual(numbers(), {
      web: [0, '3'],
      idle: [0, undefined],
      queue: [0, '1'],
      database: [1, undefined],
    });
    assert.deepEqual((await areStopped(api, kept, signal)).sort(), ['queue', 'web']);
    await putBack(api, kept, context);
    assert.deepEqual(numbers(), {
      web: [3, undefined],
      idle: [0, undefined],
      queue: [1, undefined],
      database: [1, undefined],
    });
    assert.deepEqual(await areStopped(api, kept, signal), []);
  });

  it('a run that begins while all is stopped still knows the numbers', async () => {
    await stopWorkloads(api, ALL, context);
    const kept = await readWorkloads(api, ALL, signal);
    await stopWorkloads(api, ALL, context);
    await putBack(api, kept, context);
    assert.deepEqual(numbers(), {
      web: [3, undefined],
      idle: [0, undefined],
      queue: [1, undefined],
      database: [1, undefined],
    });
  });

  it('a run that died in the middle of stopping begins with the numbers from before', async () => {
    const kept = await readWorkloads(api, ALL, signal);
    let changes = 0;
    const dying = {
      signal,
      guard: async () => void (++changes > 1 && assert.fail('died')),
    } as unknown as StepContext;
    await assert.rejects(stopWorkloads(api, ALL, dying), /died/);
    assert.deepEqual(await readWorkloads(api, ALL, signal), kept);
  });

  it('asks the lease before every change', async () => {
    const lost = { signal, guard: () => Promise.reject(new Error('lost')) } as unknown as StepContext;
    const before = api.writes.length;
    await assert.rejects(stopWorkloads(api, ALL, lost), /lost/);
    assert.equal(api.writes.length, before);
  });

  it('one that was removed meanwhile is no obstacle', async () => {
    const kept = await readWorkloads(api, ALL, signal);
    await stopWorkloads(api, ALL, context);
    api.remove('Deployment', 'web', 'n');
    await putBack(api, kept, context);
    assert.deepEqual(await areStopped(api, kept, signal), []);
  });
});

describe('who mounts a claim', () => {
  const set = (spec: unknown): KubeObject => ({ kind: 'StatefulSet', metadata: { name: 'thanos' }, spec });
  it('by name and by the template of a StatefulSet, with its own name only', () => {
    const byName = set({
      template: { spec: { volumes: [{ persistentVolumeClaim: { claimName: 'pvc-thanos' } }] } },
    });
    const byTemplate = set({ volumeClaimTemplates: [{ metadata: { name: 'data' } }] });
    assert.equal(mounts(byName, 'pvc-thanos'), true);
    assert.equal(mounts(byName, 'pvc-other'), false);
    assert.equal(mounts(byTemplate, 'data-thanos-0'), true);
    assert.equal(mounts(byTemplate, 'data-thanos-12'), true);
    for (const other of ['data-thanos-', 'data-thanos-x', 'data-thanos-store-0', 'logs-thanos-0'])
      assert.equal(mounts(byTemplate, other), false, other);
  });
});
