import type { Payload } from '../bundle/payload.js';
import { AirgapError } from '../errors.js';
import { mapPooled } from '../io/pool.js';
import type { BackupNeed } from '../run/backup-stage.js';
import { createClusterSide } from '../run/cluster.js';
import { checkResumption } from '../run/identity.js';
import type { Plan } from '../run/types.js';
import { BACKUP_STEP } from '../runai/steps/backup.js';
import { reviewRights } from './access.js';
import type { PlannedBackup } from './backup-types.js';
import { readChartDefaults } from './chart-defaults.js';
import { checkSite } from './checks/all.js';
import type { Estimate } from './estimate.js';
import { estimateOf } from './estimating.js';
import type { Finding } from './findings.js';
import { givenInputs } from './inputs.js';
import { observe, readCluster } from './observe.js';
import { readRegistryFacts } from './open-registry.js';
import type { Site } from './open-site.js';
import { backupIn, type InstallPlan, makePlan } from './plan.js';
import { judgePreflight, type PushProbe } from './preflight.js';
import { judgeBundle, type SeenSequence } from './preflight-bundle.js';
import { parseTarget, readPushState } from './push.js';
import { readSeenSequence } from './seen-sequence.js';
import type { ClusterFacts, Observation } from './site.js';
import type { InstallOptions } from './types.js';
import type { Values } from './values.js';

const PROBE_WIDTH = 4;

/** A plan to approve: made from the site as it is, or that of the run that goes on. */
export interface Prepared {
  readonly plan: Plan;
  readonly cluster: ClusterFacts;
  /** What was given on the command line, by name. */
  readonly given: Readonly<Record<string, string>>;
  /** Absent for a run that goes on. */
  readonly made?: InstallPlan;
  readonly observation?: Observation;
  readonly resumes?: string;
  /** What the cluster has accepted so far. */
  readonly seen?: SeenSequence;
  /** Ids of steps that the run which goes on has done. */
  readonly done: readonly string[];
  readonly estimate: Estimate;
  readonly findings: readonly Finding[];
}

/**
 * Observes, plans and checks; or takes the plan of the unfinished run. Changes nothing, but for an upload to the
 * registry that is begun and given up at once when the mode is install.
 * @throws AirgapError RUN_MISMATCH, VALUES_INVALID and those of cluster and registry
 */
export async function prepare(site: Site, options: InstallOptions): Promise<Prepared> {
  const { overrides } = site;
  const given = givenInputs(options, overrides);
  if (site.unfinished && options.unfinished !== 'give-up') return goOn(site, given, options);
  const { emit, signal } = options;
  emit({ type: 'stage-started', stage: 'observe', title: `${site.client.context} at ${site.client.server}` });
  const { registry, bundle, client } = site;
  const facts = registry && (await readRegistryFacts(registry, { bundle, client, signal }));
  const observation = await observe({
    client,
    bundle,
    crds: site.crds,
    signal,
    ...(facts === undefined ? {} : { registry: facts }),
  });
  const backup = await plannedBackup(options);
  const made = makePlan(
    {
      manifest: bundle.manifest,
      bundleId: bundle.bundleId,
      overrides,
      skipPush: options.skipPush,
      canary: options.canary !== 'never' && bundle.manifest.charts.length > 0,
      ...(backup === undefined ? {} : { backup }),
      defaults: await readDefaults(bundle),
      ...(options.domain === undefined ? {} : { domain: options.domain }),
    },
    observation,
  );
  const probing = options.mode === 'install' || options.probePush === true;
  const probe = probing ? await probePush(site, observation, options) : undefined;
  const judged = judgePreflight({
    manifest: bundle.manifest,
    site: observation,
    made,
    helm: site.helm.program,
    access: await reviewRights(client, made, signal),
    skipPush: options.skipPush,
    acknowledged: options.acknowledged ?? [],
    ...(probe === undefined ? {} : { pushProbe: probe }),
  });
  const seen = await readSeenSequence(options.stateRoot, site.clusterUid, createClusterSide(client, emit));
  const own = judgeBundle({
    manifest: bundle.manifest,
    now: options.clock.now(),
    acknowledged: options.acknowledged ?? [],
    ...(seen === undefined ? {} : { seen }),
    ...(options.allowDowngrade === undefined ? {} : { allowDowngrade: options.allowDowngrade }),
    ...(options.maxAge === undefined ? {} : { maxAge: options.maxAge }),
  });
  const few = options.checks === 'few';
  const need = few ? undefined : needOf(site, made.plan, options);
  const checked = few ? [] : await checkSite(site, { observation, made, ...(need ? { need } : {}) }, options);
  const findings = [...own, ...judged, ...checked];
  const failed = findings.filter((finding) => finding.outcome === 'fail').length;
  const summary =
    failed === 0 ? `${findings.length} checks` : `${failed} of ${findings.length} checks failed`;
  emit({ type: 'stage-ended', stage: 'observe', outcome: failed === 0 ? 'ok' : 'failed', summary });
  const { plan } = made;
  const estimate = await estimateOf(bundle, {
    ...{ plan, signal, ...(facts ? { state: facts.state } : {}) },
    ...(await sizeOf(need)),
  });
  return {
    plan,
    cluster: observation.cluster,
    given,
    made,
    observation,
    findings,
    done: [],
    estimate,
    ...(seen === undefined ? {} : { seen }),
  };
}

/** A backup that was named is looked into, so that the plan says which one it is. */
async function plannedBackup({ backup, signal }: InstallOptions): Promise<PlannedBackup | undefined> {
  if (backup?.choice.kind !== 'use') return backup?.choice;
  const { backupId, createdAt } = await backup.stage.look(backup.choice.file, signal);
  return { ...backup.choice, backupId, createdAt };
}

/** How large the backup of the plan will be, asked once; undefined when none is made. */
function needOf(
  { client }: Site,
  plan: Plan,
  { backup, signal }: InstallOptions,
): (() => Promise<BackupNeed>) | undefined {
  if (backup === undefined || backupIn(plan)?.kind !== 'take') return undefined;
  let need: Promise<BackupNeed> | undefined;
  return () => {
    need ??= backup.stage.measure(client, signal);
    return need;
  };
}

/** Nothing where it cannot be read: a check says why. */
async function sizeOf(
  need: (() => Promise<BackupNeed>) | undefined,
): Promise<{ readonly need?: BackupNeed }> {
  try {
    return need === undefined ? {} : { need: await need() };
  } catch (error) {
    if (error instanceof AirgapError) return {};
    throw error;
  }
}

/** Default values of the charts, by release. */
export async function readDefaults(bundle: Payload): Promise<ReadonlyMap<string, Values>> {
  const pairs = bundle.manifest.charts.map(
    async ({ release, path }) => [release, await readChartDefaults(await bundle.read(path), path)] as const,
  );
  return new Map(await Promise.all(pairs));
}

async function goOn(
  site: Site,
  given: Readonly<Record<string, string>>,
  options: InstallOptions,
): Promise<Prepared> {
  const { unfinished, bundle, clusterUid, client } = site;
  if (!unfinished) throw new AirgapError('INTERNAL', 'there is no run to go on with');
  checkResumption(unfinished.identity, {
    kind: 'install',
    bundleId: bundle.bundleId,
    clusterUid,
    inputs: given,
  });
  const { signal } = options;
  const cluster = await readCluster(client, { signal });
  const { plan, identity, committed: done } = unfinished;
  const sends = site.registry && !done.includes('push');
  const state = sends ? await readPushState(bundle, site.registry.client, signal) : undefined;
  const size = done.includes(BACKUP_STEP) ? {} : await sizeOf(needOf(site, plan, options));
  const estimate = await estimateOf(bundle, { plan, done, signal, ...(state ? { state } : {}), ...size });
  return { plan, cluster, given, resumes: identity.runId, done, estimate, findings: [] };
}

/** Tries to begin an upload in every repository that lacks something; all refusals are told (threats 58). */
async function probePush(
  { registry }: Site,
  { registry: facts }: Observation,
  { signal, skipPush }: InstallOptions,
): Promise<PushProbe | undefined> {
  const lacking = [
    ...(facts?.state.missing ?? []),
    ...(facts?.state.different ?? []).map(({ target }) => target),
  ];
  const repositories = [...new Set(lacking.map((target) => parseTarget(target).repository))];
  if (!registry || skipPush || repositories.length === 0) return undefined;
  const errors = await mapPooled(
    repositories,
    PROBE_WIDTH,
    async (repository, inner) => {
      try {
        await registry.client.probePush(repository, { signal: inner });
        return undefined;
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        return `${repository}: ${error.message}${error.found === undefined ? '' : `: ${error.found}`}`;
      }
    },
    signal,
  );
  return { repositories: repositories.length, errors: errors.filter((error) => error !== undefined) };
}
