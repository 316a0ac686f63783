import { releaseSelector } from '../helm/release.js';
import { RESOURCES } from '../kube/resources.js';
import { digestOf } from '../run/canonical.js';
import { createClusterSide } from '../run/cluster.js';
import { withReport } from '../run/reporting.js';
import { openSession, type Session } from '../run/session.js';
import { findUnfinished, type StoredRun } from '../run/store.js';
import { BACKEND, CLUSTER } from '../runai/names.js';
import type { BackupManifest } from './archive/types.js';
import { readBeforeSwap } from './before-swap.js';
import { demandSamePasswords } from './copied-passwords.js';
import { describeAddress, externalDatabase, type ServerAddress } from './database-address.js';
import { lookAhead, openExternalServer } from './external-restore.js';
import type { ExternalServer } from './external-server.js';
import { findKept } from './kept.js';
import { demandNoOldDatabases } from './old-left.js';
import { makeRestorePlan, type RestoreFacts } from './plan.js';
import { demandTarget, helperImageFor } from './restore-checks.js';
import { afterRestore } from './restore-report.js';
import {
  RESTORE_CHOICES,
  type RestoreOptions,
  type RestoreOutcome,
  type RestoreView,
} from './restore-types.js';
import { keepValues, type PlannedValues, planValues, savedValues } from './restore-values.js';
import { bringsDatabase, chooseVolumes, type VolumeChoices } from './restore-volumes.js';
import type { Rewrite } from './rewrite.js';
import { claimsInSafety, findSafetyBackup, takeSafetyBackup } from './safety-backup.js';
import { describeChanges, findRewrite, type SiteChanges } from './site-changes.js';
import { restoreExecutors } from './steps/index.js';
import type { RestoreWork } from './steps/types.js';
import { requireBackupOk, verifyBackup } from './verify.js';

/**
 * Brings a product back from a backup and the bundle of its version: verify, check the target, plan, approve,
 * execute. A run that was interrupted is gone on with.
 * @throws AirgapError RESTORE_REFUSED, RESTORE_FAILED, BACKUP_INVALID, DECISION_NEEDED and those of the steps
 */
export async function restore(asked: RestoreOptions): Promise<RestoreOutcome> {
  const { installer } = asked;
  await verifyWhole(asked);
  const resumes = await resumable(asked);
  const options = resumes ? asBefore(asked, resumes) : asked;
  const rewrite = await findRewrite(options);
  const releases = await planValues(options.backup, installer, rewrite);
  if (!resumes) await demandTarget(options);
  const external = await openExternalServer(options, backendValues(releases));
  if (external && !resumes) await lookAhead(external, options);
  if (!external && options.replace && !resumes) await demandNoOldDatabases(options);
  const changes = await describeChanges(options, rewrite, releases);
  const volumes = resumes ? NO_CHOICE : await chooseVolumes(options);
  if (!resumes) await demandSamePasswords(options, volumes.copies);
  const plan =
    resumes?.plan ??
    makeRestorePlan(
      await factsOf(options, { releases, rewrite, changes, volumes, external: external?.address }),
    );
  const view = viewOf(options, {
    ...{ plan, releases, changes, volumes, external: external?.address },
    ...(resumes ? { resumes } : {}),
  });
  if (options.mode === 'dry-run') return { outcome: 'planned', view, steps: [] };
  await options.approve(view);
  const session = await openRun(options, view);
  try {
    const reporting = reportingOf(options, view);
    const { result, page } = await withReport(session, reporting, async () => {
      await keepValues(session, releases, installer);
      const work = await workOf(options, session, external?.server);
      const executors = restoreExecutors(work, installer.executorOf);
      const { onBoundary } = options;
      return session.execute(executors, onBoundary === undefined ? {} : { onBoundary });
    });
    const { folder, identity } = session.run;
    const before = await readBeforeSwap(session.saved);
    return {
      ...{ outcome: 'restored', view, runId: identity.runId, runFolder: folder, steps: result.steps },
      kept: await findKept({ plan, runFolder: folder, before, server: external?.address }),
      ...(page === undefined ? {} : { report: page }),
    };
  } finally {
    await external?.server.close();
    await session.close();
  }
}

function reportingOf(
  { writeReport, emit }: RestoreOptions,
  { backup, cluster, rewrites, leftOut }: RestoreView,
) {
  return {
    ...(writeReport === undefined ? {} : { write: writeReport }),
    facts: async () => ({ backup, cluster, rewrites, leftOut }),
    next: afterRestore,
    emit,
  };
}

/** What a run that goes on had chosen stands in its plan. */
const NO_CHOICE: VolumeChoices = { copies: [], rebinds: [], snapshots: [], leftOut: [] };
/** The step that makes the control plane, and with it the database. */
const INSTALL = `helm:${BACKEND.release}`;

async function verifyWhole({ backup, env, signal, emit }: RestoreOptions): Promise<void> {
  const stage = 'verify-backup';
  emit({ type: 'stage-started', stage, title: backup.path });
  const verified = await verifyBackup(backup, {
    env,
    signal,
    onProgress: (done, total) => emit({ type: 'progress', stage, done, total, unit: 'bytes' }),
  });
  requireBackupOk(verified);
  emit({ type: 'stage-ended', stage, outcome: 'ok', summary: `${verified.parts} parts` });
}

async function resumable({
  stateRoot,
  installer,
  backup,
  unfinished,
}: RestoreOptions): Promise<StoredRun | undefined> {
  if (unfinished === 'give-up') return undefined;
  const run = await findUnfinished(stateRoot, installer.clusterUid);
  const isOurs = run?.identity.kind === 'restore' && run.identity.inputs['backup'] === backup.backupId;
  return isOurs ? run : undefined;
}

/** Going on needs none of the words that began the run. */
function asBefore(options: RestoreOptions, { identity }: StoredRun): RestoreOptions {
  const { domain, parts } = identity.inputs;
  const begun = new Set(parts?.split(','));
  const isGiven = options.choices.size < RESTORE_CHOICES.length;
  return {
    ...options,
    toNewCluster: true,
    externalDatabase: true,
    choices: isGiven ? options.choices : new Set(RESTORE_CHOICES.filter((choice) => begun.has(choice))),
    ...(domain === undefined ? {} : { domain: options.domain ?? domain }),
  };
}

interface Made {
  readonly releases: readonly PlannedValues[];
  readonly rewrite: Rewrite;
  readonly changes: SiteChanges;
  readonly volumes: VolumeChoices;
  /** The customer's own server that the database is restored on. */
  readonly external: ServerAddress | undefined;
}

async function factsOf(
  options: RestoreOptions,
  { releases, rewrite, changes, volumes, external }: Made,
): Promise<RestoreFacts> {
  const { backup, installer, choices, replace } = options;
  const { manifest, backupId } = backup;
  const { client, clusterUid, bundle, registry } = installer;
  const isEmpty = (database: (typeof manifest.databases)[number]): boolean =>
    database.name === 'postgres' && database.tables.length === 0;
  const values = backendValues(releases);
  const isOurs =
    external !== undefined ||
    (!bringsDatabase(volumes.rebinds, values) && externalDatabase(values) === undefined);
  const dumps = choices.has('database') && isOurs ? manifest.databases : [];
  const helperImage = helperImageFor(volumes.copies, options);
  return {
    backupId,
    bundleId: bundle.bundleId,
    clusterUid,
    context: client.context,
    choices,
    replace,
    ...(registry === undefined ? {} : { registry }),
    pullSecrets: installer.needsLogin ? [BACKEND.namespace, CLUSTER.namespace] : [],
    releases: await wantedReleases(options, releases),
    hasCrds: bundle.manifest.crds.length > 0,
    databases: dumps.filter((database) => !isEmpty(database)),
    ...(external ? { externalDatabase: describeAddress(external) } : {}),
    volumes: volumes.copies,
    rebinds: volumes.rebinds,
    snapshots: volumes.snapshots,
    roles: new Set(manifest.parts.map(({ role }) => role)),
    rewrite,
    leave: changes.leave,
    ...(helperImage === undefined ? {} : { helperImage }),
  };
}

/** What the product needs and the site has already is the site's: it is left alone. */
async function wantedReleases(
  { installer, signal }: RestoreOptions,
  releases: readonly PlannedValues[],
): Promise<RestoreFacts['releases']> {
  const wanted: RestoreFacts['releases'][number][] = [];
  for (const { chart, chartSha, values } of releases) {
    const { namespace, release } = chart;
    const query = { namespace, labelSelector: releaseSelector(release), pageSize: 1, signal };
    const isThere =
      chart.role === 'prerequisite' && (await installer.client.list(RESOURCES.secrets, query)).length > 0;
    if (!isThere) wanted.push({ chart, chartSha, valuesSha: digestOf(values) });
  }
  return wanted;
}

function viewOf(
  { backup, installer }: RestoreOptions,
  made: Pick<RestoreView, 'plan'> & Omit<Made, 'rewrite'> & { readonly resumes?: StoredRun },
): RestoreView {
  const { manifest, backupId, path } = backup;
  const { client, clusterUid } = installer;
  return {
    backup: { path, id: backupId, createdAt: manifest.createdAt, clusterUid: manifest.clusterUid },
    cluster: { context: client.context, server: client.server, uid: clusterUid },
    plan: made.plan,
    rewrites: made.changes.lines,
    leftOut: [
      ...manifest.skipped.map(({ what, why }) => `${what}: ${why}`),
      ...made.volumes.leftOut,
      ...(made.external ? [] : externalLines(manifest, made.releases)),
    ],
    ...(made.resumes === undefined ? {} : { resumes: made.resumes.identity.runId }),
  };
}

/** Of the control plane, as it will be installed. */
function backendValues(releases: readonly PlannedValues[]): PlannedValues['values'] | undefined {
  return releases.find(({ chart }) => chart.release === BACKEND.release)?.values;
}

/** A server of the customer's own is left alone without a word. */
function externalLines({ databases }: BackupManifest, releases: readonly PlannedValues[]): string[] {
  const address = externalDatabase(backendValues(releases));
  if (address === undefined || databases.length === 0) return [];
  const dumps = databases.map(({ part }) => part).join(', ');
  return [
    `database at ${describeAddress(address)}: stays as it is there; ${dumps} restores it with --external-database`,
  ];
}

function openRun(options: RestoreOptions, view: RestoreView): Promise<Session> {
  const { installer, backup, choices, replace, takeover, domain, rebind } = options;
  const { registry } = installer;
  return openSession({
    root: options.stateRoot,
    kind: 'restore',
    bundleId: installer.bundle.bundleId,
    clusterUid: installer.clusterUid,
    inputs: {
      backup: backup.backupId,
      parts: [...choices].join(','),
      ...(registry === undefined
        ? {}
        : { registry: registry.text, 'plain-http': String(registry.plainHttp) }),
      ...(replace ? { replace: 'true' } : {}),
      ...(domain === undefined ? {} : { domain }),
      ...(rebind.length === 0 ? {} : { rebind: rebind.join(',') }),
    },
    toolVersion: options.toolVersion,
    clock: options.clock,
    random: options.random,
    place: options.place,
    signal: options.signal,
    emit: options.emit,
    cluster: createClusterSide(installer.client, options.emit),
    ...(takeover === undefined ? {} : { takeover }),
    unfinished: options.unfinished,
    command: options.resumeCommand,
    plan: async () => view.plan,
  });
}

async function workOf(
  options: RestoreOptions,
  { journal, run }: Session,
  external: ExternalServer | undefined,
): Promise<RestoreWork> {
  const { backup, installer, random, emit, clock } = options;
  const sinceInstall = (): number | undefined => {
    const first = journal.records.find(({ step, phase }) => step === INSTALL && phase === 'intent');
    return first && clock.now() - Date.parse(first.t);
  };
  return {
    backup,
    client: installer.client,
    random,
    emit,
    values: await savedValues(backup, BACKEND.release),
    sinceInstall,
    ...(external ? { external } : {}),
    safety: {
      find: (folder) => findSafetyBackup(folder, options),
      take: (folder) => takeSafetyBackup({ folder, runId: run.identity.runId }, options),
      claims: (folder) => claimsInSafety(folder, options),
    },
  };
}
