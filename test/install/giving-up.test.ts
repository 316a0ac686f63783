import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandNothingTaken } from '../../src/install/giving-up.js';
import type { Unfinished } from '../../src/install/unfinished.js';

const step = (id: string, destructive: boolean) => ({ id, title: id, destructive, saves: [], doneWhen: '' });

function left(committed: readonly string[], open: readonly string[] = [], kind = 'install'): Unfinished {
  const steps = [
    step('push', false),
    step('delete:ingress', true),
    step('helm-uninstall:runai-cluster', true),
  ];
  return { identity: { runId: 'run-1', kind }, plan: { steps }, committed, open } as unknown as Unfinished;
}

test('a run that took something away is given up by its name only: a new plan would not bring it back', () => {
  const taken = left(['push', 'delete:ingress'], ['helm-uninstall:runai-cluster']);
  assert.throws(
    () => demandNothingTaken(taken, ['give-up@another']),
    (error: { code: string; exitStatus: number; found: string; hint: string }) => {
      assert.equal(error.code, 'RUN_MISMATCH');
      assert.equal(error.exitStatus, 11);
      assert.equal(error.found, '2 steps: delete:ingress, helm-uninstall:runai-cluster');
      assert.match(error.hint, /airgap rollback --run run-1.*--new-run --acknowledge=give-up@run-1/);
      return true;
    },
  );
  demandNothingTaken(taken, ['give-up@run-1']);
});

test('a run that took nothing away, or that is no install, is given up as before', () => {
  demandNothingTaken(left(['push']), []);
  demandNothingTaken(left(['delete:ingress'], [], 'rollback'), []);
});
