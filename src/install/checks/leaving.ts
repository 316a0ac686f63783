import type { KubeObject } from '../../kube/types.js';
import type { PlanStep } from '../../run/types.js';
import { inputOf } from '../plan.js';
import type { RenderedRelease } from './rendered.js';

/** Steps of a plan that take objects away before a release comes, asked object by object. Pure. */
export function leavesBefore(
  steps: readonly PlanStep[],
  { planned }: RenderedRelease,
): (object: KubeObject, namespace: string) => boolean {
  const { release, namespace: own, role } = planned.chart;
  const at = steps.findIndex((step) => new RegExp(`^(helm|prerequisite):${release}$`).test(step.id));
  const actions = (at < 0 ? steps : steps.slice(0, at)).map((step) => inputOf(step).action);
  return (object, namespace) =>
    actions.some((action) => {
      switch (action.kind) {
        case 'delete-objects':
          return action.objects.some(
            (one) =>
              one.kind === object.kind &&
              one.name === object.metadata.name &&
              (one.namespace ?? namespace) === namespace,
          );
        case 'delete-owned':
          return action.namespace === namespace && action.kinds.some(({ kind }) => kind === object.kind);
        case 'helm-uninstall':
          // The cluster part may have had another release's name before.
          return action.namespace === own && role === 'cluster';
        default:
          return false;
      }
    });
}
