import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { formatList } from '../../../src/recovery/objects.js';
import { type FoundSnapshot, findSnapshot } from '../../../src/recovery/snapshot-find.js';
import { snapshotStep } from '../../../src/recovery/steps/snapshot.js';
import type { RestoreWork } from '../../../src/recovery/steps/types.js';
import { type Bench, makeBench, object, runStep } from '../../install/support/step.js';

const NAMESPACE = 'runai-backend';
const GROUP = 'snapshot.storage.k8s.io/v1';
const CLAIM = object('PersistentVolumeClaim', 'data', NAMESPACE, {
  metadata: { uid: 'an earlier life' },
  spec: { volumeName: 'pv-old', resources: { requests: { storage: '1Gi' } } },
});
const VOLUME = {
  ...{ claim: 'data', namespace: NAMESPACE, purpose: 'metrics', method: 'snapshot' as const, by: 'taken' },
  meta: { handle: 'snap-42', driver: 'a.example', restoreSize: '1536Mi' },
};
const signal = new AbortController().signal;

describe('a claim from a snapshot', () => {
  let bench: Bench;
  let work: RestoreWork;
  before(async () => {
    bench = await makeBench();
    const parts = [{ path: 'objects/storage/claims.json', role: 'claims', size: 1, sha256: '' }];
    const read = async () => Buffer.from(formatList([CLAIM]));
    work = { backup: { manifest: { parts }, read }, client: bench.api.client } as unknown as RestoreWork;
    // What the snapshot controller and the driver do.
    bench.api.onChange = (api) => {
      const snapshot = api.get('VolumeSnapshot', 'airgap-restored-taken', NAMESPACE);
      if (snapshot && !snapshot['status']) {
        const status = { readyToUse: true, boundVolumeSnapshotContentName: 'made' };
        api.put({ ...snapshot, status });
      }
      const claim = api.get('PersistentVolumeClaim', 'data', NAMESPACE);
      if (claim && !claim['status']) api.put({ ...claim, status: { phase: 'Bound' } });
    };
  });
  after(() => bench.close());
  afterEach(() => {
    bench.api.remove('PersistentVolumeClaim', 'data', NAMESPACE);
    for (const name of ['taken', 'airgap-restored-taken'])
      bench.api.remove('VolumeSnapshot', name, NAMESPACE);
    for (const name of ['content-1', `${NAMESPACE}-airgap-restored-taken`])
      bench.api.remove('VolumeSnapshotContent', name);
  });
  const snapshot = (status: object) =>
    bench.api.put({
      apiVersion: GROUP,
      kind: 'VolumeSnapshot',
      metadata: { name: 'taken', namespace: NAMESPACE },
      status,
    });
  const content = (handle = 'snap-42', driver = 'a.example') =>
    bench.api.put({
      apiVersion: GROUP,
      kind: 'VolumeSnapshotContent',
      metadata: { name: 'content-1' },
      spec: { driver, volumeSnapshotClassName: 'site' },
      status: { snapshotHandle: handle },
    });
  const find = (): Promise<FoundSnapshot | undefined> => findSnapshot(bench.api.client, VOLUME, signal);
  const demand = async (): Promise<FoundSnapshot> => (await find()) ?? assert.fail('it was not found');

  it('is made from the VolumeSnapshot that is there, as large as the driver wants it', async () => {
    snapshot({ readyToUse: true, boundVolumeSnapshotContentName: 'content-1' });
    content();
    const found = await demand();
    assert.deepEqual([found.snapshot, found.imported], ['taken', undefined]);
    await runStep(snapshotStep(work, found), bench.context);
    const spec = bench.api.get('PersistentVolumeClaim', 'data', NAMESPACE)?.['spec'];
    assert.deepEqual(spec, {
      resources: { requests: { storage: '1536Mi' } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'taken' },
    });
  });

  it('is made from the handle that a content still has, when the VolumeSnapshot is gone or another one', async () => {
    content();
    snapshot({ readyToUse: true, boundVolumeSnapshotContentName: 'content-of-another' });
    const found = await demand();
    assert.deepEqual(found.imported, { driver: 'a.example', className: 'site' });
    await runStep(snapshotStep(work, found), bench.context);
    const made = bench.api.get('VolumeSnapshotContent', `${NAMESPACE}-airgap-restored-taken`);
    assert.deepEqual(made?.['spec'], {
      deletionPolicy: 'Retain',
      driver: 'a.example',
      source: { snapshotHandle: 'snap-42' },
      volumeSnapshotRef: { name: 'airgap-restored-taken', namespace: NAMESPACE },
      volumeSnapshotClassName: 'site',
    });
    const claim = bench.api.get('PersistentVolumeClaim', 'data', NAMESPACE);
    assert.match(JSON.stringify(claim?.['spec']), /"name":"airgap-restored-taken"/);
  });

  it('is none for another handle, another driver, or a snapshot that is not ready', async () => {
    snapshot({ readyToUse: false, boundVolumeSnapshotContentName: 'content-1' });
    assert.equal(await find(), undefined);
    content('snap-43');
    assert.equal(await find(), undefined);
    content('snap-42', 'b.example');
    assert.equal(await find(), undefined);
  });

  it('leaves a claim that is there alone', async () => {
    snapshot({ readyToUse: true, boundVolumeSnapshotContentName: 'content-1' });
    content();
    bench.api.put(object('PersistentVolumeClaim', 'data', NAMESPACE, { spec: {} }));
    const step = snapshotStep(work, await demand());
    assert.equal((await step.observe(bench.context)).state, 'impossible');
  });

  it('is not there before the driver has filled a volume', async () => {
    snapshot({ readyToUse: true, boundVolumeSnapshotContentName: 'content-1' });
    content();
    const found = await demand();
    const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'taken' };
    const pending = (storageClassName: string) =>
      bench.api.put(
        object('PersistentVolumeClaim', 'data', NAMESPACE, {
          spec: { dataSource, storageClassName },
          status: { phase: 'Pending' },
        }),
      );
    const state = async () => (await snapshotStep(work, found).observe(bench.context)).state;
    const storage = (name: string, volumeBindingMode: string) =>
      bench.api.put({
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name },
        volumeBindingMode,
      });
    pending('at-once');
    assert.equal(await state(), 'ready');
    storage('at-once', 'Immediate');
    storage('later', 'WaitForFirstConsumer');
    assert.equal(await state(), 'ready');
    pending('later');
    assert.equal(await state(), 'done');
  });
});
