import type { Facts } from '../site.js';
import { BACKEND_STEPS } from './backend.js';
import { withBackup } from './backup.js';
import { CLUSTER_STEPS, FINISH } from './cluster.js';
import { DELETES } from './deletes.js';
import { PREPARE } from './prepare.js';
import type { ProductStep, StepRow } from './types.js';

/** The table of steps, in the order in which they happen: control plane before cluster, nothing destroyed unsaved. */
export const STEP_TABLE: readonly StepRow[] = [
  ...PREPARE,
  ...DELETES,
  ...BACKEND_STEPS,
  ...CLUSTER_STEPS,
  ...FINISH,
];

/** All steps for a site and a target, in order. Whether the path is allowed at all is upgrade-path.ts. */
export function composeSteps(facts: Facts): ProductStep[] {
  return withBackup(
    STEP_TABLE.flatMap((row) => row.steps(facts)),
    facts,
  );
}
