import { AirgapError } from '../errors.js';
import { getObject, readJson } from './read.js';
import { collectionPath, RESOURCES } from './resources.js';
import type { Send } from './sender.js';
import type { AccessAnswer, AccessCheck, ReadOptions } from './types.js';

/** SelfSubjectAccessReview: asks the authorizer, changes nothing. */
export async function reviewAccess(
  send: Send,
  check: AccessCheck,
  options: ReadOptions = {},
): Promise<AccessAnswer> {
  const { verb, group, resource, subresource, namespace, name } = check;
  const resourceAttributes = { verb, group, resource, subresource, namespace, name };
  const { apiVersion, kind } = RESOURCES.accessReviews;
  const body = JSON.stringify({ apiVersion, kind, spec: { resourceAttributes } });
  const path = collectionPath(RESOURCES.accessReviews);
  const response = await send({ method: 'POST', path, body, ...options });
  const { status } = readJson<{ status?: { allowed?: boolean; reason?: string } }>(response);
  return { allowed: status?.allowed === true, reason: status?.reason ?? '' };
}

/** UID of the namespace kube-system, which is what tells clusters apart. */
export async function readClusterUid(send: Send, options: ReadOptions = {}): Promise<string> {
  const system = await getObject(send, RESOURCES.namespaces, { name: 'kube-system' }, options);
  const uid = system?.metadata.uid;
  if (uid !== undefined) return uid;
  throw new AirgapError('CLUSTER_REFUSED', 'the cluster has no namespace kube-system, so it has no identity');
}
