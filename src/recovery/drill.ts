import { Readable } from 'node:stream';
import { AirgapError, type Fault } from '../errors.js';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { BACKEND } from '../runai/names.js';
import type { OpenBackup } from './archive/open.js';
import type { DatabaseFacts } from './archive/types.js';
import { effectiveValues, readLiveReleases } from './collect-releases.js';
import { sideName } from './database-names.js';
import { DRILL_SCRIPT } from './drill-script.js';
import { GLOBALS_PATH } from './dump-databases.js';
import { bashCall, execInto, execText, lastWords } from './exec-stream.js';
import { roleStatements } from './globals.js';
import { withHelper } from './helper-pod.js';
import { demandHelper, findHelper } from './observe-site.js';
import { call, restoreAside, type Server } from './restore-database.js';
import { ROLES_SCRIPT } from './restore-script.js';
import { savedSettings } from './saved-settings.js';
import { requireBackupOk, verifyBackup } from './verify.js';

export interface DrillOptions {
  readonly backup: OpenBackup;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'delete' | 'exec'>;
  /** Image with the PostgreSQL to restore into; that of the site's database when absent. */
  readonly image?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly random: (size: number) => Buffer;
  /** Milliseconds, of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What a drill is going to do. */
export interface DrillPlan {
  readonly namespace: string;
  readonly image: string;
  readonly pullSecrets: readonly string[];
  /** Bytes of the node's disk that it asks for. */
  readonly room: number;
  readonly databases: readonly DatabaseFacts[];
}

export interface DrilledDatabase {
  readonly name: string;
  readonly tables: number;
  readonly rows: number;
  readonly largeObjects: number;
  /** Milliseconds to restore and compare it. */
  readonly duration: number;
}

export interface DrillReport {
  readonly plan: DrillPlan;
  /** What postgres --version says in the pod. */
  readonly server: string;
  readonly databases: readonly DrilledDatabase[];
}

const SUPERUSER = 'postgres';
const SPARE = 1024 * 1024 * 1024;

/** What a drill needs; reads the site and changes nothing. @throws AirgapError BACKUP_UNFIT, BACKUP_FAILED */
export async function planDrill({
  backup,
  client,
  image: helperImage,
  signal,
}: DrillOptions): Promise<DrillPlan> {
  const { databases } = backup.manifest;
  if (databases.length === 0) {
    throw new AirgapError('BACKUP_UNFIT', 'there is no database in the backup that could be tried', {
      found:
        backup.manifest.skipped.map(({ what, why }) => `${what}: ${why}`).join('; ') || 'none was dumped',
      hint: 'try a backup with the part database: airgap backup inspect FILE',
    });
  }
  const releases = await readLiveReleases(client, { signal });
  const backend = releases.find(({ release }) => release.name === BACKEND.release)?.release;
  const search = { client, signal, ...(helperImage === undefined ? {} : { helperImage }) };
  const helper = demandHelper(await findHelper(backend && effectiveValues(backend), search));
  const size = (facts: DatabaseFacts): number => Number(facts.meta?.['size'] ?? 0);
  const largest = databases.reduce((sum, facts) => sum + size(facts), 0);
  return {
    namespace: BACKEND.namespace,
    ...helper,
    room: Math.ceil(largest * 1.5) + SPARE,
    databases,
  };
}

/**
 * Proves a backup: verifies all of it, restores its roles and databases into a PostgreSQL of its own in a pod that is
 * taken away afterwards, and compares rows and hashes of every table with what the backup recorded. Nothing of the
 * product is touched.
 * @throws AirgapError RESTORE_FAILED with every database that did not come back as it was; BACKUP_INVALID,
 * BACKUP_UNFIT, BACKUP_FAILED
 */
export async function drill(options: DrillOptions, plan: DrillPlan): Promise<DrillReport> {
  const { backup, client, env, emit, signal, random } = options;
  const verified = await verifyBackup(backup, {
    env,
    signal,
    onProgress: (done, total) =>
      emit({ type: 'progress', stage: 'verify-backup', done, total, unit: 'bytes' }),
  });
  requireBackupOk(verified);
  const { namespace, image, pullSecrets, room } = plan;
  const request = {
    client,
    namespace,
    purpose: 'drill',
    image,
    pullSecrets,
    scratch: room,
    user: 0,
    random,
    signal,
  };
  emit({ type: 'stage-started', stage: 'drill', title: `a PostgreSQL of ${image} in ${namespace}` });
  return withHelper(request, async ({ target }) => {
    const server: Server = { client, target, user: SUPERUSER, password: '', signal };
    const version = await startServer(server);
    await restoreRoles(server, backup);
    const databases: DrilledDatabase[] = [];
    const faults: Fault[] = [];
    for (const facts of plan.databases) {
      try {
        databases.push(await drillOne(server, facts, options));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof AirgapError) || error.code !== 'RESTORE_FAILED') throw error;
        const found = error.found === undefined ? {} : { found: error.found };
        faults.push({ where: facts.name, what: error.message, ...found }, ...error.faults);
      }
    }
    emit({ type: 'stage-ended', stage: 'drill', outcome: faults.length === 0 ? 'ok' : 'failed' });
    if (faults.length === 0) return { plan, server: version, databases };
    throw new AirgapError('RESTORE_FAILED', `${backup.path} would not bring the database back as it was`, {
      faults: faults.slice(0, 100),
      hint: 'make a new backup, and try that one: airgap backup create',
    });
  });
}

async function startServer({ client, target, signal }: Server): Promise<string> {
  const { command, input } = bashCall({ script: DRILL_SCRIPT, args: [] });
  const said = await execText(
    { client, target: { ...target, command }, input, signal },
    { code: 'RESTORE_FAILED', what: 'the PostgreSQL of the drill does not start' },
  );
  return said.trim();
}

async function restoreRoles(server: Server, backup: OpenBackup): Promise<void> {
  if (!backup.part(GLOBALS_PATH)) return;
  const text = (await backup.read(GLOBALS_PATH)).toString('utf8');
  const sql = Buffer.from(`${roleStatements(text, new Set([SUPERUSER])).join('\n')}\n`);
  const { exitCode, report } = await execInto(
    call(server, ROLES_SCRIPT, [String(sql.length)]),
    Readable.from([sql]),
    () => {},
  );
  if (exitCode === 0) return;
  throw new AirgapError('RESTORE_FAILED', 'the roles could not be brought back', {
    found: `exit ${exitCode}: ${lastWords(report)}`,
  });
}

async function drillOne(
  server: Server,
  facts: DatabaseFacts,
  { backup, emit, monotonic }: DrillOptions,
): Promise<DrilledDatabase> {
  const part = backup.part(facts.part);
  if (!part) throw new AirgapError('RESTORE_FAILED', `the backup holds no dump of ${facts.name}`);
  const start = monotonic();
  const settings = await savedSettings({ backup }, facts.name);
  const content = await restoreAside(
    server,
    { facts, part, stream: () => backup.stream(facts.part), ...(settings ? { settings } : {}) },
    {
      name: sideName(facts.name),
      mark: 'airgap drill',
      onBytes: (done) => {
        const stage = `drill:${facts.name}`;
        emit({ type: 'progress', stage, done, total: part.size, unit: 'bytes' });
      },
    },
  );
  return {
    name: facts.name,
    tables: content.tables.length,
    rows: content.tables.reduce((sum, { rows }) => sum + rows, 0),
    largeObjects: content.largeObjects.count,
    duration: Math.round(monotonic() - start),
  };
}
