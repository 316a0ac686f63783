import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { PEOPLE_ELSEWHERE } from '../../runai/bindings.js';
import { BACKEND, type ObjectRef } from '../../runai/names.js';
import type { Action } from '../../runai/steps/types.js';
import { LEFTOVERS_NAME } from '../saved-names.js';
import { isKept, isReleases } from './delete-owned.js';
import { deleteSaved, type Found, findObject, isAlive, listKind, readFound, saveFound } from './objects.js';
import { isSites } from './restore-secrets.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;
type Leftovers = Extract<Action, { kind: 'delete-leftovers' }>;

/** Kinds of the product's namespace that are the product's whatever they are marked with. */
const ALWAYS = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'Service',
  'ServiceMonitor',
  'PodMonitor',
]);

/** Labels that the old cluster and its operators left on what they made. */
const MARKS: readonly (readonly [label: string, value: RegExp | 'release'])[] = [
  ['app', /^runai/],
  ['release', 'release'],
  ['app.kubernetes.io/instance', 'release'],
  ['app.kubernetes.io/managed-by', /^(Helm|runai-operator|prometheus-operator)$/],
  ['operator.prometheus.io/name', /./],
];

/** Deletes what an uninstalled cluster left, and frees objects that wait for an operator which is gone. */
export function leftoversStep({ client, limits }: Needs, action: Leftovers): StepExecutor {
  const list = async (signal: AbortSignal): Promise<Found[]> => {
    const found: Found[] = [];
    for (const kind of action.kinds)
      found.push(...(await listKind(client, kind, { namespace: action.namespace, signal })));
    const wide: Found[] = [];
    for (const { selector, ...kind } of action.labelled) {
      wide.push(...(await listKind(client, kind, { labelSelector: selector, signal })));
    }
    const named = await Promise.all(action.objects.map((ref) => findObject(client, ref, signal)));
    return [
      ...found.filter(({ object }) => isLeftover(object, action)),
      ...wide.filter(({ object }) => !isByHand(object)),
      ...named.filter((one) => one !== undefined),
    ];
  };
  const stuck = async (signal: AbortSignal): Promise<Found[]> => {
    const found = await Promise.all(action.unfinalize.map((ref) => findObject(client, ref, signal)));
    return found.filter(
      (one) => one !== undefined && one.object.metadata.deletionTimestamp !== undefined,
    ) as Found[];
  };
  return {
    observe: async ({ saved, signal }) => {
      const waiting = (await stuck(signal)).length;
      const known = await readFound(saved, LEFTOVERS_NAME);
      const left = known === undefined ? await list(signal) : await alive(known, signal);
      if (waiting === 0 && left.length === 0) return { state: 'done' };
      return { state: 'ready', detail: `${left.length} objects, ${waiting} waiting for the old operator` };
    },
    save: async ({ saved, signal }) => saveFound(saved, LEFTOVERS_NAME, await list(signal)),
    perform: async (context) => {
      for (const one of (await readFound(context.saved, LEFTOVERS_NAME)) ?? []) {
        await deleteSaved(client, one, { context, timeout: limits.health });
      }
      for (const one of await stuck(context.signal)) await unfinalize(one, context);
    },
  };

  async function alive(known: readonly Found[], signal: AbortSignal): Promise<Found[]> {
    const answers = await Promise.all(known.map((one) => isAlive(client, one, signal)));
    return known.filter((_, index) => answers[index]);
  }

  async function unfinalize({ resource, object }: Found, context: StepContext): Promise<void> {
    const { name, namespace, resourceVersion } = object.metadata;
    await context.guard();
    const patch = { metadata: { finalizers: null, resourceVersion } };
    const place = { name, ...(namespace === undefined ? {} : { namespace }) };
    await client.patch(resource, place, patch, { signal: context.signal });
  }
}

/** True for what the old release left; the operator's own secrets, config maps and bindings stay. */
export function isLeftover(
  object: KubeObject,
  { release, namespace }: Pick<Leftovers, 'release' | 'namespace'>,
): boolean {
  if (isKept(object) || isReleases(object, BACKEND)) return false;
  if (object.kind === 'Secret' && isSites(object, namespace)) return false;
  const { labels = {} } = object.metadata;
  if ('run.ai/cluster-wide' in labels || 'run.ai/department' in labels) return false;
  if (ALWAYS.has(object.kind ?? '') || isReleases(object, { release, namespace })) return true;
  return MARKS.some(([label, value]) => {
    const found = labels[label];
    if (found === undefined) return false;
    return value === 'release' ? found === release : value.test(found);
  });
}

/** True for what the step deletes, whichever of its lists finds it. */
export function isTaken(object: KubeObject, action: Leftovers): boolean {
  const { kind, metadata } = object;
  const { name, namespace, labels = {} } = metadata;
  if (namespace === action.namespace && action.kinds.some((one) => one.kind === kind))
    return isLeftover(object, action);
  const labelled = action.labelled.some(({ kind: of, selector }) => {
    const [label = '', value] = selector.split('=');
    return of === kind && labels[label] === value;
  });
  if (labelled) return !isByHand(object);
  return action.objects.some((ref) => ref.kind === kind && ref.name === name && ref.namespace === namespace);
}

function isByHand(object: KubeObject): boolean {
  return PEOPLE_ELSEWHERE.some(
    (ref: ObjectRef) =>
      ref.namespace === undefined && ref.kind === object.kind && ref.name === object.metadata.name,
  );
}
