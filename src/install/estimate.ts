import type { Plan, PlanStep } from '../run/types.js';
import { inputOf } from './plan.js';

/** What a step will roughly cost. */
export interface StepEstimate {
  /** To be sent; absent for steps that send nothing to speak of. */
  readonly bytes?: number;
  readonly seconds: number;
}

/** What a plan will roughly cost, with what that was reckoned from. */
export interface Estimate {
  readonly bytes: number;
  readonly seconds: number;
  readonly basis: string;
  /** By id of the step. */
  readonly steps: Readonly<Record<string, StepEstimate>>;
}

/** Bytes a second to a registry over a network of one gigabit, with one disk at its end. */
const RATE = 50_000_000;

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
};
const OTHER_SECONDS = 3;

/** Adds up what is left of a plan. Pure. @param toSend bytes that the registry lacks */
export function estimatePlan(
  plan: Plan,
  { toSend, done = [] }: { readonly toSend: number; readonly done?: readonly string[] },
): Estimate {
  const open = plan.steps.filter(({ id }) => !done.includes(id));
  const steps = Object.fromEntries(open.map((step) => [step.id, estimateStep(step, toSend)]));
  const all = Object.values(steps);
  return {
    bytes: all.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
    basis: `${RATE / 1_000_000} MB/s to the registry, and times of a small cluster; pulling on slow nodes takes longer`,
    steps,
  };
}

function estimateStep(step: PlanStep, toSend: number): StepEstimate {
  const { kind } = (inputOf(step) as { readonly action?: { readonly kind?: string } }).action ?? {};
  if (kind === 'push') return { bytes: toSend, seconds: Math.ceil(toSend / RATE) + 2 };
  return { seconds: SECONDS[kind ?? ''] ?? OTHER_SECONDS };
}
