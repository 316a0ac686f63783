import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeObject } from '../kube/types.js';
import { versionOfRelease } from '../runai/era.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import { platformOf } from '../runai/platform.js';
import { partPath } from './archive/path.js';
import type {
  BackupFacts,
  DatabaseFacts,
  Json,
  ProductFacts,
  Skipped,
  VolumeFacts,
} from './archive/types.js';
import { type BackupWriter, createBackupWriter } from './archive/writer.js';
import { collectObjects } from './collect-objects.js';
import { type LiveRelease, readLiveReleases, releaseFacts, releaseParts } from './collect-releases.js';
import type { CollectedPart } from './collect-types.js';
import { markVerified } from './create-mark.js';
import { CHOICES, type CreatedBackup, type CreateOptions } from './create-types.js';
import { type Database, externalDatabase, findDatabase } from './database-place.js';
import { dumpDatabases } from './dump-databases.js';
import { listAt, textAt } from './value-at.js';
import { requireBackupOk, verifyBackupFile } from './verify.js';
import { copyVolume } from './volume-copy.js';
import { findMetricsVolumes } from './volume-find.js';

/**
 * Makes a backup of the running product: its objects and values, its databases, its metrics. The file gets its name
 * when all of it is there; then it is read again as a restore would read it.
 * @throws AirgapError BACKUP_FAILED, BACKUP_INVALID, OUTPUT_UNWRITABLE, DISK_FULL and those of the cluster
 */
export async function createBackup(options: CreateOptions): Promise<CreatedBackup> {
  const { client, emit, signal, output } = options;
  emit({ type: 'stage-started', stage: 'backup', title: `${client.context} at ${client.server}` });
  const site = await observeSite(options);
  const writer = await createBackupWriter(output, {
    encryption: options.encryption,
    signal,
    onProgress: (done, current) =>
      emit({ type: 'progress', stage: 'backup', done, total: 0, unit: 'bytes', current }),
  });
  try {
    await writeParts(writer, [...site.objects, ...site.releaseParts]);
    const databases = site.database
      ? await dumpDatabases({ ...options, writer, database: site.database })
      : [];
    const volumes = await saveVolumes(site, writer, options);
    const facts = factsOf(site, { databases, volumes }, options);
    const finished = await writer.finish(facts);
    const summary = `${finished.manifest.parts.length} parts, ${finished.size} bytes`;
    emit({ type: 'stage-ended', stage: 'backup', outcome: 'ok', summary });
    const verified = await verifyBackupFile(output, { ...finished.unlock, env: options.env, signal });
    requireBackupOk(verified);
    await markVerified(output, verified, options.now());
    return {
      path: output,
      size: finished.size,
      backupId: finished.backupId,
      encryption: options.encryption.kind,
      facts,
      parts: finished.manifest.parts.length,
      verified,
    };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

interface LiveSite {
  readonly clusterUid: string;
  readonly releases: readonly LiveRelease[];
  readonly objects: readonly CollectedPart[];
  readonly releaseParts: readonly CollectedPart[];
  readonly database: Database | undefined;
  readonly external: string | undefined;
  readonly meta: { readonly [key: string]: Json | undefined };
}

/** Everything that is small, and whether the database opens: faults show before gigabytes are read. */
async function observeSite(options: CreateOptions): Promise<LiveSite> {
  const { client, choices, signal, bySite } = options;
  const read = { signal };
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
  const values = backend.release.values;
  const external = externalDatabase(values);
  const wantsDatabase = choices.has('database') && bySite.database === undefined;
  if (wantsDatabase && external !== undefined) {
    throw new AirgapError(
      'BACKUP_FAILED',
      'the database is not the product’s own, and is not saved from here',
      {
        expected: 'PostgreSQL in the cluster',
        found: `external, at ${external}`,
        hint: 'name what saves it: --database-by "nightly dump on db1", or leave it out: --skip database',
      },
    );
  }
  const version = await client.version(read);
  const domain = textAt(values, ['global', 'domain']) ?? textAt(values, ['deployment', 'domain']);
  return {
    clusterUid,
    releases,
    external,
    objects: await collectObjects(client, choices, read),
    releaseParts: choices.has('values') ? releases.flatMap(releaseParts) : [],
    database: wantsDatabase ? await findDatabase(client, values, signal) : undefined,
    meta: {
      kubernetes: version.gitVersion,
      platform: platformOf(await client.groups(read)),
      ...(domain === undefined ? {} : { domain }),
    },
  };
}

async function writeParts(writer: BackupWriter, parts: readonly CollectedPart[]): Promise<void> {
  for (const { path, role, meta, content } of parts)
    await writer.addFile(partPath(...path), content, { role, ...(meta === undefined ? {} : { meta }) });
}

async function saveVolumes(
  site: LiveSite,
  writer: BackupWriter,
  options: CreateOptions,
): Promise<VolumeFacts[]> {
  const { client, choices, bySite, signal } = options;
  const backend = site.releases.find(({ release }) => release.name === BACKEND.release);
  const volumes = await findMetricsVolumes(client, backend?.release.values, signal);
  if (bySite.metrics !== undefined) {
    const by = bySite.metrics;
    return volumes.map(({ claim, namespace, purpose }) => ({
      claim,
      namespace,
      purpose,
      method: 'site',
      by,
    }));
  }
  if (!choices.has('metrics')) return [];
  const facts: VolumeFacts[] = [];
  for (const volume of volumes) {
    const { image, pullSecrets } = await helperImage(site, options);
    facts.push(await copyVolume(volume, { ...options, writer, image, pullSecrets }));
  }
  return facts;
}

/** The image of the running database: it is at the site, and has bash and GNU tar. */
async function helperImage(
  { database }: LiveSite,
  { client, helperImage: given, signal }: CreateOptions,
): Promise<{ readonly image: string; readonly pullSecrets: readonly string[] }> {
  const pods = await client.list(RESOURCES.pods, { namespace: BACKEND.namespace, signal });
  const pod: KubeObject | undefined =
    database?.pod ?? pods.find(({ metadata }) => /postgresql-0$/.test(metadata.name));
  const image = given ?? database?.image ?? textAt(pod, ['spec', 'containers', 0, 'image']);
  if (image === undefined) {
    throw new AirgapError('BACKUP_FAILED', 'there is no image for a pod that reads volumes', {
      expected: 'a running database, whose image has bash and GNU tar',
      found: 'none',
      hint: 'name one that the nodes can pull: --helper-image REF',
    });
  }
  const pullSecrets = listAt(pod, ['spec', 'imagePullSecrets']).flatMap(
    (each) => textAt(each, ['name']) ?? [],
  );
  return { image, pullSecrets };
}

interface Saved {
  readonly databases: readonly DatabaseFacts[];
  readonly volumes: readonly VolumeFacts[];
}

function factsOf(site: LiveSite, saved: Saved, options: CreateOptions): BackupFacts {
  const product: ProductFacts = { name: 'runai', ...versionsOf(site.releases) };
  return {
    createdAt: new Date(options.now()).toISOString(),
    tool: options.toolVersion,
    clusterUid: site.clusterUid,
    product,
    releases: site.releases.map((release) => releaseFacts(release, options.bundleId)),
    databases: saved.databases,
    volumes: saved.volumes,
    skipped: skippedOf(site, saved, options),
    meta: site.meta,
  };
}

function versionsOf(releases: readonly LiveRelease[]): Omit<ProductFacts, 'name'> {
  const of = (name: string): string | undefined => {
    const found = releases.find(({ release }) => release.name === name)?.release;
    if (!found) return undefined;
    const { chart } = found;
    return (
      versionOfRelease({ release: name, chart: chart.name, version: chart.version })?.version.text ??
      chart.version
    );
  };
  const [controlPlane, cluster] = [of(BACKEND.release), of(CLUSTER.release)];
  return {
    ...(controlPlane === undefined ? {} : { controlPlane }),
    ...(cluster === undefined ? {} : { cluster }),
  };
}

function skippedOf(site: LiveSite, { volumes }: Saved, { choices, bySite }: CreateOptions): Skipped[] {
  const skipped: Skipped[] = CHOICES.filter((choice) => !choices.has(choice)).map((what) => ({
    what,
    why: 'left out by the operator',
  }));
  if (bySite.database !== undefined) {
    const where = site.external === undefined ? '' : ` (external, at ${site.external})`;
    skipped.push({ what: 'database', why: `saved by the site: ${bySite.database}${where}` });
  }
  if (choices.has('metrics') && volumes.length === 0)
    skipped.push({ what: 'metrics', why: 'there is no volume of metrics' });
  return skipped;
}
