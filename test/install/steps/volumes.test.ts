import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { checkClaimsStep, keepClaimsStep, retainVolumesStep } from '../../../src/install/steps/volumes.js';
import { type Bench, LIMITS, makeBench, object, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai-backend';
const CLAIMS = { namespace: NS, claims: ['pvc-postgresql', 'pvc-thanos-receive'] };
const work = () => ({ client: bench.api.client, limits: LIMITS });

function fill(policy = 'Delete') {
  return CLAIMS.claims.map((name, index) => {
    const volumeName = `pv-${index}`;
    bench.api.put(
      object('PersistentVolume', volumeName, undefined, { spec: { persistentVolumeReclaimPolicy: policy } }),
    );
    return bench.api.put(
      object('PersistentVolumeClaim', name, NS, { spec: { volumeName }, status: { phase: 'Bound' } }),
    );
  });
}

const policies = () => [0, 1].map((index) => bench.api.get('PersistentVolume', `pv-${index}`)?.['spec']);

test('volumes behind the claims become Retain, one by one, and what they were is saved', async () => {
  fill();
  assert.equal(await runStep(retainVolumesStep(work(), CLAIMS), bench.context), 'done');
  assert.deepEqual(policies(), [
    { persistentVolumeReclaimPolicy: 'Retain' },
    { persistentVolumeReclaimPolicy: 'Retain' },
  ]);
  assert.equal(bench.api.writes.length, 2);
  const saved = JSON.parse(String(await bench.context.saved.get('volumes/before.json')));
  assert.equal(saved[0].spec.persistentVolumeReclaimPolicy, 'Delete');
});

test('Retain already: nothing is sent; a claim without a volume is for the operator', async () => {
  fill('Retain');
  assert.equal(await runStep(retainVolumesStep(work(), CLAIMS), bench.context), 'done');
  assert.equal(bench.api.writes.length, 0);
  bench.api.put(object('PersistentVolumeClaim', 'pvc-postgresql', NS, { spec: {} }));
  const seen = await retainVolumesStep(work(), CLAIMS).observe(bench.context);
  assert.deepEqual(seen, { state: 'impossible', detail: 'claim pvc-postgresql has no volume' });
  bench.api.remove('PersistentVolumeClaim', 'pvc-postgresql', NS);
  assert.equal(
    (await retainVolumesStep(work(), CLAIMS).observe(bench.context)).detail,
    'there is no claim pvc-postgresql',
  );
});

test('claims get the annotation that Helm reads, and keep their others', async () => {
  fill();
  bench.api.put(
    object('PersistentVolumeClaim', 'pvc-postgresql', NS, { metadata: { annotations: { mine: 'yes' } } }),
  );
  assert.equal(await runStep(keepClaimsStep(work(), CLAIMS), bench.context), 'done');
  assert.deepEqual(bench.api.get('PersistentVolumeClaim', 'pvc-postgresql', NS)?.metadata.annotations, {
    mine: 'yes',
    'helm.sh/resource-policy': 'keep',
  });
  bench.api.remove('PersistentVolumeClaim', 'pvc-thanos-receive', NS);
  assert.equal((await keepClaimsStep(work(), CLAIMS).observe(bench.context)).state, 'impossible');
});

test('a volume that the chart made (an NFS server in the values) is kept with its claim, a provisioner’s is left as it is', async () => {
  fill();
  bench.api.put(
    object('PersistentVolume', 'pv-1', undefined, {
      metadata: { annotations: { 'meta.helm.sh/release-name': 'runai-backend' } },
    }),
  );
  for (const name of CLAIMS.claims) {
    const claim = bench.api.get('PersistentVolumeClaim', name, NS)!;
    bench.api.put({
      ...claim,
      metadata: { ...claim.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } },
    });
  }
  const step = keepClaimsStep(work(), CLAIMS);
  assert.deepEqual(await step.observe(bench.context), { state: 'ready' }, 'the claims alone are not enough');
  assert.equal(await runStep(step, bench.context), 'done');
  const kept = (name: string) =>
    bench.api.get('PersistentVolume', name)?.metadata.annotations?.['helm.sh/resource-policy'];
  assert.deepEqual([kept('pv-0'), kept('pv-1')], [undefined, 'keep']);
});

test('the same claims on the same volumes: done; another one, or none, is for the operator', async () => {
  const before = fill();
  await bench.saveSite(NS, 'persistentvolumeclaim.v1', before);
  const step = checkClaimsStep(work(), CLAIMS);
  assert.deepEqual(await step.observe(bench.context), { state: 'done' });
  bench.api.put(object('PersistentVolumeClaim', 'pvc-postgresql', NS, { spec: { volumeName: 'pv-0' } }));
  assert.match((await step.observe(bench.context)).detail ?? '', /is another one/);
  bench.api.put({ ...before[0]!, spec: { volumeName: 'pv-9' }, status: { phase: 'Bound' } });
  assert.match((await step.observe(bench.context)).detail ?? '', /bound to pv-9, before to pv-0/);
  bench.api.remove('PersistentVolumeClaim', 'pvc-postgresql', NS);
  const gone = await step.observe(bench.context);
  assert.deepEqual(
    [gone.state, gone.detail],
    ['impossible', 'claim pvc-postgresql is gone; its volume pv-0 is kept (Retain)'],
  );
});

test('a claim that is not bound yet is waited for', async () => {
  const before = fill();
  await bench.saveSite(NS, 'persistentvolumeclaim.v1', before);
  bench.api.put({ ...before[0]!, status: { phase: 'Pending' } });
  setTimeout(() => bench.api.put(before[0]!), 300);
  assert.equal(await runStep(checkClaimsStep(work(), CLAIMS), bench.context), 'done');
});
