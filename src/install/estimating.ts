import type { Payload } from '../bundle/payload.js';
import type { BackupNeed } from '../run/backup-stage.js';
import type { Plan } from '../run/types.js';
import { type Estimate, estimatePlan } from './estimate.js';
import { bytesToSend, type PushState } from './push.js';

/**
 * What the steps that are left will roughly cost.
 * @param of.state what the registry lacks
 * @param of.need how large the backup will be
 */
export async function estimateOf(
  bundle: Payload,
  of: {
    readonly plan: Plan;
    readonly done?: readonly string[];
    readonly state?: PushState;
    readonly need?: BackupNeed;
    readonly signal: AbortSignal;
  },
): Promise<Estimate> {
  const { plan, done = [], state, need, signal } = of;
  const sends = plan.steps.some(({ id }) => id === 'push' && !done.includes(id));
  const toSend = sends && state ? await bytesToSend(bundle, state, signal) : 0;
  return estimatePlan(plan, { toSend, done, ...(need === undefined ? {} : { toSave: need.bytes }) });
}
