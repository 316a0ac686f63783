import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { chooseClass, takeSnapshot } from '../../src/recovery/snapshot.js';
import type { ProductVolume } from '../../src/recovery/volume-find.js';
import { type FakeApi, startFakeApi } from '../install/support/fake-api.js';
import { object } from '../install/support/step.js';

const GROUP = 'snapshot.storage.k8s.io/v1';
const VOLUME: ProductVolume = {
  purpose: 'metrics',
  namespace: 'runai-backend',
  claim: 'data',
  accessModes: ['ReadWriteOnce'],
  volume: 'pv-1',
};

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api.close());

const signal = new AbortController().signal;
const snapshotClass = (name: string, driver: string, annotations: Record<string, string> = {}) =>
  api.put({
    apiVersion: GROUP,
    kind: 'VolumeSnapshotClass',
    metadata: { name, annotations },
    driver,
    deletionPolicy: 'Delete',
  });
const volumeOf = (driver?: string) =>
  api.put(
    object('PersistentVolume', 'pv-1', undefined, { spec: driver ? { csi: { driver } } : { nfs: {} } }),
  );
const choose = async (className?: string): Promise<string> => {
  const given = className === undefined ? {} : { className };
  return (await chooseClass(VOLUME, { client: api.client, signal, ...given })).metadata.name;
};

describe('the class of a volume snapshot', () => {
  it('is the one of the volume’s driver; of several the default one; else the operator’s choice', async () => {
    volumeOf('a.example');
    snapshotClass('other', 'b.example');
    await assert.rejects(choose(), (error) => isAirgapError(error, 'BACKUP_FAILED'));
    snapshotClass('first', 'a.example');
    assert.equal(await choose(), 'first');
    snapshotClass('second', 'a.example');
    await assert.rejects(choose(), (error) => isAirgapError(error) && /--snapshot-class/.test(error.hint));
    assert.equal(await choose('first'), 'first');
    snapshotClass('second', 'a.example', { 'snapshot.storage.kubernetes.io/is-default-class': 'true' });
    assert.equal(await choose(), 'second');
    await assert.rejects(choose('third'), (error) => isAirgapError(error, 'BACKUP_FAILED'));
  });

  it('is none for a volume of no CSI driver', async () => {
    volumeOf();
    snapshotClass('first', 'a.example');
    await assert.rejects(
      choose(),
      (error) => isAirgapError(error) && /CSI driver/.test(error.expected ?? ''),
    );
  });
});

describe('taking a snapshot', () => {
  const notes: string[] = [];
  const take = () =>
    takeSnapshot(VOLUME, {
      client: api.client,
      now: () => Date.UTC(2026, 10, 21),
      random: (size) => Buffer.alloc(size, 7),
      emit: (event) => event.type === 'note' && notes.push(event.text),
      signal,
      patience: 20,
    });

  it('keeps what is left of it when the cluster is gone, and warns of a policy that takes it along', async () => {
    volumeOf('a.example');
    snapshotClass('first', 'a.example');
    api.onChange = () => {
      const [snapshot] = api.writes.filter(({ method }) => method === 'POST');
      const { name = '' } = (snapshot?.body?.['metadata'] ?? {}) as { name?: string };
      const live = api.get('VolumeSnapshot', name, 'runai-backend');
      if (!live || live['status']) return;
      const status = { readyToUse: true, boundVolumeSnapshotContentName: 'content-1', restoreSize: '1Gi' };
      api.put({ ...live, status });
      api.put({
        apiVersion: GROUP,
        kind: 'VolumeSnapshotContent',
        metadata: { name: 'content-1' },
        spec: { driver: 'a.example', deletionPolicy: 'Delete' },
        status: { snapshotHandle: 'snap-42' },
      });
    };
    const { facts, objects, remove } = await take();
    assert.equal(facts.method, 'snapshot');
    assert.equal(facts.by, 'airgap-data-20261121000000-0707');
    assert.equal(facts.meta?.['handle'], 'snap-42');
    assert.equal(facts.meta?.['driver'], 'a.example');
    assert.equal(objects.length, 3);
    assert.match(notes.join(' '), /policy is Delete/);
    await remove();
    assert.equal(api.get('VolumeSnapshot', String(facts.by), 'runai-backend'), undefined);
  });

  it('an error of the driver that lasts is said, and the snapshot taken back', async () => {
    volumeOf('a.example');
    snapshotClass('first', 'a.example');
    const name = 'airgap-data-20261121000000-0707';
    api.onChange = () => {
      const live = api.get('VolumeSnapshot', name, 'runai-backend');
      if (live && !live['status'])
        api.put({ ...live, status: { error: { message: 'quota \u001b[31mexceeded' } } });
    };
    await assert.rejects(
      take(),
      (error) =>
        isAirgapError(error, 'BACKUP_FAILED') &&
        error.found?.startsWith('quota') === true &&
        !/\u001b/.test(error.found),
    );
    assert.equal(api.get('VolumeSnapshot', name, 'runai-backend'), undefined);
  });
});
