import type { Payload } from '../bundle/payload.js';
import { AirgapError, isAirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import type { Credentials, RegistryClient } from '../oci/client.js';
import { findCredentials } from '../oci/credentials.js';
import { createRegistry } from '../oci/registry.js';
import { readRelease } from './observe.js';
import { current } from './observe-product.js';
import { type PushState, readPushState } from './push.js';
import { parseRegistryAddress, type RegistryAddress, registryInValues } from './registry-address.js';
import { PULL_SECRET } from './release-values.js';
import type { RegistryFacts } from './site.js';
import type { RegistryChoice, Surroundings } from './types.js';

type Around = Pick<Surroundings, 'env' | 'emit' | 'signal'>;

/** A registry that was chosen, with a client of it. */
export interface OpenRegistry {
  readonly address: RegistryAddress;
  readonly plainHttp: boolean;
  /** Where the address comes from, in words. */
  readonly origin: string;
  readonly client: RegistryClient;
  readonly credentials: () => Promise<Credentials | undefined>;
  /** The same registry without a login. */
  readonly anonymous: () => RegistryClient;
}

/** What earlier runs on this cluster were told. */
export interface Remembered {
  readonly registry?: string;
  readonly plainHttp?: boolean;
}

/**
 * Chooses the registry: the option, an earlier run's, AIRGAP_REGISTRY, or the one that the running release names.
 * @throws AirgapError USAGE naming the flag
 */
export async function chooseRegistry(
  choice: RegistryChoice,
  remembered: Remembered,
  sources: { readonly around: Around; readonly bundle: Payload; readonly client?: KubeClient },
): Promise<OpenRegistry> {
  const { around, bundle, client } = sources;
  const candidates: readonly (readonly [string, () => Promise<string | undefined>])[] = [
    ['--registry', async () => choice.address],
    ['an earlier run', async () => remembered.registry],
    ['AIRGAP_REGISTRY', async () => around.env['AIRGAP_REGISTRY'] || undefined],
    ['the running release', async () => (client ? liveRegistry(client, bundle, around.signal) : undefined)],
  ];
  for (const [origin, read] of candidates) {
    const text = await read();
    if (text === undefined) continue;
    const plainHttp = choice.plainHttp ?? (text === remembered.registry && remembered.plainHttp === true);
    return openRegistry(parseRegistryAddress(text), { choice, plainHttp, origin, around });
  }
  throw new AirgapError('USAGE', 'no registry is given, and none is known from an earlier run or release', {
    expected: '--registry HOST[:PORT][/PREFIX]',
    hint: 'add --registry; a site without one: airgap registry serve --root DIR',
  });
}

/** Reads what the plan has to know about the registry. Sends nothing. Without a cluster no pull secret is there. */
export async function readRegistryFacts(
  registry: OpenRegistry,
  sources: { readonly bundle: Payload; readonly client?: KubeClient; readonly signal: AbortSignal },
): Promise<RegistryFacts> {
  const { bundle, client, signal } = sources;
  await registry.client.ping({ signal });
  const state: PushState = await readPushState(bundle, registry.client, signal);
  const needsLogin = await wantsLogin(registry, signal);
  const namespaces = [...new Set(bundle.manifest.charts.map((chart) => chart.namespace))];
  const withoutPullSecret: string[] = [];
  for (const namespace of needsLogin ? namespaces : []) {
    const found = await client?.get(RESOURCES.secrets, { name: PULL_SECRET, namespace }, { signal });
    if (found === undefined) withoutPullSecret.push(namespace);
  }
  const { address, plainHttp } = registry;
  return { address, plainHttp, state, needsLogin, withoutPullSecret };
}

function openRegistry(
  address: RegistryAddress,
  by: {
    readonly choice: RegistryChoice;
    readonly plainHttp: boolean;
    readonly origin: string;
    readonly around: Around;
  },
): OpenRegistry {
  const { choice, plainHttp, origin, around } = by;
  const { address: _address, plainHttp: _plain, ...rest } = choice;
  const options = {
    ...rest,
    env: around.env,
    emit: around.emit,
    signal: around.signal,
    plainHttp,
    ...(address.prefix === undefined ? {} : { prefix: address.prefix }),
  };
  const without = {
    PATH: around.env['PATH'],
    NO_PROXY: around.env['NO_PROXY'],
    no_proxy: around.env['no_proxy'],
  };
  const proxies = Object.entries(around.env).filter(([name]) =>
    /^(https?|all)_proxy$|^SSL_CERT_/i.test(name),
  );
  const { credentials: _credentials, authFile: _authFile, ...anonymous } = options;
  return {
    address,
    plainHttp,
    origin,
    client: createRegistry(address.host, options),
    credentials: async () => (await findCredentials(address.host, address.prefix, options))?.credentials,
    anonymous: () =>
      createRegistry(address.host, { ...anonymous, env: { ...without, ...Object.fromEntries(proxies) } }),
  };
}

/** Whether pods need a pull secret: the registry refuses who does not log in. */
export async function wantsLogin(registry: OpenRegistry, signal: AbortSignal): Promise<boolean> {
  const client = registry.anonymous();
  try {
    await client.ping({ signal });
    return false;
  } catch (error) {
    if (isAirgapError(error, 'REGISTRY_AUTH') || isAirgapError(error, 'REGISTRY_DENIED')) return true;
    throw error;
  } finally {
    await client.close();
  }
}

async function liveRegistry(
  client: KubeClient,
  bundle: Payload,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const chart of bundle.manifest.charts) {
    const running = current(await readRelease(client, chart, { signal }));
    const found = running && registryInValues(running.values, chart.imageValues);
    if (found !== undefined) return found;
  }
  return undefined;
}
