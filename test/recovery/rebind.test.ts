import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../src/kube/types.js';
import { volumesOf } from '../../src/recovery/rebind.js';
import { bringsDatabase } from '../../src/recovery/restore-volumes.js';

const CLAIM: KubeObject = {
  metadata: { name: 'pvc-thanos', namespace: 'runai-backend' },
  spec: { volumeName: 'pv-old' },
};

function volume(name: string, phase: string, claimRef?: { name: string; namespace: string }): KubeObject {
  return {
    metadata: { name, uid: `uid-${name}` },
    spec: claimRef === undefined ? {} : { claimRef: { ...claimRef, uid: 'an earlier life' } },
    status: { phase },
  };
}

describe('volumes that outlived their claim', () => {
  const ref = { name: 'pvc-thanos', namespace: 'runai-backend' };
  const names = (...volumes: KubeObject[]): string[] => volumesOf(CLAIM, volumes).map((each) => each.volume);

  it('one whose claimRef names the claim, whatever it is called', () => {
    assert.deepEqual(volumesOf(CLAIM, [volume('pv-new', 'Released', ref), volume('pv-old', 'Available')]), [
      { namespace: 'runai-backend', claim: 'pvc-thanos', volume: 'pv-new', volumeUid: 'uid-pv-new' },
    ]);
  });

  it('else the one of the saved name that nobody claims', () => {
    assert.deepEqual(names(volume('pv-old', 'Available'), volume('pv-2', 'Available')), ['pv-old']);
    assert.deepEqual(names(volume('pv-old', 'Released', { ...ref, name: 'other' })), []);
  });

  it('none that is bound, and none of another namespace', () => {
    assert.deepEqual(
      names(volume('a', 'Bound', ref), volume('b', 'Released', { ...ref, namespace: 'x' })),
      [],
    );
  });

  it('all of them when several name the claim: the operator decides', () => {
    assert.deepEqual(names(volume('a', 'Released', ref), volume('b', 'Failed', ref)), ['a', 'b']);
  });

  it('a rebound volume of the database counts more than a dump', () => {
    const rebind = (claim: string) => [{ namespace: 'runai-backend', claim, volume: 'v', volumeUid: 'u' }];
    assert.equal(bringsDatabase(rebind('pvc-postgresql'), {}), true);
    assert.equal(bringsDatabase(rebind('data-runai-backend-postgresql-0'), {}), true);
    assert.equal(bringsDatabase(rebind('pvc-thanos-receive'), {}), false);
    const values = { postgresql: { primary: { persistence: { existingClaim: 'mine' } } } };
    assert.equal(bringsDatabase(rebind('mine'), values), true);
  });
});
