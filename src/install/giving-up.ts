import { AirgapError } from '../errors.js';
import type { Unfinished } from './unfinished.js';

/**
 * A plan made anew knows what it finds: what an earlier run took away and saved, values among it, it neither carries
 * over nor puts back. So such a run is given up by name only.
 * @throws AirgapError RUN_MISMATCH
 */
export function demandNothingTaken(unfinished: Unfinished, acknowledged: readonly string[]): void {
  const { identity, plan, committed, open } = unfinished;
  if (identity.kind !== 'install') return;
  const taken = plan.steps.filter(
    ({ id, destructive }) => destructive && (committed.includes(id) || open.includes(id)),
  );
  const id = `give-up@${identity.runId}`;
  if (taken.length === 0 || acknowledged.includes(id)) return;
  throw new AirgapError(
    'RUN_MISMATCH',
    `run ${identity.runId} took things away that a new run would not bring back`,
    {
      expected: 'that run ended: gone on with, or rolled back',
      found: `${taken.length} steps: ${taken.map((step) => step.id).join(', ')}`,
      hint:
        `airgap rollback --run ${identity.runId}, then install with other values; ` +
        `to lose the old values and hand-made changes all the same: --new-run --acknowledge=${id}`,
    },
  );
}
