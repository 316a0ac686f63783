import type { PlanStep } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { contentSha } from './content.js';
import type { RollbackObservation, TouchedRelease } from './observe.js';
import type { Origin } from './origin.js';
import type { RollbackTarget } from './state.js';

/** What a step of a rollback does; plain data. */
export type RollbackAction =
  | Action
  | { readonly kind: 'helm-rollback'; readonly target: RollbackTarget }
  | {
      readonly kind: 'restore-record';
      readonly release: string;
      readonly namespace: string;
    }
  | {
      readonly kind: 'restore-objects';
      readonly names: readonly string[];
    }
  | { readonly kind: 'restore-crds'; readonly names: readonly string[] }
  | { readonly kind: 'prove-release'; readonly targets: readonly RollbackTarget[] };

/** A step with its action, before it becomes one of a plan. */
export type Draft = Omit<PlanStep, 'input'> & { readonly action: RollbackAction };

/** Where the steps of a rollback come from. */
export const SOURCE = 'our own rule (docs/decisions, rollback)';

/** The target of a release that goes back. */
export function targetOf({ release, namespace, before, recordGone, live }: TouchedRelease): RollbackTarget {
  if (before === undefined) throw new RangeError(`${release} has nothing to go back to`);
  const { revision } = before;
  const seen = recordGone ? revision : (live.revisions.at(-1)?.revision ?? revision);
  return { release, namespace, revision, contentSha: contentSha(before), seen };
}

/** True when helm began a revision for the run; the intent alone changed nothing. */
export function helmBegan({ upgraded, before, live }: TouchedRelease): boolean {
  if (before === undefined) return upgraded;
  return upgraded && live.revisions.some(({ revision }) => revision > before.revision);
}

/** True when something of the old revision is not as it was. */
export function goesBack(release: TouchedRelease): boolean {
  const { before, live, missing, recordGone } = release;
  if (before === undefined) return false;
  const last = live.revisions.at(-1);
  const holds =
    last !== undefined &&
    'status' in last &&
    last.status === 'deployed' &&
    contentSha(last) === contentSha(before);
  return recordGone || !holds || missing.length > 0;
}

/** What the plan is made from. */
export interface RollbackRequest {
  readonly origin: Origin;
  readonly site: RollbackObservation;
  readonly controlPlane: 'roll-back' | 'keep';
}

/** The action of a step that this planner made. */
export function actionOf(step: PlanStep): RollbackAction {
  return (step.input as { action: RollbackAction }).action;
}
