import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { sameValue } from '../../runai/values/key.js';
import { asNew, type Found, findObject } from './objects.js';
import { savedObject } from './saved-site.js';
import type { Work } from './types.js';

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly [field: string]: unknown;
}
type Binding = KubeObject & { readonly subjects?: readonly Subject[] };

interface Gap {
  readonly before: Binding;
  readonly live?: Found;
  readonly people: readonly Subject[];
}

/** Puts users and groups back into bindings that were made anew. */
export function restoreSubjectsStep(
  { client }: Pick<Work, 'client'>,
  bindings: readonly ObjectRef[],
): StepExecutor {
  const gaps = async ({ saved, signal }: StepContext): Promise<Gap[]> => {
    const found: Gap[] = [];
    for (const ref of bindings) {
      const before = (await savedObject(saved, ref)) as Binding | undefined;
      if (before === undefined) continue;
      const live = await findObject(client, ref, signal);
      const there = (live?.object as Binding | undefined)?.subjects ?? [];
      const people = (before.subjects ?? []).filter(
        (one) => one.kind !== 'ServiceAccount' && !there.some((other) => sameValue(other, one)),
      );
      if (people.length > 0) found.push({ before, people, ...(live === undefined ? {} : { live }) });
    }
    return found;
  };
  return {
    observe: async (context) => {
      const found = await gaps(context);
      const names = found.map(({ before }) => before.metadata.name).join(', ');
      return found.length === 0
        ? { state: 'done' }
        : { state: 'ready', detail: `people are missing in ${names}` };
    },
    perform: async (context) => {
      const { signal } = context;
      for (const { before, live, people } of await gaps(context)) {
        await context.guard();
        if (live === undefined) {
          await client.create(asNew(before), { signal });
          continue;
        }
        const { name, namespace, resourceVersion } = live.object.metadata;
        const subjects = [...((live.object as Binding).subjects ?? []), ...people];
        const place = { name, ...(namespace === undefined ? {} : { namespace }) };
        await client.patch(live.resource, place, { metadata: { resourceVersion }, subjects }, { signal });
      }
    },
  };
}
