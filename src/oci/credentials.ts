import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { type AuthFile, DOCKER_HUB_KEY, keysFor, parseAuthFile } from './auth-file.js';
import type { Credentials, Env, RegistryOptions } from './client.js';
import { askHelper } from './credential-helper.js';

/** Credentials with where they come from, for messages. */
export interface FoundCredentials {
  readonly credentials: Credentials;
  readonly origin: string;
}

/**
 * Looks up the credentials for a repository of a registry: what the options give, else --authfile or
 * REGISTRY_AUTH_FILE alone, else the first of the usual files that knows the registry.
 * Within a file: credHelpers, credsStore, auths, the longest matching prefix first.
 * @throws AirgapError FILE_NOT_FOUND, REGISTRY_AUTH: a file that cannot be read never means anonymous
 */
export async function findCredentials(
  host: string,
  repository: string | undefined,
  options: RegistryOptions,
): Promise<FoundCredentials | undefined> {
  if (options.credentials) return { credentials: options.credentials, origin: 'options' };
  const given = options.authFile ?? options.env.REGISTRY_AUTH_FILE;
  if (given) {
    const file = await readAuthFile(given);
    if (file) return findIn(file, given, host, repository, options);
    throw new AirgapError('FILE_NOT_FOUND', `the auth file ${given} does not exist`, {
      hint: 'check --authfile and REGISTRY_AUTH_FILE',
    });
  }
  for (const path of usualFiles(options.env)) {
    const file = await readAuthFile(path);
    const found = file && (await findIn(file, path, host, repository, options));
    if (found) return found;
  }
  return undefined;
}

/** Where podman, skopeo and docker leave their logins, in the order they are looked at. */
export function usualFiles(env: Env): string[] {
  const files: string[] = [];
  if (env.XDG_RUNTIME_DIR) files.push(join(env.XDG_RUNTIME_DIR, 'containers', 'auth.json'));
  const config = env.XDG_CONFIG_HOME ?? (env.HOME ? join(env.HOME, '.config') : undefined);
  if (config) files.push(join(config, 'containers', 'auth.json'));
  const docker = env.DOCKER_CONFIG ?? (env.HOME ? join(env.HOME, '.docker') : undefined);
  if (docker) files.push(join(docker, 'config.json'));
  return files;
}

async function findIn(
  file: AuthFile,
  path: string,
  host: string,
  repository: string | undefined,
  options: RegistryOptions,
): Promise<FoundCredentials | undefined> {
  const server = host === 'docker.io' ? DOCKER_HUB_KEY : host;
  const settings = { env: options.env, ...(options.signal ? { signal: options.signal } : {}) };
  const helper = file.credHelpers.get(host);
  const programs = [helper, helper === undefined ? file.credsStore : undefined];
  for (const name of programs) {
    if (name === undefined) continue;
    const credentials = await askHelper(name, server, settings);
    if (credentials) return { credentials, origin: `docker-credential-${name} (${path})` };
  }
  for (const key of keysFor(host, repository)) {
    const credentials = file.auths.get(key);
    if (credentials) return { credentials, origin: path };
  }
  return undefined;
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, code ?? 'cannot be read', cause);
  }
  try {
    return parseAuthFile(text);
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : 'it cannot be understood', cause);
  }
}

function unreadable(path: string, found: string, cause: unknown): AirgapError {
  return new AirgapError('REGISTRY_AUTH', `the auth file ${path} cannot be used`, {
    expected: 'a docker config.json or containers auth.json',
    found,
    hint: 'mend the file, or choose another with --authfile',
    cause,
  });
}
