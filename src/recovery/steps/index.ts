import { AirgapError } from '../../errors.js';
import type { ExecutorOf, PlanStep, StepExecutor } from '../../run/types.js';
import { restoreActionOf } from '../plan.js';
import { applyStep } from './apply.js';
import { databaseStep, dropOldStep, globalsStep } from './database.js';
import { accessStep } from './external.js';
import { rebindStep } from './rebind.js';
import { safetyStep } from './safety.js';
import { snapshotStep } from './snapshot.js';
import { swapStep } from './swap.js';
import type { RestoreWork } from './types.js';
import { volumeStep } from './volume.js';

/** From a step of the plan to what does it; what install does is done by the executors that were handed in. */
export function restoreExecutors(work: RestoreWork, install: ExecutorOf): ExecutorOf {
  return (step) => executorOf(step, work) ?? install(step);
}

function executorOf(step: PlanStep, work: RestoreWork): StepExecutor | undefined {
  const action = restoreActionOf(step);
  switch (action?.kind) {
    case undefined:
      return undefined;
    case 'safety-backup':
      return safetyStep(work);
    case 'apply':
      return applyStep(work, action);
    case 'rebind':
      return rebindStep(work, action);
    case 'snapshot':
      return snapshotStep(work, action);
    case 'volume':
      return volumeStep(work, action);
    case 'external-access':
      return accessStep(work);
    case 'globals':
      return globalsStep(work);
    case 'database':
      return databaseStep(work, action.database);
    case 'swap':
      return swapStep(work, action.databases);
    case 'drop-old':
      return dropOldStep(work, action.database);
  }
  throw new AirgapError('INTERNAL', `there is no executor for step ${step.id}`);
}
