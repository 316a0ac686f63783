import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { generateIdentity } from '../../src/recovery/archive/age/keys.js';
import { expireBackups } from '../../src/recovery/expire.js';
import { writeMark } from '../../src/recovery/marks.js';
import { type KeptSnapshot, snapshotsOf } from '../../src/recovery/snapshot-expire.js';
import { type FakeApi, startFakeApi } from '../install/support/fake-api.js';
import { temporaryFolder, writeSmall } from './archive/helpers.js';

const GROUP = 'snapshot.storage.k8s.io/v1';
const NAMESPACE = 'runai-backend';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api.close());

/** A VolumeSnapshot with its content, as a backup leaves it; what a mark records of it. */
function snapshot(
  name: string,
  more: { labels?: Record<string, string>; policy?: string } = {},
): KeptSnapshot {
  const { labels = { 'app.kubernetes.io/managed-by': 'airgap' }, policy = 'Delete' } = more;
  const live = api.put({
    apiVersion: GROUP,
    kind: 'VolumeSnapshot',
    metadata: { name, namespace: NAMESPACE, labels },
    status: { boundVolumeSnapshotContentName: `content-${name}`, readyToUse: true },
  });
  api.put({
    apiVersion: GROUP,
    kind: 'VolumeSnapshotContent',
    metadata: { name: `content-${name}` },
    spec: { deletionPolicy: policy },
    status: { snapshotHandle: `handle-${name}` },
  });
  return { namespace: NAMESPACE, name, uid: live.metadata.uid ?? '' };
}

/** Encrypted backups, the oldest first; nobody has their key. */
async function backups(folder: string, kept: readonly (readonly KeptSnapshot[])[], clusterUid = 'here') {
  const paths: string[] = [];
  for (const [index, snapshots] of kept.entries()) {
    const path = join(folder, `${clusterUid}-${index}.backup`);
    await writeSmall(path, { kind: 'recipients', recipients: [generateIdentity().recipient] });
    const createdAt = new Date(Date.UTC(2026, 10, 1 + index)).toISOString();
    await writeMark(path, {
      verifiedAt: createdAt,
      createdAt,
      clusterUid,
      backupId: 'a'.repeat(64),
      snapshots: [...snapshots],
      holds: ['database'],
    });
    paths.push(path);
  }
  return paths;
}

const live = (name: string): boolean => api.get('VolumeSnapshot', name, NAMESPACE) !== undefined;
async function expire(folder: string): Promise<{ gone: string[]; notes: string }> {
  const notes: string[] = [];
  const gone = await expireBackups(
    folder,
    { keepLast: 1, now: 0 },
    {
      client: api.client,
      clusterUid: 'here',
      emit: (event) => event.type === 'note' && notes.push(event.text),
    },
  );
  return { gone, notes: notes.join('\n') };
}

test('threat 134: with a backup that goes its own snapshots go, and nothing else', async (t) => {
  const folder = await temporaryFolder(t);
  const retained = snapshot('retained', { policy: 'Retain' });
  const replaced = { ...snapshot('replaced'), uid: 'of-another-one' };
  const foreign = snapshot('foreign', { labels: {} });
  const kept = [[snapshot('old'), replaced, foreign, retained], [snapshot('new')]];
  const [first = '', second = ''] = await backups(folder, kept);
  const { gone, notes } = await expire(folder);
  assert.deepEqual(gone, [first]);
  assert.deepEqual([existsSync(first), existsSync(second)], [false, true]);
  assert.deepEqual(
    ['old', 'replaced', 'foreign', 'retained', 'new'].map((name) => [name, live(name)]),
    [
      ['old', false],
      ['replaced', true],
      ['foreign', true],
      ['retained', false],
      ['new', true],
    ],
  );
  assert.match(notes, /deleted VolumeSnapshot runai-backend\/old/);
  assert.match(notes, /runai-backend\/replaced stays/);
  assert.match(notes, /runai-backend\/foreign stays/);
  assert.match(notes, /handle-retained stays on the storage .* VolumeSnapshotContent content-retained/);
});

test('threat 134: snapshots of another cluster, and those that cannot be deleted, stay; the latter is said', async (t) => {
  const folder = await temporaryFolder(t);
  await backups(folder, [[snapshot('elsewhere')], []], 'there');
  await backups(folder, [[snapshot('here')], []]);
  const client = { ...api.client, delete: async () => Promise.reject(new Error('it is forbidden')) };
  const notes: string[] = [];
  const gone = await expireBackups(
    folder,
    { keepLast: 1, now: 0 },
    { client, clusterUid: 'here', emit: (event) => event.type === 'note' && notes.push(event.text) },
  );
  assert.equal(gone.length, 2, 'each cluster keeps its newest');
  assert.deepEqual([live('elsewhere'), live('here')], [true, true]);
  const said = notes.find((text) => text.includes('it is forbidden')) ?? '';
  assert.match(said, /kubectl -n runai-backend delete volumesnapshot here/);
  assert.ok(!notes.some((text) => text.includes('elsewhere stays')));
});

test('snapshots are known by name and UID, or not at all', () => {
  const volume = { claim: 'c', namespace: NAMESPACE, purpose: 'metrics', by: 's' };
  const found = snapshotsOf({
    volumes: [
      { ...volume, method: 'snapshot', meta: { uid: 'u' } },
      { ...volume, method: 'snapshot', meta: {} },
      { ...volume, method: 'site', meta: { uid: 'u' } },
    ],
  });
  assert.deepEqual(found, [{ namespace: NAMESPACE, name: 's', uid: 'u' }]);
});
