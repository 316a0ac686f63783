import { AirgapError } from '../errors.js';
import { conflictsOf, mayHeal, statusOf } from './fault.js';
import { absentOn404, getObject, readJson } from './read.js';
import { collectionPath, describeObject, objectPath, withQuery } from './resources.js';
import type { Send } from './sender.js';
import type {
  ApplyOptions,
  DeleteOptions,
  DeleteOutcome,
  KubeObject,
  ObjectName,
  ReadOptions,
  Resource,
  WriteOptions,
} from './types.js';

/** Our name as a field manager. */
export const FIELD_MANAGER = 'airgap';
/** Managers whose fields may be taken over: earlier plain kubectl apply, helm, ourselves (threats 100). */
const FORCE_OVER: readonly string[] = ['kubectl-client-side-apply', 'helm', FIELD_MANAGER];
const APPLY_TYPE = 'application/apply-patch+yaml';

export type FindResource = (object: KubeObject, options: ReadOptions) => Promise<Resource>;

/**
 * Server-side apply of exactly these bytes; JSON is valid YAML. Forced only when every conflicting field belongs
 * to a manager of FORCE_OVER or `forceOver`.
 */
export async function applyObject<T extends KubeObject>(
  send: Send,
  find: FindResource,
  object: KubeObject,
  options: ApplyOptions = {},
): Promise<T> {
  const resource = options.resource ?? (await find(object, options));
  const body = JSON.stringify(object);
  const apply = async (force: 'true' | undefined): Promise<T> => {
    const path = withQuery(objectPath(resource, nameOf(object)), {
      fieldManager: FIELD_MANAGER,
      force,
      dryRun: dryRunOf(options),
    });
    const request = { method: 'PATCH', path, body, contentType: APPLY_TYPE, ...signalOf(options) } as const;
    return readJson<T>(await send(request));
  };
  try {
    return await apply(undefined);
  } catch (error) {
    const status = statusOf(error);
    const conflicts = status === undefined ? [] : conflictsOf(status);
    const allowed = new Set([...FORCE_OVER, ...(options.forceOver ?? [])]);
    if (conflicts.length === 0) throw error;
    const foreign = conflicts.filter(({ manager }) => !allowed.has(manager));
    if (foreign.length === 0) return apply('true');
    throw new AirgapError(
      'APPLY_CONFLICT',
      `fields of ${describeObject(resource, nameOf(object))} belong to another field manager`,
      {
        faults: foreign.map(({ manager, field }) => ({ where: field, what: `belongs to ${manager}` })),
        cause: error,
      },
    );
  }
}

/** Creates; after a lost answer the object is looked for before it is sent again (threats 98). */
export async function createObject(
  send: Send,
  resource: Resource,
  object: KubeObject,
  options: WriteOptions = {},
): Promise<KubeObject | 'exists'> {
  const path = withQuery(collectionPath(resource, object.metadata.namespace), {
    fieldManager: FIELD_MANAGER,
    dryRun: dryRunOf(options),
  });
  const body = JSON.stringify(object);
  for (let tries = 0; ; tries++) {
    try {
      const request = { method: 'POST', path, body, repeatable: false, ...signalOf(options) } as const;
      return readJson<KubeObject>(await send(request));
    } catch (error) {
      if (statusOf(error)?.reason === 'AlreadyExists') return 'exists';
      if (mayHeal(error) === false || tries === 3) throw error;
      // The read waits until the server is back; a generated name cannot be looked for.
      const name = nameOf(object);
      if (name.name === undefined) throw error;
      const found = await getObject(send, resource, name, options);
      if (found) return found;
    }
  }
}

/** Replaces; `conflict` when metadata.resourceVersion is stale. */
export async function replaceObject(
  send: Send,
  resource: Resource,
  object: KubeObject,
  options: WriteOptions = {},
): Promise<KubeObject | 'conflict'> {
  const path = withQuery(objectPath(resource, nameOf(object)), {
    fieldManager: FIELD_MANAGER,
    dryRun: dryRunOf(options),
  });
  try {
    const body = JSON.stringify(object);
    return readJson<KubeObject>(await send({ method: 'PUT', path, body, ...signalOf(options) }));
  } catch (error) {
    if (statusOf(error)?.reason === 'Conflict') return 'conflict';
    throw error;
  }
}

/** JSON merge patch, which may be sent again. */
export async function patchObject(
  send: Send,
  resource: Resource,
  name: ObjectName,
  patch: unknown,
  options: WriteOptions & { readonly subresource?: string } = {},
): Promise<KubeObject> {
  const path = withQuery(objectPath(resource, name, options.subresource), {
    fieldManager: FIELD_MANAGER,
    dryRun: dryRunOf(options),
  });
  const body = JSON.stringify(patch);
  const contentType = 'application/merge-patch+json';
  return readJson<KubeObject>(await send({ method: 'PATCH', path, body, contentType, ...signalOf(options) }));
}

/** Deletes one object, only this one when its UID is given. The answer does not wait for finalizers. */
export async function deleteObject(
  send: Send,
  resource: Resource,
  name: ObjectName,
  options: DeleteOptions = {},
): Promise<DeleteOutcome> {
  refuseToDelete(resource);
  const { uid, resourceVersion } = options;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const body = JSON.stringify({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: options.propagation ?? 'Background',
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(options.dryRun ? { dryRun: ['All'] } : {}),
  });
  try {
    const path = objectPath(resource, name);
    const gone =
      (await absentOn404(send({ method: 'DELETE', path, body, ...signalOf(options) }))) === undefined;
    return gone ? 'gone' : 'deleted';
  } catch (error) {
    if (statusOf(error)?.reason === 'Conflict') return 'other';
    throw error;
  }
}

/** Deleting a CRD or a namespace deletes all that is in it: there is no way to do it by this client (threats 105). */
function refuseToDelete(resource: Resource): void {
  if (resource.plural !== 'customresourcedefinitions' && resource.plural !== 'namespaces') return;
  throw new AirgapError('INTERNAL', `airgap never deletes ${resource.plural}`);
}

function nameOf(object: KubeObject): ObjectName {
  const { name, namespace } = object.metadata;
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function dryRunOf(options: WriteOptions): 'All' | undefined {
  return options.dryRun ? 'All' : undefined;
}

function signalOf(options: ReadOptions): ReadOptions {
  return options.signal === undefined ? {} : { signal: options.signal };
}
