import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { PEOPLE_ELSEWHERE } from '../../runai/bindings.js';
import type { ObjectRef } from '../../runai/names.js';
import type { Action } from '../../runai/steps/types.js';
import { belongingOf, ownBelonging, WORKLOAD_KINDS } from '../belonging.js';
import { LEFTOVERS_NAME } from '../saved-names.js';
import { deleteSaved, type Found, findObject, isAlive, listKind, readFound, saveFound } from './objects.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;
type Leftovers = Extract<Action, { kind: 'delete-leftovers' }>;

/** Deletes what an uninstalled cluster left, and frees objects that wait for an operator which is gone. */
export function leftoversStep({ client, limits }: Needs, action: Leftovers): StepExecutor {
  const list = async (signal: AbortSignal): Promise<{ goes: Found[]; stays: Found[] }> => {
    const found: Found[] = [];
    for (const kind of action.kinds)
      found.push(...(await listKind(client, kind, { namespace: action.namespace, signal })));
    const wide: Found[] = [];
    for (const { selector, ...kind } of action.labelled) {
      wide.push(...(await listKind(client, kind, { labelSelector: selector, signal })));
    }
    const named = await Promise.all(action.objects.map((ref) => findObject(client, ref, signal)));
    const goes = named.filter((one) => one !== undefined);
    const stays: Found[] = [];
    for (const one of [...found, ...wide.filter(({ object }) => !isByHand(object))]) {
      const belonging = await belongingOf(client, one.object, { whose: action, signal });
      // What came after the plan was shown is not in its list.
      const isLeft =
        belonging === 'product' || (belonging === 'unmarked' && isNamed(one.object, action.unmarked));
      (isLeft ? goes : stays).push(one);
    }
    return { goes, stays };
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
      const left = known === undefined ? (await list(signal)).goes : await alive(known, signal);
      if (waiting === 0 && left.length === 0) return { state: 'done' };
      return { state: 'ready', detail: `${left.length} objects, ${waiting} waiting for the old operator` };
    },
    save: async ({ saved, signal }) => saveFound(saved, LEFTOVERS_NAME, (await list(signal)).goes),
    perform: async (context) => {
      for (const { resource, object } of (await list(context.signal)).stays) {
        if (!WORKLOAD_KINDS.includes(resource.kind)) continue;
        const what = `${resource.kind.toLowerCase()} ${object.metadata.name}`;
        context.emit({ type: 'note', level: 'info', text: `${what} is not the product’s and stays` });
      }
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

function isNamed({ kind, metadata }: KubeObject, refs: readonly ObjectRef[]): boolean {
  return refs.some((ref) => ref.kind === kind && ref.name === metadata.name);
}

/** True for what the step deletes, whichever of its lists finds it; an owner that stays is not looked for. */
export function isTaken(object: KubeObject, action: Leftovers): boolean {
  const { kind, metadata } = object;
  const { name, namespace, labels = {} } = metadata;
  const belonging = ownBelonging(object, action);
  if (namespace === action.namespace && action.kinds.some((one) => one.kind === kind))
    return belonging === 'product' || (belonging === 'unmarked' && isNamed(object, action.unmarked));
  const labelled = action.labelled.some(({ kind: of, selector }) => {
    const [label = '', value] = selector.split('=');
    return of === kind && labels[label] === value;
  });
  if (labelled) return belonging === 'product' && !isByHand(object);
  return action.objects.some((ref) => ref.kind === kind && ref.name === name && ref.namespace === namespace);
}

function isByHand(object: KubeObject): boolean {
  return PEOPLE_ELSEWHERE.some(
    (ref: ObjectRef) =>
      ref.namespace === undefined && ref.kind === object.kind && ref.name === object.metadata.name,
  );
}
