import { AirgapError, type Fault } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import type { VolumeFacts } from './archive/types.js';
import { readLiveReleases } from './collect-releases.js';
import { demandWord } from './external-restore.js';
import type { RestoreChoice, RestoreOptions } from './restore-types.js';

/** Parts that go into a product that runs. */
const INTO_RUNNING: readonly RestoreChoice[] = ['database', 'config'];

/**
 * The target must be empty, and the cluster the one that the backup is of, unless the operator said otherwise.
 * Namespaces, secrets and prerequisites alone do not count.
 * @throws AirgapError RESTORE_REFUSED, DECISION_NEEDED
 */
export async function demandTarget(options: RestoreOptions): Promise<void> {
  const { backup, installer, toNewCluster, replace, choices } = options;
  const { clusterUid, client } = installer;
  demandWord(options);
  if (backup.manifest.clusterUid !== clusterUid && !toNewCluster) {
    throw new AirgapError('DECISION_NEEDED', 'the backup is of another cluster', {
      expected: `cluster ${backup.manifest.clusterUid}`,
      found: `cluster ${clusterUid} (${client.context})`,
      hint: 'a cluster that was made anew is another one: when this is where it belongs, add --to-new-cluster; --dry-run shows what is written otherwise',
    });
  }
  const { faults, releases } = await whatIsThere(options);
  demandSameVersions(options, releases);
  const needs = INTO_RUNNING.filter((choice) => choices.has(choice));
  if (!choices.has('releases') && needs.length > 0 && releases.size === 0) {
    throw new AirgapError('RESTORE_REFUSED', `there is no product to put ${needs.join(' and ')} into`, {
      expected: `release ${BACKEND.release}, or a restore with the part releases`,
      found: 'no release',
      hint: 'leave --only out: the product is installed first',
    });
  }
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

interface Present {
  readonly faults: readonly Fault[];
  /** Versions of what runs, by release. */
  readonly releases: ReadonlyMap<string, string>;
}

async function whatIsThere({ installer, signal }: RestoreOptions): Promise<Present> {
  const { client } = installer;
  const faults: Fault[] = [];
  const releases = new Map<string, string>();
  for (const { release } of await readLiveReleases(client, { signal })) {
    const { name, chart, status } = release;
    releases.set(name, chart.version);
    faults.push({ where: `release ${name}`, what: `${chart.name} ${chart.version}, ${status}` });
  }
  const kinds = [RESOURCES.deployments, RESOURCES.statefulSets, RESOURCES.claims, RESOURCES.runaiConfigs];
  for (const { namespace } of [BACKEND, CLUSTER])
    for (const kind of kinds)
      for (const { metadata } of await client.list(kind, { namespace, signal }))
        faults.push({ where: `${kind.kind} ${namespace}/${metadata.name}`, what: 'is there' });
  return { faults, releases };
}

/** An upgrade changed the tables of the database; the way back is not a restore over it. */
function demandSameVersions({ backup }: RestoreOptions, live: Present['releases']): void {
  for (const { name, chart, version } of backup.manifest.releases) {
    const found = live.get(name);
    if (found === undefined || found === version) continue;
    throw new AirgapError('DECISION_NEEDED', 'another version runs here than the one that was saved', {
      expected: `${chart} ${version} for release ${name}, or none`,
      found: `version ${found}`,
      hint: `go back to it first: airgap rollback; or remove what runs, after a backup of it: helm uninstall ${name}`,
    });
  }
}

/** The database's image in the site's registry: it has bash and GNU tar. */
export function helperImageOf({
  installer,
  helperImage,
}: Pick<RestoreOptions, 'installer' | 'helperImage'>): string | undefined {
  if (helperImage !== undefined) return helperImage;
  const image = installer.bundle.manifest.images.find(({ target }) => /(^|\/)postgresql(:|@|$)/.test(target));
  if (!image || !installer.registry) return undefined;
  return `${installer.registry.text}/${image.target}`;
}

/**
 * The image for the pods that write these copies to volumes.
 * @throws AirgapError RESTORE_REFUSED when none is known: the volumes would begin empty without a word
 */
export function helperImageFor(copies: readonly VolumeFacts[], options: RestoreOptions): string | undefined {
  const image = helperImageOf(options);
  if (image !== undefined || copies.length === 0) return image;
  const { installer } = options;
  throw new AirgapError('RESTORE_REFUSED', 'there is no image for the pods that fill volumes', {
    expected: 'a bundle with the product’s PostgreSQL image, and a registry',
    found: installer.registry ? 'no such image in the bundle' : 'no registry',
    faults: copies.map(({ namespace, claim }) => ({
      where: `volume ${namespace}/${claim}`,
      what: 'would begin empty',
    })),
    hint: 'name one with bash and GNU tar that the nodes can pull: --helper-image REF; or leave these volumes out: --skip metrics',
  });
}
