import { AirgapError } from '../../errors.js';
import type { ExecutorOf, Plan, SavedStore, StepExecutor } from '../../run/types.js';
import { productStep } from '../steps/product.js';
import { saveSiteStep } from '../steps/save-site.js';
import type { Work } from '../steps/types.js';
import { waitStep } from '../steps/wait.js';
import { actionOf, type RollbackAction } from './plan-types.js';
import { helmRollbackStep } from './steps/helm-rollback.js';
import { proveReleaseStep } from './steps/prove-release.js';
import { restoreCrdsStep } from './steps/restore-crds.js';
import { restoreObjectsStep } from './steps/restore-objects.js';
import { restoreRecordStep } from './steps/restore-record.js';

export interface RollbackWork extends Pick<Work, 'client' | 'helm' | 'limits' | 'results'> {
  readonly origin: { readonly runId: string; readonly saved: Pick<SavedStore, 'get'> };
  readonly plan: Plan;
}

/** Steps that read what the run saved that is taken back, not what this one saved. */
const OF_ORIGIN: ReadonlySet<RollbackAction['kind']> = new Set([
  'restore-secrets',
  'restore-ingress',
  'restore-routes',
  'restore-runaiconfig',
  'restore-subjects',
  'check-claims',
]);

/** From a step of a rollback's plan to what does it. */
export function rollbackExecutors(work: RollbackWork): ExecutorOf {
  return (step) => {
    const action = actionOf(step);
    const executor = executorOf(action, work);
    if (executor === undefined) throw new AirgapError('INTERNAL', `there is no executor for step ${step.id}`);
    return OF_ORIGIN.has(action.kind) ? readingFrom(work.origin.saved, executor) : executor;
  };
}

function executorOf(action: RollbackAction, work: RollbackWork): StepExecutor | undefined {
  switch (action.kind) {
    case 'save-site':
      return saveSiteStep(work, targetsOf(work.plan));
    case 'helm-rollback':
      return helmRollbackStep(work, action.target);
    case 'restore-record':
      return restoreRecordStep(work, action);
    case 'restore-objects':
      return restoreObjectsStep(work, action.names);
    case 'restore-crds':
      return restoreCrdsStep(work, action.names);
    case 'prove-release':
      return proveReleaseStep(work, action.targets);
    case 'wait-healthy':
      return waitStep(work, action);
    default:
      return productStep(work, action);
  }
}

function targetsOf(plan: Plan) {
  return plan.steps
    .map(actionOf)
    .flatMap((action) => (action.kind === 'helm-rollback' ? [action.target] : []));
}

/** The executor with another run's saved things in the place of its own. */
function readingFrom(saved: Pick<SavedStore, 'get'>, executor: StepExecutor): StepExecutor {
  const { save, ...rest } = executor;
  const swapped = (context: Parameters<StepExecutor['perform']>[0]) => ({
    ...context,
    saved: { ...context.saved, get: saved.get },
  });
  return {
    observe: (context) => rest.observe(swapped(context)),
    perform: (context) => rest.perform(swapped(context)),
    ...(save === undefined ? {} : { save }),
  };
}
