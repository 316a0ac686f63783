import type { Plan, PlanStep } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { chartText } from './content.js';
import type { RollbackObservation, TouchedRelease } from './observe.js';
import { releaseSteps } from './plan-release.js';
import { type Draft, goesBack, type RollbackRequest, SOURCE, targetOf } from './plan-types.js';
import { staysOf } from './stays.js';

export interface RollbackPlan {
  readonly plan: Plan;
  readonly holds: readonly string[];
  readonly stays: readonly string[];
  /** Whether any step changes the site; checks alone change nothing. */
  readonly changes: boolean;
}

const LOOKS: ReadonlySet<string> = new Set(['wait-healthy', 'check-claims', 'prove-release']);

/** Makes the whole plan out of what was read. Pure: the same facts give the same plan. */
export function makeRollbackPlan(request: RollbackRequest): RollbackPlan {
  const { origin, site } = request;
  const releases = rolledBack(request);
  const cluster = releases.filter(({ role }) => role === 'cluster');
  const others = releases.filter(({ role }) => role !== 'cluster');
  const goes = releases.filter(goesBack);
  const drafts: Draft[] = [
    ...crdSteps(site),
    ...cluster.flatMap((release) => releaseSteps(release, origin)),
    ...others.flatMap((release) => releaseSteps(release, origin)),
    ...waits(goes),
    ...claimSteps(request),
    ...proofStep(goes),
  ];
  const changes = drafts.some(({ action }) => !LOOKS.has(action.kind) && action.kind !== 'save-site');
  const steps = changes ? [saveStep(goes), ...drafts] : [];
  const { identity } = origin;
  return {
    plan: {
      kind: 'rollback',
      title: `take back ${identity.title}`,
      bundleId: identity.bundleId,
      clusterUid: site.cluster.uid,
      steps: steps.map(({ action, ...step }) => ({ ...step, ...touchesOf(action), input: { action } })),
    },
    holds: releases.filter((release) => release.before && !goesBack(release)).map(holdText),
    stays: staysOf(request),
    changes,
  };
}

function touchesOf({ kind }: Draft['action']): Pick<PlanStep, 'touches'> {
  if (kind === 'save-site') return { touches: 'surroundings' };
  return LOOKS.has(kind) ? { touches: 'nothing' } : {};
}

function rolledBack({ site, controlPlane }: RollbackRequest): TouchedRelease[] {
  return site.releases.filter(({ role }) => role === 'cluster' || controlPlane === 'roll-back');
}

function holdText({ release, before }: TouchedRelease): string {
  return `release ${release} is ${before ? chartText(before) : ''} as before`;
}

function saveStep(releases: readonly TouchedRelease[]): Draft {
  const refs = releases.map(({ release, namespace }) => `helm get all ${release} -n ${namespace}`);
  return {
    id: 'save',
    title: 'save values, secrets, ingresses, volumes’ definitions and configuration as they are now',
    command: refs.join('\n'),
    destructive: false,
    saves: ['what the newer version runs with, so that this rollback can itself be undone by hand'],
    doneWhen: 'all of it lies in the folder of the run, with digests',
    source: SOURCE,
    action: { kind: 'save-site' },
  };
}

function crdSteps({ crds }: RollbackObservation): Draft[] {
  if (crds.back.length === 0) return [];
  return [
    {
      id: 'crds',
      title: `put back ${crds.back.length} of the custom resource definitions as they were`,
      command: 'kubectl apply --server-side --field-manager=airgap -f SAVED-CRDS',
      destructive: false,
      saves: ['the definitions as they are now'],
      doneWhen: 'each of them has the saved spec and is Established',
      undoneBy: 'applying the newer bundle’s definitions',
      source: SOURCE,
      action: { kind: 'restore-crds', names: crds.back },
      lasting: true,
    },
  ];
}

function waits(releases: readonly TouchedRelease[]): Draft[] {
  const order: readonly TouchedRelease['role'][] = ['prerequisite', 'control-plane', 'cluster'];
  const sorted = [...releases].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  return sorted.map(({ release, namespace, before }, index) => ({
    id: `wait:${release}`,
    title: `${release} of ${before ? chartText(before) : ''} is healthy`,
    command: `kubectl get pods -n ${namespace}`,
    destructive: false,
    saves: [],
    doneWhen: 'all of its workloads are ready',
    source: SOURCE,
    action: { kind: 'wait-healthy', release, namespace },
    ...(index === sorted.length - 1 ? { outage: 'ends' as const } : {}),
  }));
}

function claimSteps({ origin, controlPlane }: RollbackRequest): Draft[] {
  if (controlPlane === 'keep') return [];
  return origin.plan.steps.flatMap((step): Draft[] => {
    const { action } = step.input as { action: Action };
    if (action.kind !== 'check-claims') return [];
    const { input: _input, ...shown } = step;
    return [{ ...shown, action }];
  });
}

function proofStep(releases: readonly TouchedRelease[]): Draft[] {
  if (releases.length === 0) return [];
  return [
    {
      id: 'prove:release',
      title: 'every workload of the old releases runs the images that they name',
      command: 'kubectl get deployments,statefulsets,daemonsets -A -o wide',
      destructive: false,
      saves: [],
      doneWhen: 'the images of each workload are those of the old manifest',
      source: SOURCE,
      action: { kind: 'prove-release', targets: releases.map(targetOf) },
    },
  ];
}
