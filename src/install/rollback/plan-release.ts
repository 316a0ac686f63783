import type { ObjectRef } from '../../runai/names.js';
import type { Action } from '../../runai/steps/types.js';
import { deletedName, LEFTOVERS_NAME, ownedName } from '../saved-names.js';
import { chartText } from './content.js';
import type { TouchedRelease } from './observe.js';
import { kindOf, type Origin } from './origin.js';
import { type Draft, goesBack, SOURCE, targetOf } from './plan-types.js';

/** Everything that brings one release back to what it was before the run. Pure. */
export function releaseSteps(release: TouchedRelease, origin: Origin): Draft[] {
  if (release.before === undefined) return [];
  const saved = deletedBy(origin, release);
  return [
    ...(goesBack(release)
      ? [
          ...reinstalled(release, origin),
          ...release.fixed.map(({ ref, why }) => deletion(ref, { why, release })),
          rollbackStep(release),
        ]
      : []),
    ...afterwards(release, { origin, saved }),
  ];
}

/** The release that the run installed in the place of the old one goes, and helm’s memory of the old one comes back. */
function reinstalled(touched: TouchedRelease, origin: Origin): Draft[] {
  const { release, namespace, recordGone } = touched;
  if (!recordGone) return [];
  const newer = touched.successor ?? touched.live;
  const named = newer.release === release ? `newer ${release}` : newer.release;
  const old = newer.release === release ? 'the one' : `the ${release}`;
  return [
    ...(newer.revisions.length === 0
      ? []
      : [
          {
            id: `helm-uninstall:${newer.release}`,
            title: `uninstall the ${named}, which stands in the place of ${old} that was uninstalled`,
            command: `helm uninstall ${newer.release} -n ${namespace}`,
            destructive: true,
            saves: ['values, manifest and release secrets', `secrets and configuration of ${namespace}`],
            doneWhen: 'there is no such release, and its pods are gone or about to go',
            undoneBy: 'installing the newer version again',
            source: SOURCE,
            action: { kind: 'helm-uninstall', release: newer.release, namespace } as const,
            outage: 'starts' as const,
          },
        ]),
    ...leftovers(touched, origin),
    {
      id: `restore:record/${release}`,
      title: `put back helm’s record of the old ${release}`,
      command: `kubectl apply -n ${namespace} -f SAVED-RELEASE-SECRETS`,
      destructive: false,
      saves: [],
      doneWhen: 'every saved revision is there',
      source: SOURCE,
      action: { kind: 'restore-record', release, namespace },
    },
  ];
}

/**
 * By the rule of the way there: nobody is left to answer what an uninstalled release waits for, and what it left is
 * not its successor's. Where no newer release came to be, what is there is the old one's own and only gets free.
 */
function leftovers(touched: TouchedRelease, { plan }: Origin): Draft[] {
  const { namespace } = touched;
  const { release, revisions } = touched.successor ?? touched.live;
  const actions = plan.steps.map((step) => (step.input as { action: Action }).action);
  const forth = actions.find((action) => action.kind === 'delete-leftovers');
  if (forth?.kind !== 'delete-leftovers') return [];
  const id = `delete:leftovers/${release}`;
  const nothing = { kinds: [], labelled: [], objects: [], unmarked: [] };
  const free = forth.unfinalize.map(
    ({ kind, name }) =>
      `kubectl patch ${kind.toLowerCase()} ${name} -n ${namespace} --type=merge -p '{"metadata":{"finalizers":null}}'`,
  );
  const common = { id, destructive: true, source: SOURCE } as const;
  if (revisions.length === 0)
    return [
      {
        ...common,
        title: `free what still waits for the operator of the uninstalled ${touched.release}`,
        command: free.join('\n'),
        saves: ['RunaiConfig, whole'],
        doneWhen: 'no finalizer waits for an operator that is gone',
        undoneBy: `the old ${touched.release}, which helm makes again`,
        action: { ...forth, ...nothing, release, namespace },
      },
    ];
  const kinds = forth.kinds.map(({ kind }) => `${kind.toLowerCase()}s`);
  const labelled = forth.labelled.map(
    ({ kind, selector }) => `kubectl delete ${kind.toLowerCase()}s -l ${selector}`,
  );
  return [
    {
      ...common,
      title: `delete what the newer ${release} left; what nothing marks as its own stays`,
      command: [`kubectl delete -n ${namespace} --all ${kinds.join(',')}`, ...labelled, ...free].join('\n'),
      saves: ['every object that is deleted, whole'],
      doneWhen: 'none of the newer release’s objects is left, and no finalizer waits for its operator',
      undoneBy: 'the saved objects',
      // What lies elsewhere was the old release's and is gone, and so is what nothing marked then.
      action: { ...forth, objects: [], unmarked: [], release, namespace },
    },
  ];
}

function deletion(
  ref: ObjectRef,
  { why, release }: { readonly why: string; readonly release: TouchedRelease },
): Draft {
  const kind = ref.kind.toLowerCase();
  return {
    id: `delete:${kind}/${ref.namespace === release.namespace ? '' : `${ref.namespace}/`}${ref.name}`,
    title: `delete ${kind} ${ref.name}, which helm makes again: ${why}`,
    command: `kubectl delete ${kind} ${ref.name} -n ${ref.namespace}`,
    destructive: true,
    saves: [`${kind} ${ref.name}, whole; its claims stay`],
    doneWhen: 'the object with the saved UID is gone, with its pods',
    undoneBy: 'the saved object',
    source: SOURCE,
    action: { kind: 'delete-objects', objects: [ref] },
    outage: 'starts',
  };
}

function rollbackStep(release: TouchedRelease): Draft {
  const target = targetOf(release);
  const { before, live } = release;
  const last = live.revisions.at(-1);
  const now = last && 'chart' in last && !release.recordGone ? ` from ${chartText(last)}` : '';
  return {
    id: `helm-rollback:${release.release}`,
    title: `roll ${release.release} back${now} to revision ${target.revision}, ${before ? chartText(before) : ''}`,
    command: `helm rollback ${release.release} ${target.revision} -n ${release.namespace}`,
    destructive: false,
    saves: ['the release as Helm keeps it'],
    doneWhen:
      'its last revision is deployed with chart, values and manifest of that one, and all its objects are there',
    undoneBy: 'airgap install of the newer bundle',
    source: SOURCE,
    action: { kind: 'helm-rollback', target },
  };
}

/** Names under which the run saved what it deleted of a release. */
function deletedBy({ plan, touched }: Origin, { role }: TouchedRelease): string[] {
  return plan.steps
    .filter(({ id }) => touched.has(id))
    .flatMap((step) => {
      const { action } = step.input as { action: Action };
      if (action.kind === 'delete-leftovers') return role === 'cluster' ? [LEFTOVERS_NAME] : [];
      if (role !== 'control-plane') return [];
      if (action.kind === 'delete-objects') return [deletedName(action.objects)];
      return action.kind === 'delete-owned' ? [ownedName(action.release, action.kinds)] : [];
    });
}

const TITLES: Readonly<Record<string, string>> = {
  'restore-ingress': 'put the hand-made parts of the ingress back, as they were before the upgrade',
  'restore-routes': 'put hand-made annotations and TLS settings back on the Routes, as before the upgrade',
  'restore-runaiconfig': 'put the customised settings back into RunaiConfig, as they were before the upgrade',
};

function afterwards(
  release: TouchedRelease,
  { origin, saved }: { readonly origin: Origin; readonly saved: readonly string[] },
): Draft[] {
  const did = (kind: string): boolean =>
    origin.plan.steps.some((step) => origin.touched.has(step.id) && kindOf(step) === kind);
  const { namespace, role } = release;
  const drafts: Draft[] = [];
  const undo = (draft: Pick<Draft, 'id' | 'title' | 'command' | 'doneWhen' | 'action'>): void =>
    void drafts.push({ ...draft, destructive: false, saves: [], source: SOURCE });
  if (role === 'control-plane' && did('delete-owned'))
    undo({
      id: 'restore:secrets',
      title: 'put back TLS, CA and pull secrets that are gone',
      command: `kubectl apply -n ${namespace} -f SAVED-SECRETS`,
      doneWhen: 'every saved TLS, CA and pull secret is there',
      action: { kind: 'restore-secrets', namespace },
    });
  if (saved.length > 0)
    undo({
      id: `restore:objects/${release.release}`,
      title: 'put back what the upgrade deleted and helm did not make again',
      command: 'kubectl create -f SAVED-OBJECTS',
      doneWhen: 'every object that was deleted is there again, under its name',
      action: { kind: 'restore-objects', names: saved },
    });
  for (const step of origin.plan.steps) {
    const { action } = step.input as { action: Action };
    const ours =
      role === 'control-plane'
        ? action.kind === 'restore-ingress' || action.kind === 'restore-routes'
        : role === 'cluster' && (action.kind === 'restore-runaiconfig' || action.kind === 'restore-subjects');
    // Planned by the run, whether it came that far or not: helm resets such changes on the way back too.
    if (ours && (goesBack(release) || saved.length > 0))
      undo({
        id: step.id,
        title: TITLES[action.kind] ?? step.title,
        command: step.command ?? '',
        doneWhen: step.doneWhen,
        action,
      });
  }
  return drafts;
}
