import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { stopPlan } from '../../src/recovery/stop-plan.js';
import { startStep, stopStep, workloadOf } from '../../src/recovery/stop-steps.js';
import { checkPlan } from '../../src/run/plan.js';
import { type Bench, makeBench, object, runStep } from '../install/support/step.js';

const NS = 'runai-backend';
const NAME = 'runai-backend-postgresql';
const STOPPED = { kind: 'StatefulSet', namespace: NS, name: NAME, claim: 'data' } as const;
const pod = (name: string, more: Record<string, unknown> = {}) =>
  object('Pod', name, NS, {
    metadata: {
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: NAME, uid: 'x', controller: true },
      ],
    },
    spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
    status: { phase: 'Running' },
    ...more,
  });

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

/** A StatefulSet, and what its controller does when somebody scales it. */
function fill(replicas: number): void {
  const { api } = bench;
  api.put(object('StatefulSet', NAME, NS, { spec: { replicas }, status: { readyReplicas: replicas } }));
  api.put(pod(`${NAME}-0`));
  api.onChange = () => {
    const set = api.get('StatefulSet', NAME, NS);
    const wanted = (set?.['spec'] as { replicas: number } | undefined)?.replicas ?? 0;
    if (wanted === 0) api.remove('Pod', `${NAME}-0`, NS);
    else api.put(pod(`${NAME}-0`));
    if (set) api.put({ ...set, status: { readyReplicas: wanted } });
  };
}

const replicas = (): unknown =>
  (bench.api.get('StatefulSet', NAME, NS)?.['spec'] as { replicas?: number } | undefined)?.replicas;

describe('threat 129: what is stopped for a cold copy comes back', () => {
  it('the number is on disk before anything is scaled, and is brought back', async () => {
    fill(2);
    const { api, context } = bench;
    const file = `replicas/statefulset/${NS}/${NAME}.json`;
    const wasSaved: boolean[] = [];
    api.intercept = ({ method }) => {
      if (method === 'PATCH') wasSaved.push(existsSync(join(context.runFolder, 'saved', file)));
      return undefined;
    };
    assert.equal(await runStep(stopStep(api.client, STOPPED), context), 'done');
    assert.equal(replicas(), 0);
    assert.equal(JSON.parse(String(await context.saved.get(file))).replicas, 2);
    assert.equal(await runStep(startStep(api.client, STOPPED), context), 'done');
    assert.equal(replicas(), 2);
    assert.deepEqual(wasSaved, [true, true]);
    assert.equal(bench.guards(), 2, 'each change looks at the lease first');
  });

  it('a second save after a kill does not take none for the number', async () => {
    fill(1);
    const { api, context } = bench;
    const step = stopStep(api.client, STOPPED);
    await step.save?.(context);
    await api.client.patch(
      { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets', namespaced: true },
      { namespace: NS, name: NAME },
      { spec: { replicas: 0 } },
    );
    await stopStep(api.client, STOPPED).save?.(context);
    assert.equal(await runStep(startStep(api.client, STOPPED), context), 'done');
    assert.equal(replicas(), 1);
  });

  it('a pod of ours that a killed run left is no user of the volume, and goes before anything starts', async () => {
    fill(1);
    const { api, context } = bench;
    const labels = { 'airgap/helper': 'true' };
    api.put(pod('airgap-read-1', { metadata: { labels } }));
    const claim = { namespace: NS, claim: 'data' };
    assert.deepEqual(await workloadOf(api.client, claim, context.signal), STOPPED);
    assert.equal(await runStep(stopStep(api.client, STOPPED), context), 'done');
    assert.equal(await runStep(startStep(api.client, STOPPED), context), 'done');
    assert.equal(api.get('Pod', 'airgap-read-1', NS), undefined);
    assert.ok(api.get('Pod', `${NAME}-0`, NS), 'the product’s own is there');
  });

  it('nothing was stopped, somebody else scaled it, it is another one by now: left alone', async () => {
    fill(2);
    const { api, context } = bench;
    const start = startStep(api.client, STOPPED);
    assert.deepEqual(await start.observe(context), { state: 'done', detail: 'it was not stopped' });
    await stopStep(api.client, STOPPED).save?.(context);
    const set = api.get('StatefulSet', NAME, NS) ?? assert.fail();
    api.put({ ...set, spec: { replicas: 1 }, status: { readyReplicas: 1 } });
    assert.equal((await start.observe(context)).state, 'done');
    api.remove('StatefulSet', NAME, NS);
    fill(0);
    assert.match((await start.observe(context)).detail ?? '', /another one by now/);
    assert.deepEqual(api.writes, []);
  });

  it('only a workload that nothing else scales is stopped', async () => {
    const { api, context } = bench;
    const claim = { namespace: NS, claim: 'data' };
    assert.equal(await workloadOf(api.client, claim, context.signal), undefined);
    fill(1);
    assert.deepEqual(await workloadOf(api.client, claim, context.signal), STOPPED);
    api.put(pod('ended', { metadata: {}, status: { phase: 'Succeeded' } }));
    assert.deepEqual(await workloadOf(api.client, claim, context.signal), STOPPED);
    const refused = (error: unknown): boolean =>
      isAirgapError(error, 'BACKUP_FAILED') && /cannot be stopped/.test(error.message);
    api.put(pod('by-hand', { metadata: {} }));
    await assert.rejects(workloadOf(api.client, claim, context.signal), refused);
    api.remove('Pod', 'by-hand', NS);
    const ownerReferences = [
      { apiVersion: 'monitoring.coreos.com/v1', kind: 'Prometheus', name: 'runai', uid: 'y' },
    ];
    api.put(object('StatefulSet', NAME, NS, { metadata: { ownerReferences }, spec: { replicas: 1 } }));
    await assert.rejects(workloadOf(api.client, claim, context.signal), refused);
  });

  it('the plan stops, copies and starts in the opposite order', () => {
    const thanos = { ...STOPPED, name: 'thanos', claim: 'metrics' };
    const plan = stopPlan('uid', [STOPPED, thanos]);
    checkPlan(plan);
    assert.deepEqual(
      plan.steps.map(({ id }) => id),
      [
        `stop:StatefulSet/${NS}/${NAME}`,
        `stop:StatefulSet/${NS}/thanos`,
        'copy',
        `start:StatefulSet/${NS}/thanos`,
        `start:StatefulSet/${NS}/${NAME}`,
      ],
    );
  });
});
