import type { StepExecutor } from '../../run/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { deletedName } from '../saved-names.js';
import { deleteSaved, type Found, findObject, isAlive, readFound, saveFound } from './objects.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;

/** Deletes single objects, each by the UID it had when it was saved: never an object that came later. */
export function deleteObjectsStep({ client, limits }: Needs, refs: readonly ObjectRef[]): StepExecutor {
  const name = deletedName(refs);
  const live = async (signal: AbortSignal): Promise<Found[]> => {
    const found = await Promise.all(refs.map((ref) => findObject(client, ref, signal)));
    return found.filter((one) => one !== undefined);
  };
  return {
    observe: async ({ saved, signal }) => {
      const known = await readFound(saved, name);
      if (known === undefined)
        return (await live(signal)).length === 0 ? { state: 'done' } : { state: 'ready' };
      const alive = await Promise.all(known.map((one) => isAlive(client, one, signal)));
      return { state: alive.includes(true) ? 'ready' : 'done' };
    },
    save: async ({ saved, signal }) => saveFound(saved, name, await live(signal)),
    perform: async (context) => {
      for (const one of (await readFound(context.saved, name)) ?? []) {
        await deleteSaved(client, one, { context, timeout: limits.health });
      }
    },
  };
}
