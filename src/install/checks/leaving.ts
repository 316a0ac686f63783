import { isKeptByPolicy, releaseNameOf } from '../../helm/marks.js';
import type { KubeObject } from '../../kube/types.js';
import type { PlanStep } from '../../run/types.js';
import { inputOf, type StepInput } from '../plan.js';
import { isOwned, keyOf } from '../steps/delete-owned.js';
import { isTaken } from '../steps/leftovers.js';
import type { RenderedRelease } from './rendered.js';

/** What is known about the site and the plan when it is asked what goes away. */
export interface Before {
  readonly steps: readonly PlanStep[];
  /** By release: what it consists of now, by helm's record. */
  readonly manifests: ReadonlyMap<string, readonly KubeObject[]>;
  /** What the charts of the plan give. */
  readonly rendered: readonly RenderedRelease[];
}

/** Tells of a live object. */
export type Leaves = (live: KubeObject) => boolean;

/**
 * Which live objects the steps before a release's chart take away, each by the rule of its step: what is only of the
 * same kind or in the same namespace stays, and helm then refuses it. Pure.
 */
export function leavesBefore({ planned }: RenderedRelease, before: Before): Leaves {
  const { steps } = before;
  const { release } = planned.chart;
  const at = steps.findIndex(({ id }) => id === `helm:${release}` || id === `prerequisite:${release}`);
  const actions = (at < 0 ? steps : steps.slice(0, at)).map((step) => inputOf(step).action);
  const rules = actions.map((action) => ruleOf(action, before));
  return (live) => rules.some((takes) => takes(live));
}

function ruleOf(action: StepInput['action'], { manifests, rendered }: Before): Leaves {
  switch (action.kind) {
    case 'delete-objects':
      return ({ kind, metadata }) =>
        action.objects.some(
          (one) => one.kind === kind && one.name === metadata.name && one.namespace === metadata.namespace,
        );
    case 'delete-owned': {
      const recorded = new Set((manifests.get(action.release) ?? []).map(keyOf));
      return (live) =>
        live.metadata.namespace === action.namespace &&
        action.kinds.some(({ kind }) => kind === live.kind) &&
        isOwned(live, action, recorded);
    }
    case 'helm-uninstall': {
      const manifest = manifests.get(action.release) ?? [];
      return (live) => isUninstalled(live, manifest, action) || isOrphaned(live, manifest);
    }
    case 'delete-leftovers':
      return (live) => isTaken(live, action);
    case 'helm': {
      // Helm takes away what its release had and the new chart has not.
      const chart = rendered.find((one) => one.planned.chart.release === action.release);
      if (chart === undefined) return () => false;
      const manifest = manifests.get(action.release) ?? [];
      return (live) =>
        isUninstalled(live, manifest, action) && find(live, chart.objects, action) === undefined;
    }
    default:
      return () => false;
  }
}

interface Release {
  readonly release: string;
  readonly namespace: string;
}

/** Helm goes by its record, not by marks; what another release has taken since is not asked about here. */
function isUninstalled(live: KubeObject, manifest: readonly KubeObject[], release: Release): boolean {
  const recorded = find(live, manifest, release);
  if (recorded === undefined || isKeptByPolicy(recorded) || isKeptByPolicy(live)) return false;
  const owner = releaseNameOf(live);
  return owner === undefined || owner === release.release;
}

/** What an object of the release made: the API server deletes it with its owner. */
function isOrphaned({ metadata }: KubeObject, manifest: readonly KubeObject[]): boolean {
  const owners = metadata.ownerReferences ?? [];
  return owners.some(({ kind, name }) =>
    manifest.some((one) => one.kind === kind && one.metadata.name === name && !isKeptByPolicy(one)),
  );
}

/** The same object among a release's own. */
export function find(
  { kind, metadata }: KubeObject,
  objects: readonly KubeObject[],
  { namespace }: Pick<Release, 'namespace'>,
): KubeObject | undefined {
  return objects.find(
    (one) =>
      one.kind === kind &&
      one.metadata.name === metadata.name &&
      (metadata.namespace === undefined || (one.metadata.namespace ?? namespace) === metadata.namespace),
  );
}
