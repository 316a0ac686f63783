import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import type { Credentials } from '../oci/client.js';
import { PULL_SECRET } from './release-values.js';
import { pullSecretOf } from './steps/pull-secret.js';

export interface CanaryLogin {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the secret that is made where the product’s own is not there yet. */
  readonly token: string;
  /** HOST[:PORT] */
  readonly host: string;
  readonly needsLogin: boolean;
  readonly credentials: (() => Promise<Credentials | undefined>) | undefined;
  readonly guard?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Runs with the name of a pull secret: the product’s own, or one that is gone afterwards; none where none is needed. */
export async function withCanarySecret<T>(
  login: CanaryLogin,
  fly: (pullSecrets: readonly string[]) => Promise<T>,
): Promise<T> {
  const { client, namespace, token, host, signal } = login;
  if (!login.needsLogin) return fly([]);
  const own = await client.get(RESOURCES.secrets, { name: PULL_SECRET, namespace }, { signal });
  if (own !== undefined) return fly([PULL_SECRET]);
  const credentials = await login.credentials?.();
  if (credentials?.kind !== 'basic') return fly([]);
  await login.guard?.();
  const place = { name: token, namespace };
  const made = await client.create(pullSecretOf(place, host, credentials), { signal });
  const secret = made === 'exists' ? await client.get(RESOURCES.secrets, place, { signal }) : made;
  try {
    return await fly([token]);
  } finally {
    const uid = secret?.metadata.uid;
    if (uid !== undefined)
      await client.delete(RESOURCES.secrets, place, { uid, signal: AbortSignal.timeout(15_000) });
  }
}
