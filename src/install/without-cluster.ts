import type { Payload } from '../bundle/payload.js';
import { estimateOf } from './estimating.js';
import { readBundleCrds } from './observe.js';
import { openPayload, payloadView } from './open-bundle.js';
import { chooseRegistry, readRegistryFacts } from './open-registry.js';
import { makePlan } from './plan.js';
import { judgeWithoutCluster } from './preflight.js';
import { readDefaults } from './prepare.js';
import type { ClusterFacts, Observation, RegistryFacts } from './site.js';
import type { InstallOptions, InstallOutcome } from './types.js';
import { readAllOverrides } from './values-input.js';

/** Stands where a plan names its cluster; nothing is ever done on it. */
const NO_CLUSTER: ClusterFacts = {
  uid: 'none',
  context: '(no cluster)',
  server: '(none)',
  version: { major: 0, minor: 0, gitVersion: 'unknown' },
  nodes: 0,
  platforms: [],
};

/**
 * The plan of a first install, from the bundle and the registry alone; no cluster and no helm is asked.
 * @throws AirgapError of the bundle, the registry and the values files
 */
export async function planWithoutCluster(options: InstallOptions): Promise<InstallOutcome> {
  const started = options.clock.monotonic();
  const { emit, signal } = options;
  const { payload, verify } = await openPayload(options.bundle, { emit, signal });
  try {
    await verify();
    const registry = await lookAtRegistry(payload, options);
    const site = await emptySite(payload, registry);
    const made = makePlan(
      {
        manifest: payload.manifest,
        bundleId: payload.bundleId,
        overrides: await readAllOverrides(options),
        skipPush: options.skipPush,
        canary: options.canary !== 'never' && payload.manifest.charts.length > 0,
        defaults: await readDefaults(payload),
        ...(options.domain === undefined ? {} : { domain: options.domain }),
      },
      site,
    );
    return {
      outcome: 'planned',
      view: {
        ...payloadView(payload),
        ...(registry === undefined ? {} : { registry: registry.address.text }),
        plan: made.plan,
        made,
        done: [],
        estimate: await estimateOf(payload, {
          ...{ plan: made.plan, signal },
          ...(registry === undefined ? {} : { state: registry.state }),
        }),
        findings: judgeWithoutCluster({ site, made, skipPush: options.skipPush }),
      },
      steps: [],
      health: [],
      revisions: {},
      duration: Math.round(options.clock.monotonic() - started),
    };
  } finally {
    await payload.close();
  }
}

async function lookAtRegistry(
  payload: Payload,
  { registry: choice, env, emit, signal }: InstallOptions,
): Promise<RegistryFacts | undefined> {
  if (payload.manifest.images.length === 0 || payload.upstream) return undefined;
  const around = { env, emit, signal };
  const registry = await chooseRegistry(choice, {}, { around, bundle: payload });
  try {
    return await readRegistryFacts(registry, { bundle: payload, signal });
  } finally {
    await registry.client.close();
  }
}

/** A Kubernetes cluster on which nothing of the product is. */
async function emptySite(payload: Payload, registry: RegistryFacts | undefined): Promise<Observation> {
  const crds = await readBundleCrds(payload);
  return {
    cluster: NO_CLUSTER,
    releases: new Map(),
    crds: {
      findings: { storedVersions: [], incompatible: [] },
      inFile: crds.length,
      toApply: crds.map(({ metadata }) => metadata.name),
    },
    product: {
      platform: 'kubernetes',
      nginxEnabled: false,
      nginxOwned: { webhook: false, ingressClass: false },
      claims: [],
      namespaces: [],
      kubeletService: false,
      backendIngress: false,
      backendTls: false,
    },
    passwords: {},
    ...(registry === undefined ? {} : { registry }),
  };
}
