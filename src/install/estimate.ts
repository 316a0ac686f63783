import type { Plan, PlanStep } from '../run/types.js';
import { inputOf } from './plan.js';

/** What a step will roughly cost. */
export interface StepEstimate {
  /** To be sent, or saved by a backup at most; absent for steps that move nothing to speak of. */
  readonly bytes?: number;
  readonly seconds: number;
}

/** What a plan will roughly cost, with what that was reckoned from. */
export interface Estimate {
  /** To be sent to the registry. */
  readonly bytes: number;
  /** To be saved by the backup, at most; absent when there is none to make or its size is not known. */
  readonly toSave?: number;
  readonly seconds: number;
  readonly basis: string;
  /** By id of the step. */
  readonly steps: Readonly<Record<string, StepEstimate>>;
}

/** Bytes a second to a registry over a network of one gigabit, with one disk at its end. */
const RATE = 50_000_000;
/** Bytes a second of a backup: read, packed, encrypted, and read again to the end; scripts/bench/backup.ts. */
const BACKUP_RATE = 30_000_000;
/** Pods and dumps begin and end whatever the size. */
const BACKUP_SECONDS = 20;

/** Seconds by kind of action, as measured on a small cluster whose nodes have to pull. */
const SECONDS: Readonly<Record<string, number>> = {
  'save-site': 5,
  'create-namespaces': 1,
  'pull-secret': 1,
  'retain-volumes': 2,
  'keep-claims': 2,
  'check-claims': 5,
  'delete-objects': 20,
  'delete-owned': 45,
  'delete-leftovers': 45,
  'helm-uninstall': 60,
  'helm-rollback': 30,
  helm: 30,
  prerequisite: 60,
  'wait-healthy': 180,
  crds: 5,
  'restore-crds': 5,
  'prove-images': 10,
  backup: BACKUP_SECONDS,
  canary: 15,
};
const OTHER_SECONDS = 3;

/** What the estimate is reckoned from. */
export interface EstimateOf {
  /** Bytes that the registry lacks. */
  readonly toSend: number;
  /** Bytes of the backup, at most. */
  readonly toSave?: number;
  /** Ids of steps that are done. */
  readonly done?: readonly string[];
}

/** Adds up what is left of a plan. Pure. */
export function estimatePlan(plan: Plan, { toSend, toSave, done = [] }: EstimateOf): Estimate {
  const open = plan.steps.filter(({ id }) => !done.includes(id));
  const sizes = { toSend, ...(toSave === undefined ? {} : { toSave }) };
  const steps = Object.fromEntries(open.map((step) => [step.id, estimateStep(step, sizes)]));
  const all = Object.values(steps);
  const saved = open.find((step) => kindOf(step) === 'backup');
  return {
    bytes: open.some((step) => kindOf(step) === 'push') ? toSend : 0,
    ...(saved === undefined || toSave === undefined ? {} : { toSave }),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
    basis: `${RATE / 1_000_000} MB/s to the registry, and times of a small cluster; pulling on slow nodes takes longer`,
    steps,
  };
}

function estimateStep(step: PlanStep, { toSend, toSave }: EstimateOf): StepEstimate {
  const kind = kindOf(step);
  if (kind === 'push') return { bytes: toSend, seconds: Math.ceil(toSend / RATE) + 2 };
  if (kind === 'backup' && toSave !== undefined)
    return { bytes: toSave, seconds: Math.ceil(toSave / BACKUP_RATE) + BACKUP_SECONDS };
  return { seconds: SECONDS[kind] ?? OTHER_SECONDS };
}

function kindOf(step: PlanStep): string {
  return (inputOf(step) as { readonly action?: { readonly kind?: string } }).action?.kind ?? '';
}
