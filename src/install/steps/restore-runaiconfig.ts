import type { KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { formatKey, type Leaf, leavesOf, sameValue, treeOf, valueAt } from '../../runai/values/key.js';
import { type Found, findObject } from './objects.js';
import { renderedObject, savedObject } from './saved-site.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;
type Restore = Extract<Action, { kind: 'restore-runaiconfig' }>;

/** Puts those settings back into RunaiConfig that somebody had changed beyond what the chart had written. */
export function restoreRunaiConfigStep({ client, limits }: Needs, action: Restore): StepExecutor {
  const { object: ref, release, after } = action;
  const look = async ({ saved, signal }: StepContext): Promise<{ live?: Found; missing: Leaf[] }> => {
    const before = await savedObject(saved, ref);
    const rendered = await renderedObject(saved, release, ref);
    const live = await findObject(client, ref, signal);
    const changed = before === undefined ? [] : customised(before, rendered);
    const missing = changed.filter(({ key, value }) => {
      const now = valueAt(live?.object['spec'], key);
      if (sameValue(now, value)) return false;
      // After an upgrade in place, what no chart sets and has another value now is the operator's own doing.
      return after === 'install' || now === undefined || valueAt(rendered?.['spec'], key) !== undefined;
    });
    return { missing, ...(live === undefined ? {} : { live }) };
  };
  return {
    observe: async (context) => {
      const { live, missing } = await look(context);
      if (missing.length === 0) return { state: 'done' };
      const keys = missing.map(({ key }) => formatKey(key)).join(', ');
      return {
        state: 'ready',
        detail: live ? `to put back: ${keys}` : `no ${ref.kind} yet; to put back: ${keys}`,
      };
    },
    perform: async (context) => {
      const appeared = async (): Promise<Found | undefined> => (await look(context)).live;
      const live = await waitFor(appeared, { timeout: limits.health, signal: context.signal });
      const { missing } = await look(context);
      if (live === undefined || missing.length === 0) return;
      await context.guard();
      const { name, namespace } = ref;
      const place = { name, ...(namespace === undefined ? {} : { namespace }) };
      await client.patch(live.resource, place, { spec: treeOf(missing) }, { signal: context.signal });
    },
  };
}

/** Leaves of the spec that differ from what the chart had rendered; all of them when that is not known. */
export function customised(before: KubeObject, rendered: KubeObject | undefined): Leaf[] {
  return leavesOf(before['spec']).filter(
    ({ key, value }) => !sameValue(valueAt(rendered?.['spec'], key), value),
  );
}
