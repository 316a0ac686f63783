import { AirgapError } from '../errors.js';
import { versionOfRelease } from '../runai/era.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import { partPath } from './archive/path.js';
import type { BackupFacts, DatabaseFacts, ProductFacts, Skipped, VolumeFacts } from './archive/types.js';
import { type BackupWriter, createBackupWriter } from './archive/writer.js';
import { viewOf } from './backup-view.js';
import type { LiveRelease } from './collect-releases.js';
import {
  CHOICES,
  type CreatedBackup,
  type CreateOptions,
  type DatabaseTotals,
  LEFT_OUT,
  USUAL,
} from './create-types.js';
import { describeAddress } from './database-address.js';
import { checkpoint, countDatabases } from './database-counts.js';
import type { Database } from './database-place.js';
import { dumpDatabases } from './dump-databases.js';
import { demandEnough, productDatabase } from './enough.js';
import { DUMPED_FROM } from './held-parts.js';
import { markVerified } from './mark-verified.js';
import { demandMarkable } from './marks.js';
import { isOurs, type LiveSite, observeSite, openDatabase } from './observe-site.js';
import { type SavedVolumes, saveCold, saveWarm } from './save-volumes.js';
import type { TakenSnapshot } from './snapshot.js';
import { totalsOf } from './totals.js';
import type { VerifyBackupReport } from './types.js';
import { requireBackupOk, verifyBackupFile } from './verify.js';

const PROGRESS_MS = 200;

/**
 * Makes a backup of the running product: its objects and values, its databases, its volumes. The file gets its name
 * when all of it is there and was read again as a restore would read it. Once it has its name nothing fails any more.
 * @throws AirgapError BACKUP_FAILED, BACKUP_INVALID, OUTPUT_UNWRITABLE, DISK_FULL and those of the cluster
 */
export async function createBackup(options: CreateOptions): Promise<CreatedBackup> {
  const { client, emit, output } = options;
  await demandMarkable(output);
  emit({ type: 'stage-started', stage: 'backup', title: `${client.context} at ${client.server}` });
  const site = await observeSite(options);
  const view = viewOf(site, options);
  if (view.plan) await options.approve?.(view);
  const opened = await openDatabase(site, options);
  const taken: TakenSnapshot[] = [];
  try {
    const writer = await createBackupWriter(output, {
      encryption: options.encryption,
      signal: options.signal,
      onProgress: progressOf(options),
    });
    try {
      const database = opened?.database;
      return await write(writer, { site, ...(database ? { database } : {}) }, { ...options, taken });
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } catch (error) {
    for (const snapshot of taken) await snapshot.remove().catch(() => {});
    throw error;
  } finally {
    await opened?.close();
  }
}

/** A stream comes in pieces of a few kilobytes: a log needs to hear of some of them only. */
function progressOf({ emit, now }: CreateOptions): (done: number, current: string) => void {
  let last = { at: 0, current: '' };
  return (done, current) => {
    const at = now();
    if (current === last.current && at - last.at < PROGRESS_MS) return;
    last = { at, current };
    emit({ type: 'progress', stage: 'backup', done, total: 0, unit: 'bytes', current });
  };
}

interface Source {
  readonly site: LiveSite;
  /** Open when data of it is saved from here. */
  readonly database?: Database;
}

interface Saved extends SavedVolumes {
  readonly databases: readonly DatabaseFacts[];
  /** Claims of the server that the dumps are of. */
  readonly dumpedFrom: readonly string[];
}

async function write(
  writer: BackupWriter,
  { site, database }: Source,
  options: CreateOptions & { readonly taken: TakenSnapshot[] },
): Promise<CreatedBackup> {
  const { output, emit, signal, now, env } = options;
  for (const { path, role, meta, content } of site.parts)
    await writer.addFile(partPath(...path), content, { role, ...(meta === undefined ? {} : { meta }) });
  const saved = await saveData(writer, { site, ...(database ? { database } : {}) }, options);
  const facts = factsOf(site, saved, options);
  let verified: VerifyBackupReport | undefined;
  const finished = await writer.finish(facts, async ({ path, unlock }) => {
    verified = await verifyBackupFile(path, { ...unlock, env, signal });
    requireBackupOk(verified);
  });
  if (!verified) throw new AirgapError('INTERNAL', 'the backup got its name unread');
  const summary = `${finished.manifest.parts.length} parts, ${finished.size} bytes, verified`;
  emit({ type: 'stage-ended', stage: 'backup', outcome: 'ok', summary });
  for (const text of finished.doubts) emit({ type: 'note', level: 'warn', text });
  await markVerified(output, verified, { now: now(), emit });
  return {
    path: output,
    size: finished.size,
    backupId: finished.backupId,
    encryption: options.encryption.kind,
    facts,
    parts: finished.manifest.parts.length,
    verified: { ...verified, path: output },
    ...(saved.problem ? { problem: saved.problem } : {}),
  };
}

/** What needs an outage comes last, so that a fault before it causes none and the outage is short. */
async function saveData(
  writer: BackupWriter,
  { site, database }: Source,
  options: CreateOptions & { readonly taken: TakenSnapshot[] },
): Promise<Saved> {
  const { client, emit, signal, least, savings = USUAL } = options;
  const saving = savings.database;
  const isDump = 'way' in saving && saving.way === 'dump';
  const counted = database && !isDump ? await countDatabases({ client, database, signal }) : undefined;
  const check = (totals: readonly DatabaseTotals[]): void => {
    if (least) demandEnough(totals, productDatabase(site), least);
  };
  if (counted) check(counted.databases);
  if (database && counted) await checkpoint({ client, database, signal });
  const warm = await saveWarm(site, writer, options);
  const databases = database && isDump ? await dumpDatabases({ client, database, writer, emit, signal }) : [];
  if (database && isDump) check(databases.map(totalsOf));
  const cold = await saveCold(site, writer, options);
  const describe = (facts: VolumeFacts): VolumeFacts =>
    facts.purpose === 'database' && counted
      ? {
          ...facts,
          meta: {
            ...facts.meta,
            postgresql: counted.serverVersion,
            databases: counted.databases.map((each) => ({ ...each })),
          },
        }
      : facts;
  const dumpedFrom = isDump ? (database?.claims ?? []) : [];
  return { databases, dumpedFrom, ...cold, facts: [...warm, ...cold.facts].map(describe) };
}

function factsOf(site: LiveSite, saved: Saved, options: CreateOptions): BackupFacts {
  const product: ProductFacts = { name: 'runai', ...versionsOf(site.releases) };
  return {
    createdAt: new Date(site.begun).toISOString(),
    tool: options.toolVersion,
    clusterUid: site.clusterUid,
    product,
    releases: site.releaseFacts,
    databases: saved.databases,
    volumes: saved.facts,
    skipped: skippedOf(site, options),
    meta: { ...site.meta, ...(saved.dumpedFrom.length === 0 ? {} : { [DUMPED_FROM]: saved.dumpedFrom }) },
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

/** Everything that a reader might look for in the backup and not find. */
function skippedOf(site: LiveSite, options: CreateOptions): Skipped[] {
  const { choices, savings = USUAL } = options;
  const skipped: Skipped[] = CHOICES.filter((choice) => !choices.has(choice)).map((what) => ({
    what,
    why: LEFT_OUT,
  }));
  if (choices.has('database') && 'by' in savings.database) {
    const where = site.external ? ` (external, at ${describeAddress(site.external)})` : '';
    skipped.push({ what: 'database', why: `saved by the site: ${savings.database.by}${where}` });
  }
  for (const what of ['metrics', 'prometheus'] as const)
    if (isOurs(what, options) && !site.volumes.some(({ purpose }) => purpose === what))
      skipped.push({ what, why: `there is no volume of ${what}` });
  const isSaved = (claim: string): boolean =>
    site.volumes.some(({ namespace, claim: name }) => claim === `${namespace}/${name}`);
  for (const claim of site.others.filter((each) => !isSaved(each)))
    skipped.push({ what: `volume ${claim}`, why: 'a claim that is neither database nor metrics' });
  return skipped;
}
