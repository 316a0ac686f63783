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
  const identity = { runId: 'run-1', kind, ...(kind === 'rollback' ? { origin: 'run-0' } : {}) };
  return { identity, plan: { steps }, committed, open } as unknown as Unfinished;
}

type Refusal = { code: string; exitStatus: number; found: string; hint: string };

test('a run that took something away is given up by its name only: a new plan would not bring it back', () => {
  const taken = left(['push', 'delete:ingress'], ['helm-uninstall:runai-cluster']);
  assert.throws(
    () => demandNothingTaken(taken, [], ['give-up@another']),
    (error: Refusal) => {
      assert.equal(error.code, 'RUN_MISMATCH');
      assert.equal(error.exitStatus, 11);
      assert.equal(error.found, '2 steps: delete:ingress, helm-uninstall:runai-cluster');
      assert.match(error.hint, /airgap rollback --run run-1.*--new-run --acknowledge=give-up@run-1/);
      return true;
    },
  );
  demandNothingTaken(taken, [], ['give-up@run-1']);
});

test('a run that took nothing away is given up as before; so is a rollback that began nothing', () => {
  demandNothingTaken(left(['push']), [], []);
  demandNothingTaken(left([], [], 'rollback'), [], []);
  demandNothingTaken(left(['delete:ingress'], [], 'backup'), [], []);
});

test('a rollback that began, or that undoes an unfinished run, is given up by its name only', () => {
  const away = 'what run run-0 took away';
  for (const [run, missing, found] of [
    [left(['push'], [], 'rollback'), [], '1 step: push'],
    [left([], [], 'rollback'), [away], away],
    [left(['push'], [], 'rollback'), [away], `1 step: push; ${away}`],
  ] as const) {
    assert.throws(
      () => demandNothingTaken(run, missing, []),
      (error: Refusal) => {
        assert.equal(error.found, found);
        assert.match(error.hint, /^airgap rollback --run run-0 goes on with it; .*=give-up@run-1$/);
        return true;
      },
    );
    demandNothingTaken(run, missing, ['give-up@run-1']);
  }
});
