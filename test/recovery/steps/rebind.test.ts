import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { formatList } from '../../../src/recovery/objects.js';
import { rebindStep } from '../../../src/recovery/steps/rebind.js';
import type { RestoreWork } from '../../../src/recovery/steps/types.js';
import { type Bench, makeBench, object, runStep } from '../../install/support/step.js';

const NAMESPACE = 'runai-backend';
const CLAIM = object('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE, {
  metadata: { uid: 'an earlier life', labels: { a: 'b' } },
  spec: { volumeName: 'pv-old', storageClassName: 'local', resources: { requests: { storage: '1Gi' } } },
});

describe('a volume that outlived its claim', () => {
  let bench: Bench;
  let work: RestoreWork;
  before(async () => {
    bench = await makeBench();
    // What the controller of volumes does: a claim is bound when it names the volume, and the volume names it.
    bench.api.onChange = (api) => {
      const claim = api.get('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE);
      const volume = api.get('PersistentVolume', 'pv-1');
      const ref = (volume?.['spec'] as { claimRef?: { uid?: string } } | undefined)?.claimRef;
      const names = (claim?.['spec'] as { volumeName?: string } | undefined)?.volumeName === 'pv-1';
      const isOurs = ref?.uid === undefined || ref.uid === claim?.metadata.uid;
      if (claim && volume && names && isOurs && claim['status'] === undefined)
        api.put({ ...claim, status: { phase: 'Bound' } });
    };
  });
  after(() => bench.close());
  beforeEach(() => {
    bench.api.remove('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE);
    const claimRef = {
      name: 'pvc-thanos',
      namespace: NAMESPACE,
      uid: 'an earlier life',
      resourceVersion: '7',
    };
    bench.api.put(
      object('PersistentVolume', 'pv-1', undefined, {
        metadata: { uid: 'uid-1' },
        spec: { claimRef, persistentVolumeReclaimPolicy: 'Retain' },
        status: { phase: 'Released' },
      }),
    );
    const parts = [{ path: 'objects/storage/claims.json', role: 'claims', size: 1, sha256: '' }];
    const read = async () => Buffer.from(formatList([CLAIM]));
    work = { backup: { manifest: { parts }, read }, client: bench.api.client } as unknown as RestoreWork;
  });
  const action = { namespace: NAMESPACE, claim: 'pvc-thanos', volume: 'pv-1', volumeUid: 'uid-1' };

  it('gets it back: the stale uid is cleared, the claim names the volume, the rest of both stays', async () => {
    assert.equal(await runStep(rebindStep(work, action), bench.context), 'done');
    const volume = bench.api.get('PersistentVolume', 'pv-1')?.['spec'];
    assert.deepEqual(volume, {
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'pvc-thanos', namespace: NAMESPACE },
      persistentVolumeReclaimPolicy: 'Retain',
    });
    const claim = bench.api.get('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE);
    assert.deepEqual(claim?.['spec'], { ...(CLAIM['spec'] as object), volumeName: 'pv-1' });
    assert.deepEqual(claim?.metadata.labels, { a: 'b' });
    const saved = JSON.parse(String(await bench.context.saved.get('volumes/pv-1.json')));
    assert.equal(saved.spec.claimRef.uid, 'an earlier life');
    assert.equal((await rebindStep(work, action).observe(bench.context)).state, 'done');
  });

  it('is left alone when it is another one by now', async () => {
    const other = { ...action, volumeUid: 'uid-2' };
    assert.equal(await runStep(rebindStep(work, other), bench.context), 'impossible');
    bench.api.remove('PersistentVolume', 'pv-1');
    assert.equal(await runStep(rebindStep(work, action), bench.context), 'impossible');
  });

  it('is left alone when the claim has another volume', async () => {
    bench.api.put({ ...CLAIM, spec: { volumeName: 'pv-2' }, status: { phase: 'Bound' } });
    const { state, detail } = await rebindStep(work, action).observe(bench.context);
    assert.equal(state, 'impossible');
    assert.match(detail ?? '', /bound to pv-2/);
  });
});
