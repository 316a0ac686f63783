import { effectiveValues as mergedValues } from '../helm/effective.js';
import {
  decodeRelease,
  isDecoded,
  type Release,
  type ReleaseSecret,
  releaseSelector,
} from '../helm/release.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject, ReadOptions } from '../kube/types.js';
import { BACKEND, CLUSTER, OLD_CLUSTER_RELEASE } from '../runai/names.js';
import { formatYaml } from '../yaml.js';
import type { ReleaseFacts } from './archive/types.js';
import type { CollectedPart } from './collect-types.js';
import { asNew } from './objects.js';

/** A release of the product as it runs, with the Secret that helm keeps it in. */
export interface LiveRelease {
  readonly release: Release;
  readonly secret: KubeObject;
}

type SecretObject = KubeObject & ReleaseSecret;

/** Releases that the product may consist of, by name and namespace. */
const RELEASES = [BACKEND, CLUSTER, { release: OLD_CLUSTER_RELEASE, namespace: CLUSTER.namespace }] as const;

/** The revision of each release that runs: the last deployed one, else the last one that was tried. */
export async function readLiveReleases(
  client: Pick<KubeClient, 'list'>,
  read: ReadOptions,
): Promise<LiveRelease[]> {
  const found: LiveRelease[] = [];
  for (const { release, namespace } of RELEASES) {
    const labelSelector = releaseSelector(release);
    const secrets = await client.list<SecretObject>(RESOURCES.secrets, {
      namespace,
      labelSelector,
      pageSize: 5,
      ...read,
    });
    const revisions = secrets
      .map((secret) => ({ secret, release: decodeRelease(secret) }))
      .filter((row): row is LiveRelease & { secret: SecretObject } => isDecoded(row.release))
      .sort((a, b) => a.release.revision - b.release.revision);
    const last = revisions.at(-1);
    const deployed = revisions.findLast((row) => row.release.status === 'deployed');
    const current = last?.release.status === 'uninstalled' ? undefined : (deployed ?? last);
    if (current) found.push(current);
  }
  return found;
}

/** What the manifest says about a release. */
export function releaseFacts({ release }: LiveRelease, bundleId: string | undefined): ReleaseFacts {
  const { name, namespace, chart } = release;
  return {
    name,
    namespace,
    chart: chart.name,
    version: chart.version,
    ...(chart.appVersion === '' ? {} : { appVersion: chart.appVersion }),
    ...(bundleId === undefined ? {} : { bundleId }),
  };
}

/** The values that the release was made with: the operator's over the chart's own. May hold secrets. */
export function effectiveValues({ defaults, values }: Release): Readonly<Record<string, unknown>> {
  return mergedValues(defaults, values);
}

/** User-supplied and effective values, the rendered manifest and helm's own record. All of it may hold secrets. */
export function releaseParts({ release, secret }: LiveRelease): CollectedPart[] {
  const at = (file: string): readonly string[] => ['releases', release.name, file];
  const meta = { release: release.name, namespace: release.namespace, revision: release.revision };
  const effective = effectiveValues(release);
  return [
    { path: at('values.yaml'), role: 'release-values', meta, content: formatYaml(release.values) },
    { path: at('values-all.yaml'), role: 'release-values-effective', meta, content: formatYaml(effective) },
    { path: at('manifest.yaml'), role: 'release-manifest', meta, content: release.manifest },
    {
      path: at('release-secret.json'),
      role: 'release-secret',
      meta,
      content: JSON.stringify(asNew(secret), null, 1),
    },
  ];
}
