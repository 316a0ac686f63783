import type { Manifest } from '../../bundle/manifest.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import type { Platform } from '../../runai/platform.js';
import { parseVersion } from '../../runai/version.js';
import { fitsWindow } from '../../runai/windows.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check } from './types.js';

const CLUSTER_VERSION: Resource = {
  apiVersion: 'config.openshift.io/v1',
  kind: 'ClusterVersion',
  plural: 'clusterversions',
  namespaced: false,
};

export interface PlatformVersionFacts {
  readonly manifest: Pick<Manifest, 'version' | 'requires'>;
  readonly platform: Platform;
  /** v1.28.3, or 4.14.7; absent when the cluster does not tell. */
  readonly version?: string;
}

/** OpenShift’s version against the release’s window; Kubernetes’ own has its row already. */
export const openshiftVersionCheck: Check = {
  row: { id: 'openshift.version', title: 'version of OpenShift' },
  applies: ({ site }) => site.product.platform === 'openshift',
  run: async ({ client, bundle, signal }) => {
    const version = await readOpenshiftVersion(client, signal);
    return [
      {
        ...judgePlatformVersion({
          manifest: bundle.manifest,
          platform: 'openshift',
          ...(version === undefined ? {} : { version }),
        }),
        ...openshiftVersionCheck.row,
      },
    ];
  },
};

/** The last version that the cluster completed its update to. */
export async function readOpenshiftVersion(
  client: KubeClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await client.get<KubeObject>(CLUSTER_VERSION, { name: 'version' }, { signal });
  const history = valueAt(found, ['status', 'history']);
  const done = (Array.isArray(history) ? history : []).find(
    (entry) => valueAt(entry, ['state']) === 'Completed',
  );
  const version = valueAt(done, ['version']) ?? valueAt(found, ['status', 'desired', 'version']);
  return typeof version === 'string' ? version : undefined;
}

/** Whether the cluster is of a version that the release supports; a range of the bundle’s goes first. */
export function judgePlatformVersion({ manifest, platform, version: seen }: PlatformVersionFacts): Finding {
  const row = { id: 'cluster.version', title: 'version of the cluster' } as const;
  if (seen === undefined) return { ...row, outcome: 'not-checked', seen: 'the cluster does not tell' };
  const version = parseVersion(seen);
  const release = parseVersion(manifest.version);
  if (!version || !release) return { ...row, outcome: 'not-checked', seen: `${seen} cannot be compared` };
  const required = manifest.requires[platform];
  const answer = fitsWindow(release, { platform, version }, required);
  if (answer.fits === 'unknown') {
    const advice = 'check the release notes before going on';
    return { ...row, outcome: 'warn', seen: `${seen}; ${answer.why}`, advice };
  }
  const expected = required === undefined ? answer.range : `${answer.range} (the bundle asks for it)`;
  if (answer.fits) return { ...row, outcome: 'pass', seen, expected };
  const advice = 'bring the cluster to a version that this release supports, or take another release';
  return { ...row, outcome: 'fail', seen, expected, advice };
}
