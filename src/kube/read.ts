import { AirgapError } from '../errors.js';
import { statusOf } from './fault.js';
import { collectionPath, objectPath, withQuery } from './resources.js';
import type { Send } from './sender.js';
import type { KubeObject, KubeResponse, ListOptions, ObjectName, ReadOptions, Resource } from './types.js';

/** A list that changed under its continue token is read anew this often. */
const MOST_RESTARTS = 5;

/** The object, or undefined when there is none. */
export async function getObject<T extends KubeObject>(
  send: Send,
  resource: Resource,
  name: ObjectName,
  options: ReadOptions = {},
): Promise<T | undefined> {
  const response = await absentOn404(send({ method: 'GET', path: objectPath(resource, name), ...options }));
  return response === undefined ? undefined : readJson<T>(response);
}

/** All objects of a kind, page by page; empty when the server does not know the kind. */
export async function listObjects<T extends KubeObject>(
  send: Send,
  resource: Resource,
  options: ListOptions = {},
): Promise<T[]> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await readPages<T>(send, resource, options);
    } catch (error) {
      // 410: the continue token is too old; what was read so far is no snapshot any more.
      if (statusOf(error)?.code !== 410 || restarts === MOST_RESTARTS) throw error;
    }
  }
}

async function readPages<T extends KubeObject>(
  send: Send,
  resource: Resource,
  options: ListOptions,
): Promise<T[]> {
  const items: T[] = [];
  let token: string | undefined;
  do {
    const path = withQuery(collectionPath(resource, options.namespace), {
      limit: String(options.pageSize ?? 500),
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      continue: token,
    });
    const request = { method: 'GET', path, ...(options.signal ? { signal: options.signal } : {}) } as const;
    const response = await absentOn404(send(request));
    if (response === undefined) return [];
    const page = readJson<{ items?: T[] | null; metadata?: { continue?: string } }>(response);
    // Items of a list carry neither kind nor apiVersion.
    for (const item of page.items ?? [])
      items.push({ ...item, apiVersion: resource.apiVersion, kind: resource.kind });
    token = page.metadata?.continue || undefined;
  } while (token !== undefined);
  return items;
}

/** Undefined instead of a 404. */
export async function absentOn404(answer: Promise<KubeResponse>): Promise<KubeResponse | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error)?.code === 404) return undefined;
    throw error;
  }
}

/** @throws AirgapError CLUSTER_UNREACHABLE when something between answers with a page of its own */
export function readJson<T>(response: KubeResponse): T {
  try {
    return JSON.parse(response.body.toString('utf8')) as T;
  } catch (error) {
    throw new AirgapError('CLUSTER_UNREACHABLE', 'what answers is not an API server', {
      expected: 'JSON',
      found: `${response.body.length} bytes of ${String(response.headers['content-type'] ?? 'no type')}`,
      cause: error,
    });
  }
}
