import { AirgapError, type Fault } from '../errors.js';
import type { Plan } from './types.js';

/** @throws AirgapError INTERNAL when the plan breaks a rule of the engine; a planner's fault, never the operator's */
export function checkPlan(plan: Plan): void {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const step of plan.steps) {
    const fault = (what: string): void => void faults.push({ where: step.id || '(no id)', what });
    if (!/^[a-z][A-Za-z0-9:/._-]*$/.test(step.id)) fault('is no id');
    if (seen.has(step.id)) fault('comes twice');
    seen.add(step.id);
    if (step.destructive && step.lasting) fault('is destructive and lasting: it could happen twice');
    if (step.destructive && step.saves.length === 0) fault('destroys something and saves nothing');
  }
  if (faults.length > 0) throw new AirgapError('INTERNAL', 'the plan breaks the rules of a plan', { faults });
}
