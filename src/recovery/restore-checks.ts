import { AirgapError, type Fault } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import { readLiveReleases } from './collect-releases.js';
import type { RestoreOptions } from './restore-types.js';

/**
 * The target must be empty, and the cluster the one that the backup is of, unless the operator said otherwise.
 * Namespaces, secrets and prerequisites alone do not count.
 * @throws AirgapError RESTORE_REFUSED, DECISION_NEEDED
 */
export async function demandTarget(options: RestoreOptions): Promise<void> {
  const { backup, installer, toNewCluster, replace } = options;
  const { clusterUid, client } = installer;
  if (backup.manifest.clusterUid !== clusterUid && !toNewCluster) {
    throw new AirgapError('DECISION_NEEDED', 'the backup is of another cluster', {
      expected: `cluster ${backup.manifest.clusterUid}`,
      found: `cluster ${clusterUid} (${client.context})`,
      hint: 'a cluster that was made anew is another one: when this is where it belongs, add --to-new-cluster',
    });
  }
  const faults = await whatIsThere(options);
  if (faults.length === 0) {
    if (!replace) return;
    throw new AirgapError('USAGE', 'there is nothing to replace', { hint: 'run it again without --replace' });
  }
  if (replace) return;
  throw new AirgapError('RESTORE_REFUSED', 'the target is not empty', {
    expected: `no release, workload or volume in ${BACKEND.namespace} and ${CLUSTER.namespace}`,
    found: `${faults.length} things`,
    faults: faults.slice(0, 50),
    hint: 'to replace it, after a backup of it: --replace',
  });
}

async function whatIsThere({ installer, signal }: RestoreOptions): Promise<Fault[]> {
  const { client } = installer;
  const faults: Fault[] = [];
  for (const { release } of await readLiveReleases(client, { signal }))
    faults.push({
      where: `release ${release.name}`,
      what: `${release.chart.name} ${release.chart.version}, ${release.status}`,
    });
  const kinds = [RESOURCES.deployments, RESOURCES.statefulSets, RESOURCES.claims, RESOURCES.runaiConfigs];
  for (const { namespace } of [BACKEND, CLUSTER])
    for (const kind of kinds)
      for (const { metadata } of await client.list(kind, { namespace, signal }))
        faults.push({ where: `${kind.kind} ${namespace}/${metadata.name}`, what: 'is there' });
  return faults;
}

/** What is not put back as it was, in words. */
export function rewritesOf({ backup, installer }: RestoreOptions): string[] {
  const rewrites: string[] = [];
  if (backup.manifest.clusterUid !== installer.clusterUid)
    rewrites.push(`cluster ${backup.manifest.clusterUid} becomes ${installer.clusterUid}`);
  if (installer.registry) rewrites.push(`images come from ${installer.registry.text}`);
  return rewrites;
}

/** The database's image in the site's registry: it has bash and GNU tar. */
export function helperImageOf({ installer }: RestoreOptions): string | undefined {
  const image = installer.bundle.manifest.images.find(({ target }) => /(^|\/)postgresql(:|@|$)/.test(target));
  if (!image || !installer.registry) return undefined;
  return `${installer.registry.text}/${image.target}`;
}
