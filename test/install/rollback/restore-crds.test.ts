import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marksOf } from '../../../src/install/rollback/steps/restore-crds.js';
import type { LiveCrd } from '../../../src/kube/crd-check.js';

function crd(annotations: Record<string, string>, held: Record<string, string[]> = {}): LiveCrd {
  const managedFields = Object.entries(held).map(([manager, names]) => ({
    manager,
    operation: 'Apply',
    fieldsV1: {
      'f:metadata': { 'f:annotations': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) },
    },
  }));
  const names = { plural: 'projects', kind: 'Project' };
  const spec = { group: 'run.ai', scope: 'Cluster', names, versions: [] };
  return { metadata: { name: 'projects.run.ai', annotations, managedFields }, spec };
}

test('annotations go back: those that are gone, those that are the same, those that airgap holds', () => {
  const old = crd({ gone: '1', same: '2', generator: 'v0.7' });
  const live = crd({ same: '2', generator: 'v0.16', new: '4' }, { airgap: ['generator', 'new'] });
  assert.deepEqual(marksOf(old, live), { annotations: { gone: '1', same: '2', generator: 'v0.7' } });
});

test('what somebody else changed and holds stays, and kubectl’s own memory is never written', () => {
  const last = 'kubectl.kubernetes.io/last-applied-configuration';
  const old = crd({ ca: 'old', [last]: '{}' });
  const live = crd({ ca: 'of-the-injector', [last]: '{"a":1}' }, { injector: ['ca'], airgap: [] });
  assert.deepEqual(marksOf(old, live), {});
});

test('a definition that is gone comes back with all of them', () => {
  assert.deepEqual(marksOf(crd({ one: '1' }), undefined), { annotations: { one: '1' } });
});
