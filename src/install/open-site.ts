import type { Payload } from '../bundle/payload.js';
import type { Helm } from '../helm/types.js';
import { type Connection, connect } from '../kube/client.js';
import type { Crd } from '../kube/crd-file.js';
import { createClusterSide } from '../run/cluster.js';
import { requireStateRoot } from '../run/state-root.js';
import { readBundleCrds } from './observe.js';
import { openPayload } from './open-bundle.js';
import { openHelm } from './open-helm.js';
import { chooseRegistry, type OpenRegistry } from './open-registry.js';
import type { InstallOptions } from './types.js';
import { peekUnfinished, remembered, rememberedBy, type Unfinished } from './unfinished.js';
import { type AllOverrides, readAllOverrides } from './values-input.js';

/** The bundle, verified, and the outside systems, opened. */
export interface Site {
  readonly bundle: Payload;
  readonly client: Connection;
  readonly clusterUid: string;
  readonly helm: Helm;
  readonly crds: readonly Crd[];
  /** Absent when there are no images, or when they stay where they are. */
  readonly registry?: OpenRegistry;
  /** Read once: a values file may be a pipe. */
  readonly overrides: AllOverrides;
  readonly unfinished?: Unfinished;
  close(): Promise<void>;
}

/**
 * Verifies the whole bundle, then opens cluster, helm and registry. Changes nothing.
 * @throws AirgapError of bundle, cluster, helm and registry
 */
export async function openSite(options: InstallOptions): Promise<Site> {
  const { emit, signal, env, stateRoot } = options;
  await requireStateRoot(stateRoot);
  const overrides = await readAllOverrides(options);
  const { payload: bundle, verify } = await openPayload(options.bundle, { emit, signal });
  const closers: (() => unknown)[] = [() => bundle.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    // A wrong context is told before gigabytes are read.
    const client = await connect({ ...options.cluster, env, emit });
    closers.push(() => client.close());
    const clusterUid = await client.clusterUid({ signal });
    const helm = await openHelm({ bundle, client, cluster: options.cluster, around: options });
    await verify();
    const crds = await readBundleCrds(bundle);
    const side = createClusterSide(client, emit);
    const resumable = options.unfinished !== 'give-up' && options.mode !== 'preflight';
    const unfinished = resumable ? await peekUnfinished(stateRoot, clusterUid, side) : undefined;
    const base = {
      bundle,
      client,
      clusterUid,
      helm,
      crds,
      overrides,
      close,
      ...(unfinished ? { unfinished } : {}),
    };
    if (bundle.manifest.images.length === 0 || bundle.upstream) return base;
    const told = unfinished ? rememberedBy(unfinished) : await remembered(stateRoot, clusterUid);
    const sources = { around: { env, emit, signal }, bundle, client };
    const registry = await chooseRegistry(options.registry, told, sources);
    closers.push(() => registry.client.close());
    return { ...base, registry };
  } catch (error) {
    await close();
    throw error;
  }
}
