import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeClasses,
  judgeSpace,
  type StorageFacts,
  wantedClaims,
} from '../../../src/install/checks/storage.js';
import { rendered } from './support.js';

const CLASS = { name: 'local', provisioner: 'example.com/p', isDefault: true, evidence: 'pod x runs for it' };
const CLAIM = { namespace: 'n', name: 'data-db-0', size: 50e9 };
const facts = (more: Partial<StorageFacts> = {}): StorageFacts => ({
  classes: [CLASS],
  wanted: [CLAIM],
  free: [],
  room: [{ where: 'node a', bytes: 60e9 }],
  defaultAsked: true,
  ...more,
});

test('a default class that somebody serves passes', () => {
  assert.equal(judgeClasses(facts()).outcome, 'pass');
  assert.equal(judgeSpace(facts()).outcome, 'pass');
});

test('no class, no default, a class that is not there: fail', () => {
  assert.match(judgeClasses(facts({ classes: [] })).seen, /no StorageClass; none is the default/);
  assert.equal(judgeClasses(facts({ classes: [] })).outcome, 'fail');
  assert.equal(judgeClasses(facts({ classes: [{ ...CLASS, isDefault: false }] })).outcome, 'fail');
  const other = judgeClasses(facts({ wanted: [{ ...CLAIM, storageClass: 'fast' }] }));
  assert.equal(other.outcome, 'fail');
  assert.match(other.seen, /data-db-0 asks for class fast/);
});

test('no default is needed where all claims are there or name their class', () => {
  const classes = [{ ...CLASS, isDefault: false }];
  assert.equal(
    judgeClasses(facts({ classes, wanted: [{ ...CLAIM, storageClass: 'local' }] })).outcome,
    'fail',
  );
  assert.equal(
    judgeClasses(facts({ classes, wanted: [{ ...CLAIM, storageClass: 'local' }], defaultAsked: false }))
      .outcome,
    'pass',
  );
  assert.equal(judgeClasses(facts({ classes, wanted: [] })).outcome, 'pass');
});

test('a provisioner that nobody saw is a warning', () => {
  const { evidence: _evidence, ...unseen } = CLASS;
  assert.equal(judgeClasses(facts({ classes: [unseen] })).outcome, 'warn');
});

test('room: too little warns, unknown is not checked, free volumes count, static classes need them', () => {
  assert.equal(judgeSpace(facts({ room: [{ where: 'node a', bytes: 10e9 }] })).outcome, 'warn');
  assert.equal(judgeSpace(facts({ room: [] })).outcome, 'not-checked');
  assert.equal(
    judgeSpace(facts({ room: [], free: [{ storageClass: 'local', size: 60e9 }] })).outcome,
    'pass',
  );
  const classes = [{ ...CLASS, provisioner: 'kubernetes.io/no-provisioner' }];
  const found = judgeSpace(facts({ classes }));
  assert.equal(found.outcome, 'fail');
  assert.match(found.seen, /no free volume for data-db-0 50 GB/);
  const two = { classes, wanted: [CLAIM, { ...CLAIM, name: 'data-db-1' }] };
  assert.equal(judgeSpace(facts({ ...two, free: [{ storageClass: 'local', size: 60e9 }] })).outcome, 'fail');
});

test('claims of StatefulSets are counted by replica', () => {
  const text = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { resources: { requests: { storage: 8Gi } } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: extra }
spec: { storageClassName: fast, resources: { requests: { storage: 1Gi } } }`;
  const found = wantedClaims(rendered(text)).map(({ name, storageClass }) => [name, storageClass]);
  assert.deepEqual(found, [
    ['data-db-0', undefined],
    ['data-db-1', undefined],
    ['extra', 'fast'],
  ]);
});
