import type { StepExecutor } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { deleteObjectsStep } from './delete-objects.js';
import { deleteOwnedStep } from './delete-owned.js';
import { checkIngressStep } from './ingress-controller.js';
import { leftoversStep } from './leftovers.js';
import { restoreIngressStep } from './restore-ingress.js';
import { restoreRoutesStep } from './restore-routes.js';
import { restoreRunaiConfigStep } from './restore-runaiconfig.js';
import { restoreSecretsStep } from './restore-secrets.js';
import { restoreSubjectsStep } from './restore-subjects.js';
import { tlsSecretStep } from './tls-secret.js';
import type { Work } from './types.js';
import { uninstallStep } from './uninstall.js';
import { checkClaimsStep, keepClaimsStep, retainVolumesStep } from './volumes.js';

/** What a step of the version-specific table does; undefined for actions that every install has. */
export function productStep(
  work: Pick<Work, 'client' | 'helm' | 'limits'>,
  action: Action,
): StepExecutor | undefined {
  switch (action.kind) {
    case 'retain-volumes':
      return retainVolumesStep(work, action);
    case 'keep-claims':
      return keepClaimsStep(work, action);
    case 'check-claims':
      return checkClaimsStep(work, action);
    case 'delete-objects':
      return deleteObjectsStep(work, action.objects);
    case 'delete-owned':
      return deleteOwnedStep(work, action);
    case 'delete-leftovers':
      return leftoversStep(work, action);
    case 'tls-from-values':
      return tlsSecretStep(work, action.secret);
    case 'restore-secrets':
      return restoreSecretsStep(work, action.namespace);
    case 'restore-ingress':
      return restoreIngressStep(work, action.ingress);
    case 'restore-routes':
      return restoreRoutesStep(work, action.namespace);
    case 'restore-runaiconfig':
      return restoreRunaiConfigStep(work, action);
    case 'restore-subjects':
      return restoreSubjectsStep(work, action.bindings);
    case 'check-ingress':
      return checkIngressStep(work);
    case 'helm-uninstall':
      return uninstallStep(work, action);
    default:
      return undefined;
  }
}
