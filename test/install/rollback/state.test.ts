import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Release } from '../../../src/helm/release.js';
import { contentSha } from '../../../src/install/rollback/content.js';
import {
  decideRollback,
  type RollbackFacts,
  type RollbackTarget,
} from '../../../src/install/rollback/state.js';
import { revision } from '../support/observation.js';

const OLD = { name: 'runai-backend', version: '2.9.25', appVersion: '2.9.25' };
const NEW = { name: 'control-plane', version: '2.13.66', appVersion: '2.13.66' };
const one = revision({ chart: OLD, status: 'superseded', manifest: 'old' });
const two = (more: Partial<Release> = {}): Release =>
  revision({ chart: NEW, revision: 2, manifest: 'new', labels: { 'airgap-run': 'run-up' }, ...more });
/** What `helm rollback` makes: content and labels of the old revision under a new number. */
const three = (status: Release['status']): Release =>
  revision({ chart: OLD, revision: 3, status, manifest: 'old', description: 'Rollback to 1' });

const target: RollbackTarget = {
  release: 'runai-backend',
  namespace: 'runai-backend',
  revision: 1,
  contentSha: contentSha(one),
  seen: 2,
};
const decide = (revisions: Release[], more: Partial<RollbackFacts> = {}) =>
  decideRollback(target, { revisions, origin: 'run-up', helmGone: true, ...more });

test('the upgrade’s revision goes back, whether deployed, failed, or superseded by a try of ours', () => {
  for (const status of ['deployed', 'failed', 'superseded'] as const)
    assert.deepEqual(decide([one, two({ status })]), { do: 'roll-back', revision: 2, status });
});

test('the old content deployed again: nothing is left to do, whoever did it', () => {
  assert.deepEqual(decide([one, two({ status: 'superseded' }), three('deployed')]), {
    do: 'keep',
    revision: 3,
  });
});

test('threat 109: a pending or failed try of ours comes off the record; before we saved, it is another’s', () => {
  for (const status of ['pending-rollback', 'failed'] as const) {
    const revisions = [one, two(), three(status)];
    assert.deepEqual(decide(revisions, { savedLast: 2 }), { do: 'drop', revision: 3, status });
    assert.notEqual(decide(revisions).do, 'drop');
  }
  const pending = decide([one, two(), three('pending-rollback')]);
  assert.equal(pending.do, 'locked');
  const busy = decide([one, two(), three('pending-rollback')], { savedLast: 2, helmGone: false });
  assert.match(busy.do === 'locked' ? busy.why : '', /still at work/);
});

test('threat 109: what the upgrade left pending is marked failed, unless its helm is still at work', () => {
  const pending = two({ status: 'pending-upgrade' });
  assert.deepEqual(decide([one, pending]), { do: 'mark', revision: 2, status: 'pending-upgrade' });
  assert.equal(decide([one, pending], { helmGone: false }).do, 'locked');
  assert.equal(decide([one, two({ status: 'pending-upgrade', labels: {} })]).do, 'locked');
});

test('threats 91 and 110: a later revision, an unreadable one, one being uninstalled, none at all: the operator decides', () => {
  const later = two({ revision: 3, description: 'by hand' });
  assert.deepEqual(decide([one, two({ status: 'superseded' }), later]), {
    do: 'ask',
    why: 'revision 3 (deployed: by hand) was made since the plan',
  });
  const broken = { name: 'runai-backend', revision: 2, undecodable: 'torn' };
  const asked = decideRollback(target, { revisions: [one, broken], origin: 'run-up', helmGone: true });
  assert.match(asked.do === 'ask' ? asked.why : '', /cannot be read: torn/);
  assert.equal(decide([one, two({ status: 'uninstalling' })]).do, 'ask');
  assert.equal(decide([]).do, 'ask');
});
