import { AirgapError } from '../errors.js';
import type { ReleaseName } from '../helm/types.js';
import type { ExecutorOf, PlanStep, StepExecutor } from '../run/types.js';
import { BACKEND, CLUSTER, OLD_CLUSTER_RELEASE } from '../runai/names.js';
import { inputOf } from './plan.js';
import { backupStep } from './steps/backup.js';
import { canaryStep } from './steps/canary.js';
import { crdsStep } from './steps/crds.js';
import { helmStep } from './steps/helm.js';
import { namespacesStep } from './steps/namespaces.js';
import { productStep } from './steps/product.js';
import { proveStep } from './steps/prove.js';
import { pullSecretStep } from './steps/pull-secret.js';
import { pushStep } from './steps/push.js';
import { saveSiteStep } from './steps/save-site.js';
import type { Work } from './steps/types.js';
import { waitStep } from './steps/wait.js';

/** From a step of the plan to what does it: the one place where plan data meets the outside systems. */
export function executorsFor(work: Work): ExecutorOf {
  return (step) => executorOf(step, work);
}

function executorOf(step: PlanStep, work: Work): StepExecutor {
  const input = inputOf(step);
  switch (input.action.kind) {
    case 'save-site':
      return saveSiteStep(work, savedReleases(work));
    case 'backup':
      if (work.backup && 'backup' in input) return backupStep({ ...work, backup: work.backup }, input.backup);
      break;
    case 'push':
      return pushStep(work);
    case 'create-namespaces':
      return namespacesStep(work, input.action.names);
    case 'canary':
      return canaryStep(work, input.action);
    case 'pull-secret':
      return pullSecretStep(work, input.action.namespace);
    case 'crds':
      return crdsStep(work);
    case 'helm':
    case 'prerequisite':
      if ('chartSha' in input) return helmStep(work, input);
      break;
    case 'wait-healthy':
      return waitStep(work, input.action);
    case 'prove-images':
      return proveStep(work);
    default: {
      const product = productStep(work, input.action);
      if (product) return product;
    }
  }
  throw new AirgapError('INTERNAL', `there is no executor for step ${step.id}`);
}

/** The product’s releases under every name they had, and what the bundle brings beside them. */
function savedReleases({ bundle }: Work): ReleaseName[] {
  const own = [BACKEND, CLUSTER, { release: OLD_CLUSTER_RELEASE, namespace: CLUSTER.namespace }];
  return [...own, ...bundle.manifest.charts.filter(({ role }) => role === 'prerequisite')];
}
