import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import type { StepExecutor } from '../../run/types.js';
import { PULL_SECRET } from '../release-values.js';
import type { Work } from './types.js';

const TYPE = 'kubernetes.io/dockerconfigjson';
const KEY = '.dockerconfigjson';

/** Creates the pull secret of a namespace from the credentials of the push; one that is there is left alone. */
export function pullSecretStep({ client, registry }: Work, namespace: string): StepExecutor {
  const place = { name: PULL_SECRET, namespace };
  return {
    observe: async ({ signal }) => {
      const there = await client.get(RESOURCES.secrets, place, { signal });
      return there === undefined ? { state: 'ready' } : { state: 'done' };
    },
    perform: async ({ signal }) => {
      const credentials = await registry?.credentials();
      if (!registry || credentials?.kind !== 'basic') {
        throw new AirgapError('REGISTRY_AUTH', 'there is no name and password to make a pull secret from', {
          expected: 'a login with name and password',
          found: credentials === undefined ? 'no login' : `a login by ${credentials.kind} token`,
          hint: `kubectl create secret docker-registry ${PULL_SECRET} -n ${namespace} --docker-server=HOST …, then run the same command again`,
        });
      }
      await client.create(pullSecretOf(place, registry.client.host, credentials), { signal });
    },
  };
}

/** A secret that lets pods log in to one registry. */
export function pullSecretOf(
  place: { readonly name: string; readonly namespace: string },
  host: string,
  { username, password }: { readonly username: string; readonly password: string },
): KubeObject {
  const { apiVersion, kind } = RESOURCES.secrets;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const content = JSON.stringify({ auths: { [host]: { username, password, auth } } });
  return {
    apiVersion,
    kind,
    metadata: place,
    type: TYPE,
    data: { [KEY]: Buffer.from(content).toString('base64') },
  };
}
