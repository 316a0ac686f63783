import { listPullSecrets } from '../kube/pull-secrets.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import { listAt, textAt } from './value-at.js';

/** Names of the secrets for pulling that are in a namespace by now, or that its account names. */
export async function pullSecretsIn(
  client: Pick<KubeClient, 'get' | 'list'>,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const secrets = await listPullSecrets(client, namespace, signal);
  const account = await client.get(RESOURCES.serviceAccounts, { namespace, name: 'default' }, { signal });
  const named = listAt(account, ['imagePullSecrets']).flatMap((each) => textAt(each, ['name']) ?? []);
  return [...new Set([...named, ...secrets])];
}
