import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparable, type Dumped, differences } from './compare.js';
import { allKills, sampleKills } from './kills.js';

const deployment = (more: Record<string, unknown> = {}, meta: Record<string, unknown> = {}): Dumped => ({
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'runai', uid: 'one', resourceVersion: '7', ...meta },
  spec: { replicas: 1 },
  status: { readyReplicas: 1 },
  ...more,
});
const differ = (one: Dumped[], other: Dumped[]): string[] => differences(comparable(one), comparable(other));

test('what the server, the clock and chance set is no difference', () => {
  assert.deepEqual(
    differ([deployment()], [deployment({ status: {} }, { uid: 'two', resourceVersion: '9' })]),
    [],
  );
  const claim = (volumeName: string): Dumped[] => [
    { kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'runai' }, spec: { volumeName } },
    {
      kind: 'PersistentVolume',
      metadata: { name: volumeName },
      spec: {
        claimRef: { namespace: 'runai', name: 'data', uid: volumeName },
        persistentVolumeReclaimPolicy: 'Retain',
      },
    },
  ];
  assert.deepEqual(differ(claim('pvc-1'), claim('pvc-2')), []);
});

test('what an upgrade could have left otherwise is named with its place', () => {
  assert.deepEqual(differ([deployment()], [deployment({ spec: { replicas: 2 } })]), [
    'Deployment runai/web.0.spec.replicas: 1 / 2',
  ]);
  assert.deepEqual(differ([deployment()], [deployment({}, { annotations: { a: 'b' } })]), [
    'Deployment runai/web.0.metadata.annotations: absent / {"a":"b"}',
  ]);
  assert.match(differ([deployment()], []).join(), /^Deployment runai\/web: .* \/ absent$/);
});

test('a secret that differs is named, and what it holds is not shown', () => {
  const secret = (x: string): Dumped => ({
    kind: 'Secret',
    metadata: { name: 's', namespace: 'runai' },
    data: { x },
  });
  assert.deepEqual(differ([secret('aaa')], [secret('bbb')]), ['Secret runai/s.0.data.x']);
});

test('a sample of kills is the same for one seed, in order, around effects', () => {
  const kills = allKills(['a', 'b', 'c', 'd'].map((id) => ({ id })));
  assert.equal(kills.length, 12);
  const drawn = sampleKills(kills, 5, 42);
  assert.deepEqual(drawn, sampleKills(kills, 5, 42));
  assert.notDeepEqual(drawn, sampleKills(kills, 5, 43));
  const places = drawn.map((kill) => kills.indexOf(kill));
  assert.deepEqual(
    places,
    [...places].sort((x, y) => x - y),
  );
  assert.ok(drawn.every(({ boundary }) => boundary !== 'committed'));
});
