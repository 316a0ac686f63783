import { RESOURCES } from './resources.js';
import type { KubeClient } from './types.js';

/** Names of the secrets for pulling images that a namespace has, sorted. */
export async function listPullSecrets(
  client: Pick<KubeClient, 'list'>,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const fieldSelector = 'type=kubernetes.io/dockerconfigjson';
  const secrets = await client.list(RESOURCES.secrets, { namespace, fieldSelector, signal });
  return secrets.map(({ metadata }) => metadata.name).sort();
}
