import { RESOURCES } from '../../kube/resources.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { BACKEND, type ObjectRef } from '../../runai/names.js';
import { describePatches, type Ingress, patchesOf, type Reapplication, reapply } from './ingress-patches.js';
import { findObject } from './objects.js';
import { renderedObject, savedObject } from './saved-site.js';
import type { Work } from './types.js';

/** Puts the hand-made parts of the old ingress onto the one that the new chart made; its own word stays. */
export function restoreIngressStep({ client }: Pick<Work, 'client'>, ref: ObjectRef): StepExecutor {
  const look = async ({ saved, signal }: StepContext): Promise<Reapplication | 'none'> => {
    const before = (await savedObject(saved, ref)) as Ingress | undefined;
    if (before === undefined) return 'none';
    const rendered = (await renderedObject(saved, BACKEND.release, ref)) as Ingress | undefined;
    const live = (await findObject(client, ref, signal))?.object as Ingress | undefined;
    const patches = patchesOf(before, rendered);
    if (live !== undefined) return reapply(patches, live);
    const conflicts = describePatches(patches).map(
      (text) => `${text}: the new chart made no ingress ${ref.name}`,
    );
    return { missing: [], conflicts };
  };
  return {
    observe: async (context) => {
      const found = await look(context);
      if (found === 'none') return { state: 'done', detail: 'there was no such ingress before' };
      if (found.patch === undefined) return { state: 'done', ...detail(found.conflicts) };
      return { state: 'ready', detail: `to put back: ${found.missing.join('; ')}` };
    },
    perform: async (context) => {
      const found = await look(context);
      if (found === 'none' || found.patch === undefined) return;
      await context.guard();
      const { name, namespace } = ref;
      const place = { name, ...(namespace === undefined ? {} : { namespace }) };
      await client.patch(RESOURCES.ingresses, place, found.patch, { signal: context.signal });
      for (const text of found.conflicts)
        context.emit({ type: 'note', level: 'warn', text: `ingress ${name}: ${text}` });
    },
  };
}

function detail(conflicts: readonly string[]): { detail?: string } {
  return conflicts.length === 0 ? {} : { detail: `not put back: ${conflicts.join('; ')}` };
}
