import type { StepExecutor } from '../../../run/types.js';
import { isKept } from '../../steps/delete-owned.js';
import { asNew, type Found, readFound } from '../../steps/objects.js';
import type { RollbackWork } from '../executors.js';

/** Creates those of the objects that a run deleted which nobody made again; never changes one that is there. */
export function restoreObjectsStep({ client, origin }: RollbackWork, names: readonly string[]): StepExecutor {
  const missing = async (signal: AbortSignal): Promise<Found[]> => {
    const gone: Found[] = [];
    for (const name of names) {
      for (const found of (await readFound(origin.saved, name)) ?? []) {
        const { resource, object } = found;
        // Whoever owned it makes it again.
        if (object.metadata.ownerReferences?.length || isKept(object)) continue;
        const { name: own, namespace } = object.metadata;
        const place = { name: own, ...(namespace === undefined ? {} : { namespace }) };
        if ((await client.get(resource, place, { signal })) === undefined) gone.push(found);
      }
    }
    return gone;
  };
  return {
    observe: async ({ signal }) => {
      const gone = await missing(signal);
      const list = gone.map(
        ({ resource, object }) => `${resource.kind.toLowerCase()} ${object.metadata.name}`,
      );
      return gone.length === 0 ? { state: 'done' } : { state: 'ready', detail: `gone: ${list.join(', ')}` };
    },
    perform: async ({ signal, guard }) => {
      for (const { resource, object } of await missing(signal)) {
        await guard();
        const { apiVersion, kind } = resource;
        await client.create(withoutAddress({ ...asNew(object), apiVersion, kind }), { signal });
      }
    },
  };
}

/** A Service gets addresses anew: the old ones may be another's by now. */
function withoutAddress<T extends { readonly kind?: string; readonly [field: string]: unknown }>(
  object: T,
): T {
  if (object.kind !== 'Service') return object;
  const { clusterIP, clusterIPs: _all, ...spec } = (object['spec'] ?? {}) as Record<string, unknown>;
  return { ...object, spec: clusterIP === 'None' ? { ...spec, clusterIP } : spec };
}
