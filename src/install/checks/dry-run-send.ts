import { isAirgapError } from '../../errors.js';
import { statusOf } from '../../kube/fault.js';
import { collectionPath, objectPath, withQuery } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import { FIELD_MANAGER } from '../../kube/write.js';

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const QUERY = { fieldManager: FIELD_MANAGER, dryRun: 'All' };

/** What the API server says about one object. */
export interface Answer {
  readonly outcome: 'accepted' | 'refused' | 'not-checked';
  readonly why?: string;
}

export interface Sent {
  readonly resource: Resource;
  /** With its namespace, where its kind has one. */
  readonly object: KubeObject;
  readonly signal: AbortSignal;
}

/** Lets the server check an object that is to be made; it keeps nothing. */
export function tryCreate(client: KubeClient, { resource, object, signal }: Sent): Promise<Answer> {
  const path = withQuery(collectionPath(resource, object.metadata.namespace), QUERY);
  const body = JSON.stringify(object);
  return answered(client.request({ method: 'POST', path, body, signal }), { resource, object });
}

/** Lets the server check an object that changes the one that is there; it keeps nothing. */
export async function tryChange(client: KubeClient, { resource, object, signal }: Sent): Promise<Answer> {
  const { name, namespace } = object.metadata;
  const place = objectPath(resource, { name, ...(namespace === undefined ? {} : { namespace }) });
  const body = JSON.stringify(object);
  const send = (contentType: string, query: Readonly<Record<string, string>>): Promise<Answer> => {
    const path = withQuery(place, query);
    const sent = client.request({ method: 'PATCH', path, body, contentType, signal });
    return answered(sent, { resource, object });
  };
  const applied = await send(APPLY, { ...QUERY, force: 'true' });
  // Lists with the same key twice pass with helm, whose patches are not server-side apply.
  return /duplicate entries for key/.test(applied.why ?? '') ? send(MERGE, QUERY) : applied;
}

async function answered(
  sending: Promise<unknown>,
  { resource, object }: Pick<Sent, 'resource' | 'object'>,
): Promise<Answer> {
  try {
    await sending;
    return { outcome: 'accepted' };
  } catch (error) {
    if (
      !isAirgapError(error, 'CLUSTER_REFUSED') &&
      !isAirgapError(error, 'CLUSTER_DENIED') &&
      !isAirgapError(error, 'CLUSTER_UNREACHABLE')
    )
      throw error;
    const status = statusOf(error);
    if (status?.code === 404 && /could not find the requested resource|page not found/.test(status.message))
      return { outcome: 'not-checked', why: `${resource.kind} is not defined yet` };
    const { namespace } = object.metadata;
    if (status?.code === 404 && namespace !== undefined)
      return { outcome: 'not-checked', why: `namespace ${namespace} is not there yet` };
    const why = reasonOf(error);
    const silent = /admission webhook "([^"]+)" does not support dry run/.exec(why)?.[1];
    if (silent !== undefined)
      return { outcome: 'not-checked', why: `webhook ${silent} cannot be asked in a dry run` };
    return { outcome: 'refused', why };
  }
}

function reasonOf(error: unknown): string {
  const message = statusOf(error)?.message;
  if (message !== undefined && message !== '') return message.slice(0, 400);
  return error instanceof Error ? error.message : String(error);
}
