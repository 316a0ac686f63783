import { AirgapError } from '../errors.js';
import { parseFingerprint } from '../helm/fingerprint.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import { versionOfRelease } from '../runai/era.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import { platformOf } from '../runai/platform.js';
import { POSTGRES } from '../runai/postgres.js';
import { isAtLeast } from '../runai/version.js';
import type { Json, ReleaseFacts } from './archive/types.js';
import { collectObjects } from './collect-objects.js';
import {
  effectiveValues,
  type LiveRelease,
  readLiveReleases,
  releaseFacts,
  releaseParts,
} from './collect-releases.js';
import type { CollectedPart } from './collect-types.js';
import { type CreateOptions, type DataChoice, USUAL } from './create-types.js';
import { externalDatabase, type ServerAddress } from './database-address.js';
import { openExternal } from './database-external.js';
import { type Database, findDatabase, pullSecretsOf } from './database-place.js';
import { imageFromValues } from './image-values.js';
import { listAt, textAt } from './value-at.js';
import { type PlannedVolume, planVolumes } from './volume-plan.js';

/** What there is to save, before anything large is read or anything is changed. */
export interface LiveSite {
  /** Milliseconds since the epoch: when the backup was begun. */
  readonly begun: number;
  readonly clusterUid: string;
  readonly releases: readonly LiveRelease[];
  readonly releaseFacts: readonly ReleaseFacts[];
  readonly parts: readonly CollectedPart[];
  /** Effective values of the control plane's release. */
  readonly values: unknown;
  /** The customer's own server, where there is one. */
  readonly external: ServerAddress | undefined;
  readonly volumes: readonly PlannedVolume[];
  /** Claims of the product's namespaces that are not saved. */
  readonly others: readonly string[];
  /** For pods of ours; undefined when no image is known. */
  readonly helper: { readonly image: string; readonly pullSecrets: readonly string[] } | undefined;
  readonly meta: { readonly [key: string]: Json | undefined };
}

/** Reads everything that is small, and finds out how the rest can be saved. Changes nothing. */
export async function observeSite(options: CreateOptions): Promise<LiveSite> {
  const { client, choices, signal } = options;
  const read = { signal };
  const begun = options.now();
  const clusterUid = await client.clusterUid(read);
  const releases = await readLiveReleases(client, read);
  const backend = releases.find(({ release }) => release.name === BACKEND.release);
  if (!backend) {
    throw new AirgapError('BACKUP_FAILED', `release ${BACKEND.release} is not installed here`, {
      expected: `a helm release ${BACKEND.release} in namespace ${BACKEND.namespace}`,
      found: `context ${client.context} without one`,
      hint: 'choose the right cluster with --kubeconfig and --context',
    });
  }
  const values = effectiveValues(backend.release);
  const { volumes, others } = await planVolumes(
    { values, oldPrometheus: hasOldPrometheus(releases) },
    options,
  );
  const domain = domainOf(values, releases);
  const external = externalDatabase(values);
  return {
    begun,
    clusterUid,
    releases,
    releaseFacts: await factsOfReleases(releases, options),
    parts: [
      ...(await collectObjects(client, choices, read)),
      ...(choices.has('values') ? releases.flatMap(releaseParts) : []),
    ],
    values,
    external,
    volumes,
    others,
    helper: await findHelper(values, options),
    meta: {
      kubernetes: (await client.version(read)).gitVersion,
      platform: platformOf(await client.groups(read)),
      ...(domain === undefined ? {} : { domain }),
      ...(external === undefined ? {} : { externalDatabase: { ...external } }),
    },
  };
}

/** Where the control plane's values do not name it, the cluster part knows where it is. */
function domainOf(values: unknown, releases: readonly LiveRelease[]): string | undefined {
  const named = [
    ['global', 'domain'],
    ['deployment', 'domain'],
  ].map((path) => textAt(values, path));
  const urls = releases.map(({ release }) => textAt(effectiveValues(release), ['controlPlane', 'url']));
  const hosts = urls.map((url) => url?.replace(/^[a-z]+:\/\//, '').replace(/[:/].*$/, ''));
  return [...named, ...hosts].find((name) => name !== undefined && name !== '');
}

/** True when the data is saved from here, and not by the site's own solution. */
export function isOurs(what: DataChoice, { choices, savings = USUAL }: CreateOptions): boolean {
  return choices.has(what) && 'way' in savings[what];
}

/**
 * Opens the database for a dump or for counting; faults show before gigabytes are read.
 * @returns undefined when nothing of it is saved from here
 */
export async function openDatabase(
  { external, values, helper }: LiveSite,
  options: CreateOptions,
): Promise<{ readonly database: Database; readonly close: () => Promise<void> } | undefined> {
  const { client, random, signal } = options;
  if (!isOurs('database', options)) return undefined;
  if (!external) return { database: await findDatabase(client, values, signal), close: async () => {} };
  const way = (options.savings ?? USUAL).database;
  if ('way' in way && way.way !== 'dump') {
    throw new AirgapError('BACKUP_FAILED', 'the database is outside of the cluster and has no volume here', {
      expected: 'a dump: --database-as dump',
      found: way.way,
    });
  }
  return openExternal({ client, values, ...demandHelper(helper), random, signal });
}

/** @throws AirgapError BACKUP_FAILED when no image is known */
export function demandHelper(helper: LiveSite['helper']): NonNullable<LiveSite['helper']> {
  if (helper) return helper;
  throw new AirgapError('BACKUP_FAILED', 'there is no image for a pod of ours', {
    expected: 'the product’s PostgreSQL image, which has bash, GNU tar and pg_dump',
    found: 'no database pod, and none in the values',
    hint: 'name one that the nodes can pull: --helper-image REF',
  });
}

export interface HelperSearch extends Pick<CreateOptions, 'helperImage' | 'signal'> {
  readonly client: Pick<KubeClient, 'get' | 'list'>;
}

/** The database's image: it is at the site, and has bash, GNU tar and PostgreSQL's programs. */
export async function findHelper(
  values: unknown,
  { client, helperImage, signal }: HelperSearch,
): Promise<LiveSite['helper']> {
  const { namespace } = POSTGRES;
  const pod = await client.get(RESOURCES.pods, { namespace, name: POSTGRES.pod }, { signal });
  const containers = listAt(pod, ['spec', 'containers']);
  const own = containers.find((each) => textAt(each, ['name']) === 'postgresql') ?? containers[0];
  const image = helperImage ?? textAt(own, ['image']) ?? imageFromValues(values, 'postgresql');
  if (image === undefined) return undefined;
  if (pod) return { image, pullSecrets: pullSecretsOf(pod) };
  const secrets = await client.list(RESOURCES.secrets, {
    namespace,
    fieldSelector: 'type=kubernetes.io/dockerconfigjson',
    signal,
  });
  return { image, pullSecrets: secrets.map(({ metadata }) => metadata.name) };
}

function hasOldPrometheus(releases: readonly LiveRelease[]): boolean {
  const cluster = releases.find(({ release }) => release.namespace === CLUSTER.namespace)?.release;
  if (!cluster) return false;
  const { chart, name } = cluster;
  const found = versionOfRelease({ release: name, chart: chart.name, version: chart.version })?.version;
  return found !== undefined && !isAtLeast(found, 2, 9);
}

/** Each with the bundle that it was installed from, where the run that its revision names is known. */
async function factsOfReleases(
  releases: readonly LiveRelease[],
  { bundleIdOf }: CreateOptions,
): Promise<ReleaseFacts[]> {
  const facts: ReleaseFacts[] = [];
  for (const release of releases) {
    const runId = parseFingerprint(release.release.description)?.runId;
    facts.push(releaseFacts(release, runId === undefined ? undefined : await bundleIdOf?.(runId)));
  }
  return facts;
}
