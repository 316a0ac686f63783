import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BundleChart } from '../bundle/manifest.js';
import { AirgapError } from '../errors.js';
import { digestOf } from '../run/canonical.js';
import { createClusterSide } from '../run/cluster.js';
import { withReport } from '../run/reporting.js';
import { openSession, type Session } from '../run/session.js';
import { findUnfinished, type StoredRun } from '../run/store.js';
import { BACKEND } from '../runai/names.js';
import { parseYaml } from '../yaml.js';
import { generateIdentity, writeIdentityFile } from './archive/age/keys.js';
import { createBackup } from './create.js';
import { CHOICES } from './create-types.js';
import { makeRestorePlan, type RestoreFacts } from './plan.js';
import { demandTarget, helperImageOf, rewritesOf } from './restore-checks.js';
import { afterRestore } from './restore-report.js';
import type { RestoreOptions, RestoreOutcome, RestoreView } from './restore-types.js';
import { restoreExecutors } from './steps/index.js';
import type { RestoreWork } from './steps/types.js';
import { requireBackupOk, verifyBackup } from './verify.js';

/**
 * Brings a product back from a backup and the bundle of its version: verify, check the target, plan, approve,
 * execute. A run that was interrupted is gone on with.
 * @throws AirgapError RESTORE_REFUSED, RESTORE_FAILED, BACKUP_INVALID, DECISION_NEEDED and those of the steps
 */
export async function restore(options: RestoreOptions): Promise<RestoreOutcome> {
  const { backup, installer, emit } = options;
  emit({ type: 'stage-started', stage: 'verify-backup', title: backup.path });
  const verified = await verifyBackup(backup, {
    env: options.env,
    signal: options.signal,
    onProgress: (done, total) =>
      emit({ type: 'progress', stage: 'verify-backup', done, total, unit: 'bytes' }),
  });
  requireBackupOk(verified);
  emit({ type: 'stage-ended', stage: 'verify-backup', outcome: 'ok', summary: `${verified.parts} parts` });
  const releases = await plannedReleases(options);
  const resumes = await resumable(options);
  if (!resumes) await demandTarget(options);
  const view = viewOf(options, { releases, ...(resumes ? { resumes } : {}) });
  if (options.mode === 'dry-run') return { outcome: 'planned', view, steps: [] };
  await options.approve(view);
  const session = await openRun(options, view);
  try {
    const { writeReport } = options;
    const { backup: source, cluster, rewrites, leftOut } = view;
    const reporting = {
      ...(writeReport === undefined ? {} : { write: writeReport }),
      facts: async () => ({ backup: source, cluster, rewrites, leftOut }),
      next: afterRestore,
      emit,
    };
    const { result, page } = await withReport(session, reporting, async () => {
      await keepValues(session, releases, options);
      return session.execute(restoreExecutors(await workOf(options), installer.executorOf));
    });
    const { folder, identity } = session.run;
    return {
      ...{ outcome: 'restored', view, runId: identity.runId, runFolder: folder, steps: result.steps },
      ...(page === undefined ? {} : { report: page }),
    };
  } finally {
    await session.close();
  }
}

type Values = Readonly<Record<string, unknown>>;

interface PlannedValues {
  readonly chart: BundleChart;
  readonly chartSha: string;
  readonly values: Values;
}

/** The bundle's charts with the values of the backup, which must be of the same versions. */
async function plannedReleases({ backup, installer }: RestoreOptions): Promise<PlannedValues[]> {
  const { manifest } = installer.bundle;
  const planned: PlannedValues[] = [];
  for (const { name, chart: chartName, version } of backup.manifest.releases) {
    const chart = manifest.charts.find(({ release }) => release === name);
    if (chart?.version !== version) {
      throw new AirgapError(
        'RESTORE_REFUSED',
        'the bundle is not of the version that the backup was made of',
        {
          expected: `${chartName} ${version} for release ${name}`,
          found: chart ? `${chart.name} ${chart.version}` : 'no chart for it',
          hint: `give the bundle of ${backup.manifest.product.controlPlane ?? version}; upgrade after the restore`,
        },
      );
    }
    const saved = await savedValues(backup, name);
    const chartSha = manifest.entries.find(({ path }) => path === chart.path)?.sha256 ?? '';
    planned.push({ chart, chartSha, values: installer.valuesFor(chart, saved) });
  }
  return planned;
}

async function savedValues(backup: RestoreOptions['backup'], release: string): Promise<Values> {
  const part = backup.manifest.parts.find(
    ({ role, meta }) => role === 'release-values' && meta?.['release'] === release,
  );
  if (!part) {
    throw new AirgapError('RESTORE_REFUSED', `the backup does not hold the values of release ${release}`, {
      expected: 'a backup with the part values',
    });
  }
  return (parseYaml((await backup.read(part.path)).toString('utf8'), part.path) ?? {}) as Values;
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

function viewOf(
  options: RestoreOptions,
  { releases, resumes }: { readonly releases: readonly PlannedValues[]; readonly resumes?: StoredRun },
): RestoreView {
  const { backup, installer, choices, replace } = options;
  const { manifest, backupId, path } = backup;
  const { client, clusterUid, bundle, registry } = installer;
  const empty = (database: (typeof manifest.databases)[number]): boolean =>
    database.name === 'postgres' && database.tables.length === 0;
  const helperImage = helperImageOf(options);
  const facts: RestoreFacts = {
    backupId,
    bundleId: bundle.bundleId,
    clusterUid,
    context: client.context,
    choices,
    replace,
    ...(registry === undefined ? {} : { registry }),
    releases: releases.map(({ chart, chartSha, values }) => ({
      chart,
      chartSha,
      valuesSha: digestOf(values),
    })),
    hasCrds: bundle.manifest.crds.length > 0,
    databases: manifest.databases.filter((database) => !empty(database)),
    volumes: manifest.volumes,
    roles: new Set(manifest.parts.map(({ role }) => role)),
    ...(helperImage === undefined ? {} : { helperImage }),
  };
  return {
    backup: { path, id: backupId, createdAt: manifest.createdAt, clusterUid: manifest.clusterUid },
    cluster: { context: client.context, server: client.server, uid: clusterUid },
    plan: resumes?.plan ?? makeRestorePlan(facts),
    rewrites: rewritesOf(options),
    leftOut: [
      ...manifest.skipped.map(({ what, why }) => `${what}: ${why}`),
      ...manifest.volumes.flatMap(({ claim, method, by }) =>
        method === 'copy' ? [] : [`volume ${claim}: saved by ${by}`],
      ),
    ],
    ...(resumes === undefined ? {} : { resumes: resumes.identity.runId }),
  };
}

function openRun(options: RestoreOptions, view: RestoreView): Promise<Session> {
  const { installer, backup, choices, replace, takeover } = options;
  return openSession({
    root: options.stateRoot,
    kind: 'restore',
    bundleId: installer.bundle.bundleId,
    clusterUid: installer.clusterUid,
    inputs: {
      backup: backup.backupId,
      parts: [...choices].join(','),
      ...(replace ? { replace: 'true' } : {}),
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

/** The values that helm steps take, as they were planned. @throws AirgapError RUN_MISMATCH */
async function keepValues(
  { run, saved }: Session,
  releases: readonly PlannedValues[],
  { installer }: RestoreOptions,
): Promise<void> {
  for (const step of run.plan.steps) {
    const { release, valuesSha } = (step.input ?? {}) as { release?: string; valuesSha?: string };
    if (release === undefined || valuesSha === undefined) continue;
    const planned = releases.find(({ chart }) => chart.release === release);
    if (!planned || digestOf(planned.values) !== valuesSha) {
      throw new AirgapError('RUN_MISMATCH', `the values of ${release} are not those of the unfinished run`, {
        hint: 'give the same registry and backup as before, or give the run up with --new-run',
      });
    }
    await saved.put(installer.valuesName(release), JSON.stringify(planned.values));
  }
}

async function workOf(options: RestoreOptions): Promise<RestoreWork> {
  const { backup, installer, random, emit } = options;
  return {
    backup,
    client: installer.client,
    random,
    emit,
    values: await savedValues(backup, BACKEND.release),
    safetyBackup: (path) => takeSafetyBackup(path, options),
  };
}

/** A backup of what is there, for a key of its own in the run's folder. */
async function takeSafetyBackup(path: string, options: RestoreOptions): Promise<void> {
  const identity = generateIdentity();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { clock, random } = options;
  const keyFile = join(dirname(path), `before-restore-${random(4).toString('hex')}.key`);
  await writeIdentityFile(keyFile, identity, new Date(clock.now()).toISOString());
  await createBackup({
    client: options.installer.client,
    output: path,
    encryption: { kind: 'recipients', recipients: [identity.recipient], identity: identity.secret },
    choices: new Set(CHOICES),
    toolVersion: options.toolVersion,
    env: options.env,
    now: clock.now,
    random,
    emit: options.emit,
    signal: options.signal,
  });
  options.emit({
    type: 'note',
    level: 'warn',
    text: `what was there is saved in ${path}, its key in ${keyFile}`,
  });
}
