import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { holds } from '../holds.js';
import { nameObject, parseList } from '../objects.js';
import type { RestoreWork } from './types.js';

/** Managers of charts and controllers over whose fields a restore goes: what was saved is what shall be there. */
const FORCE_OVER = ['kubectl', 'kubectl-edit', 'kubectl-create', 'kubectl-patch', 'node-fetch', 'operator'];
const SHOWN = 3;

/** Puts the objects of some parts of the backup back, by server-side apply. */
export function applyStep(work: RestoreWork, roles: readonly string[]): StepExecutor {
  return {
    observe: async ({ signal }) => {
      const objects = await readObjects(work, roles);
      const missing = await notThere(work, objects, signal);
      if (missing.length === 0) return { state: 'done', detail: `${objects.length} objects` };
      const names = missing.slice(0, SHOWN).map(nameObject).join(', ');
      return { state: 'ready', detail: `${missing.length} of ${objects.length} to put back: ${names}` };
    },
    save: async (context) => {
      const live = await readLive(work, await readObjects(work, roles), context);
      if (live.length > 0)
        await context.saved.put(`before/${roles[0] ?? 'objects'}.json`, JSON.stringify(live));
    },
    perform: async (context) => {
      const objects = await readObjects(work, roles);
      for (const object of await notThere(work, objects, context.signal)) {
        await context.guard();
        await work.client.apply(object, { forceOver: FORCE_OVER, signal: context.signal });
      }
    },
  };
}

async function readObjects({ backup }: RestoreWork, roles: readonly string[]): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const role of roles)
    for (const part of backup.manifest.parts)
      if (part.role === role) objects.push(...parseList((await backup.read(part.path)).toString('utf8')));
  return objects;
}

async function notThere(
  work: RestoreWork,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const missing: KubeObject[] = [];
  for (const object of objects) if (!holds(object, await liveOf(work, object, signal))) missing.push(object);
  return missing;
}

async function readLive(
  work: RestoreWork,
  objects: readonly KubeObject[],
  { signal }: StepContext,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const object of objects) {
    const live = await liveOf(work, object, signal);
    if (live) found.push(live);
  }
  return found;
}

async function liveOf(
  { client }: RestoreWork,
  { apiVersion = '', kind = '', metadata }: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const resource = await client.resourceFor(apiVersion, kind, { signal });
  if (resource === undefined) return undefined;
  const { name, namespace } = metadata;
  const live = await client.get(
    resource,
    { name, ...(namespace === undefined ? {} : { namespace }) },
    { signal },
  );
  return live && { ...live, apiVersion, kind };
}
