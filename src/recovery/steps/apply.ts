import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { holds } from '../holds.js';
import { nameObject, parseList } from '../objects.js';
import type { RestoreAction } from '../plan.js';
import { rewriteTexts } from '../rewrite.js';
import type { RestoreWork } from './types.js';

type ApplyAction = Extract<RestoreAction, { kind: 'apply' }>;

/** Managers of charts and controllers over whose fields a restore goes: what was saved is what shall be there. */
const FORCE_OVER = ['kubectl', 'kubectl-edit', 'kubectl-create', 'kubectl-patch', 'node-fetch', 'operator'];
const SHOWN = 3;

/** Puts the objects of some parts of the backup back, by server-side apply. */
export function applyStep(work: RestoreWork, action: ApplyAction): StepExecutor {
  return {
    observe: async ({ signal }) => {
      const objects = await readObjects(work, action);
      const missing = await notThere(work, objects, signal);
      if (missing.length === 0) return { state: 'done', detail: `${objects.length} objects` };
      const names = missing.slice(0, SHOWN).map(nameObject).join(', ');
      return { state: 'ready', detail: `${missing.length} of ${objects.length} to put back: ${names}` };
    },
    save: async (context) => {
      const live = await readLive(work, await readObjects(work, action), context);
      if (live.length > 0)
        await context.saved.put(`before/${action.roles[0] ?? 'objects'}.json`, JSON.stringify(live));
    },
    perform: async (context) => {
      const objects = await readObjects(work, action);
      for (const object of await notThere(work, objects, context.signal)) {
        await context.guard();
        await work.client.apply(object, { forceOver: FORCE_OVER, signal: context.signal });
      }
    },
  };
}

/** The objects as they shall be: all that was saved, under the names of this site. */
async function readObjects(
  { backup }: RestoreWork,
  { roles, rewrite = {}, leave = [] }: ApplyAction,
): Promise<KubeObject[]> {
  const left = new Set(leave);
  const objects: KubeObject[] = [];
  for (const role of roles)
    for (const part of backup.manifest.parts)
      if (part.role === role) objects.push(...parseList((await backup.read(part.path)).toString('utf8')));
  return objects
    .filter(({ metadata }) => !left.has(`${metadata.namespace ?? ''}/${metadata.name}`))
    .map((object) => rewriteTexts(object, rewrite).value);
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
