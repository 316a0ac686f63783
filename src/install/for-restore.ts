import type { BundleChart } from '../bundle/manifest.js';
import type { Connection } from '../kube/client.js';
import type { ExecutorOf } from '../run/types.js';
import { executorsFor } from './executors.js';
import { wantsLogin } from './open-registry.js';
import { openSite } from './open-site.js';
import { registryInValues } from './registry-address.js';
import { releaseValues } from './release-values.js';
import { valuesName } from './saved-names.js';
import type { Work } from './steps/types.js';
import type { InstallOptions } from './types.js';
import type { Values } from './values.js';

/** What a restore needs of install; cli/ hands it over. */
export interface RestoreInstaller {
  readonly bundle: Work['bundle'];
  readonly client: Connection;
  readonly clusterUid: string;
  readonly registry?: { readonly text: string; readonly plainHttp: boolean };
  readonly executorOf: ExecutorOf;
  readonly registryIn: (chart: BundleChart, saved: Values) => string | undefined;
  readonly needsLogin: boolean;
  readonly valuesFor: (chart: BundleChart, saved: Values) => Values;
  readonly valuesName: (release: string) => string;
  close(): Promise<void>;
}

const HEALTH_MS = 15 * 60_000;
const HELM_MS = 10 * 60_000;
const NO_OVERRIDES = { values: {}, settings: [] };

/**
 * Opens bundle (verified), cluster, helm and registry, and gives the executors of the steps push, crds, helm and
 * wait-healthy. Changes nothing.
 * @throws AirgapError of bundle, cluster, helm and registry
 */
export async function openForRestore(options: InstallOptions): Promise<RestoreInstaller> {
  const site = await openSite(options);
  const { bundle, client, clusterUid, helm, crds, registry } = site;
  const needsLogin = registry !== undefined && (await wantsLogin(registry, options.signal));
  const work: Work = {
    bundle,
    client,
    helm,
    crds,
    ...(registry === undefined
      ? {}
      : {
          registry: {
            client: registry.client,
            text: registry.address.text,
            credentials: registry.credentials,
          },
        }),
    limits: { health: options.healthTimeout ?? HEALTH_MS, helm: options.helmTimeout ?? HELM_MS },
    acknowledged: [],
    begunElsewhere: false,
    now: options.clock.now,
    results: { health: new Map(), revisions: new Map() },
  };
  return {
    bundle,
    client,
    clusterUid,
    ...(registry === undefined
      ? {}
      : { registry: { text: registry.address.text, plainHttp: registry.plainHttp } }),
    executorOf: executorsFor(work),
    registryIn: (chart, saved) => registryInValues(saved, chart.imageValues),
    needsLogin,
    valuesFor: (chart, saved) =>
      releaseValues({
        chart,
        running: saved,
        ...(registry === undefined ? {} : { registry: registry.address }),
        pullSecret: needsLogin,
        overrides: NO_OVERRIDES,
        settings: {},
      }),
    valuesName,
    close: () => site.close(),
  };
}
