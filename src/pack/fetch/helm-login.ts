import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../errors.js';
import type { Env } from '../../oci/client.js';
import { parseYaml } from '../../yaml.js';
import { asList, asRecord } from '../loose.js';
import type { CredentialNames } from '../spec/types.js';
import type { Login } from './http.js';

/**
 * The login of a chart repository: from the environment variables that the spec names, else from what
 * `helm repo add --username` stored for the same address.
 * @throws AirgapError REGISTRY_AUTH when a named variable is not set
 */
export async function loginFor(
  address: string,
  names: CredentialNames | undefined,
  env: Env,
): Promise<Login | undefined> {
  if (names === undefined) return stored(address, env);
  const [username, password] = [env[names.usernameEnv], env[names.passwordEnv]];
  if (username !== undefined && password !== undefined) return { username, password };
  const missing = username === undefined ? names.usernameEnv : names.passwordEnv;
  throw new AirgapError('REGISTRY_AUTH', `the variable ${missing} with the login of ${address} is not set`, {
    hint: `set ${missing} in the environment`,
  });
}

async function stored(address: string, env: Env): Promise<Login | undefined> {
  const config = env.HELM_CONFIG_HOME ?? join(env.XDG_CONFIG_HOME ?? join(env.HOME ?? '', '.config'), 'helm');
  const path = env.HELM_REPOSITORY_CONFIG ?? join(config, 'repositories.yaml');
  const text = await readFile(path, 'utf8').catch(() => '');
  const repositories = asList(asRecord(parseYaml(text, path)).repositories).map(asRecord);
  const same = repositories.find(({ url }) => typeof url === 'string' && trimmed(url) === trimmed(address));
  const { username, password } = same ?? {};
  return typeof username === 'string' && typeof password === 'string' && username !== ''
    ? { username, password }
    : undefined;
}

function trimmed(address: string): string {
  return address.replace(/\/+$/, '');
}
