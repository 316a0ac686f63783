import { AirgapError } from '../errors.js';
import { digestOf } from '../run/canonical.js';
import { createClusterSide } from '../run/cluster.js';
import { checkResumption } from '../run/identity.js';
import { hasOpenIntent, stepStates } from '../run/progress.js';
import { type Reporting, withReport } from '../run/reporting.js';
import { demandNothingStopped, openSession, type Session } from '../run/session.js';
import { executorsFor } from './executors.js';
import { demandNoFailure } from './findings.js';
import { mayGiveUp } from './giving-up.js';
import { effectiveInputs } from './inputs.js';
import { keepValues } from './keep-values.js';
import { payloadView } from './open-bundle.js';
import { openSite, type Site } from './open-site.js';
import { type InstallPlan, isBehindBackup } from './plan.js';
import { type Prepared, prepare } from './prepare.js';
import { afterInstall, type InstallFacts, installFacts, keepBegun } from './report.js';
import { withSequence } from './seen-sequence.js';
import type { Results, Work } from './steps/types.js';
import type { InstallOptions, InstallOutcome, PlanView } from './types.js';

const HEALTH_MS = 15 * 60_000;
const HELM_MS = 10 * 60_000;
/** A plan older than this is made again before it is executed: the site may have changed while it was read. */
const FRESH_MS = 15_000;

/**
 * Installs or upgrades from a bundle: verify, observe, preflight, plan, approve, execute, prove. A run that was
 * interrupted is gone on with.
 * @throws AirgapError of every stage; INTERRUPTED when it can be gone on with
 */
export async function install(options: InstallOptions): Promise<InstallOutcome> {
  const started = options.clock.monotonic();
  const site = await openSite(options);
  try {
    if (options.unfinished === 'give-up') await demandGivable(site, options);
    const prepared = await prepare(site, options);
    const view = viewOf(site, prepared);
    const results: Results = { health: new Map(), revisions: new Map() };
    const outcome = (more: Partial<InstallOutcome>): InstallOutcome => ({
      outcome: 'planned',
      view,
      steps: [],
      ...reportOf(results),
      duration: Math.round(options.clock.monotonic() - started),
      ...more,
    });
    if (options.mode !== 'install') return outcome({});
    demandNoFailure(prepared.findings);
    const work = workOf(site, { results, options, begunElsewhere: false, harmBegun: false });
    if (prepared.made && !prepared.made.changes) {
      await demandNothingStopped(options.stateRoot, site.clusterUid);
      await checkOnly(prepared.made, work, options);
      return outcome({ outcome: 'unchanged', ...reportOf(results) });
    }
    await options.approve(view);
    const session = await openRun(site, prepared, options);
    try {
      const { folder, identity } = session.run;
      const { result, page } = await withReport(
        session,
        reportingOf(session, view, { results, options }),
        async () => {
          await keepBegun(session.saved, view);
          await keepValues(session, await plannedFor(site, prepared, { session, options }));
          const work = workOf(site, { results, options, ...pastOf(session) });
          return session.execute(executorsFor(work), {
            ...(options.onBoundary === undefined ? {} : { onBoundary: options.onBoundary }),
          });
        },
      );
      return outcome({
        outcome: 'installed',
        runId: identity.runId,
        runFolder: folder,
        ...(page === undefined ? {} : { report: page }),
        steps: result.steps,
        ...reportOf(results),
      });
    } finally {
      await session.close();
    }
  } finally {
    await site.close();
  }
}

async function openRun(site: Site, prepared: Prepared, options: InstallOptions): Promise<Session> {
  const { bundle, clusterUid } = site;
  const madeAt = options.clock.monotonic();
  return openSession({
    root: options.stateRoot,
    kind: 'install',
    bundleId: bundle.bundleId,
    clusterUid,
    inputs: prepared.made
      ? withSequence(
          effectiveInputs(prepared.given, prepared.observation?.registry),
          bundle.manifest.sequence,
          prepared.seen,
        )
      : prepared.given,
    toolVersion: options.toolVersion,
    clock: options.clock,
    random: options.random,
    place: options.place,
    signal: options.signal,
    emit: options.emit,
    cluster: createClusterSide(site.client, options.emit),
    ...(options.takeover === undefined ? {} : { takeover: options.takeover }),
    ...(options.unfinished === undefined ? {} : { unfinished: options.unfinished }),
    mayGiveUp: () => demandGivable(site, options),
    ...(options.resumeCommand === undefined ? {} : { command: options.resumeCommand }),
    plan: async () => {
      const made = prepared.made ?? (await again(site, options)).made;
      if (!made) throw new AirgapError('LOCKED', 'another run began while this one was being planned');
      if (options.clock.monotonic() - madeAt > FRESH_MS) demandSame(made, (await again(site, options)).made);
      return made.plan;
    },
  });
}

function demandGivable({ client, clusterUid }: Site, options: InstallOptions): Promise<void> {
  const side = createClusterSide(client, options.emit);
  return mayGiveUp({ root: options.stateRoot, clusterUid, side }, options.acknowledged ?? []);
}

/** The plan that was approved must still be the one that the site asks for. */
function demandSame(approved: InstallPlan, now: InstallPlan | undefined): void {
  if (now && digestOf(now.plan) === digestOf(approved.plan)) return;
  throw new AirgapError('DECISION_NEEDED', 'the site changed since the plan was made', {
    expected: `plan sha256:${digestOf(approved.plan)}`,
    found: now ? `plan sha256:${digestOf(now.plan)}` : 'another run',
    hint: 'run the same command again and look at the new plan',
  });
}

function again(site: Site, options: InstallOptions): Promise<Prepared> {
  return prepare(site, { ...options, mode: 'dry-run', checks: 'few' });
}

/** The releases whose values the run must keep: of the plan that was made, or made again for a run without them. */
async function plannedFor(
  site: Site,
  prepared: Prepared,
  { session, options }: { readonly session: Session; readonly options: InstallOptions },
): Promise<() => Promise<InstallPlan['releases']>> {
  if (prepared.made && !session.resumed) {
    const { releases } = prepared.made;
    return async () => releases;
  }
  checkResumption(session.run.identity, {
    kind: 'install',
    bundleId: site.bundle.bundleId,
    clusterUid: site.clusterUid,
    inputs: prepared.given,
  });
  return async () =>
    (await prepare(site, { ...options, mode: 'dry-run', unfinished: 'give-up', checks: 'few' })).made
      ?.releases ?? [];
}

/** What earlier processes of a run did, by its journal. */
function pastOf({ run: { plan }, journal: { records } }: Session): Past {
  const states = stepStates(plan, records);
  const touched = states.filter(({ id, state }) => state === 'committed' || hasOpenIntent(id, records));
  return {
    begunElsewhere: records.some((record) => record.phase === 'adopted'),
    harmBegun: touched.some(({ id }) => isBehindBackup(plan, id)),
  };
}

interface Past {
  readonly begunElsewhere: boolean;
  readonly harmBegun: boolean;
}

/** Nothing has to change: health and images are looked at, nothing is written. */
async function checkOnly(made: InstallPlan, work: Work, options: InstallOptions): Promise<void> {
  const executorOf = executorsFor(work);
  for (const step of made.plan.steps) {
    const context = {
      signal: options.signal,
      emit: options.emit,
      runId: '',
      runFolder: '',
      fence: 0,
      guard: async () => {},
      saved: { put: neverSaved, get: async () => undefined, list: async () => [] },
    };
    const executor = executorOf(step);
    const { id, title } = step;
    const seen = await executor.observe(context);
    if (seen.state !== 'done') await executor.perform(context);
    const detail = seen.detail === undefined ? {} : { detail: seen.detail };
    options.emit({ type: 'step', id, title, phase: 'already-done', ...detail });
  }
}

async function neverSaved(): Promise<never> {
  throw new AirgapError('INTERNAL', 'a check saves nothing');
}

function workOf(
  site: Site,
  by: Past & { readonly results: Results; readonly options: InstallOptions },
): Work {
  const { options, results, begunElsewhere, harmBegun } = by;
  const { registry } = site;
  const { concurrency } = options.registry;
  return {
    bundle: site.bundle,
    client: site.client,
    helm: site.helm,
    crds: site.crds,
    ...(registry === undefined
      ? {}
      : {
          registry: {
            client: registry.client,
            text: registry.address.text,
            credentials: registry.credentials,
          },
        }),
    ...(options.backup === undefined
      ? {}
      : {
          backup: {
            stage: options.backup.stage,
            client: site.client,
            clusterUid: site.clusterUid,
            place: options.place,
            harmBegun,
          },
          countRows: countingOf(site, options.backup),
        }),
    limits: {
      health: options.healthTimeout ?? HEALTH_MS,
      helm: options.helmTimeout ?? HELM_MS,
      ...(concurrency === undefined ? {} : { concurrency }),
    },
    acknowledged: options.acknowledged ?? [],
    begunElsewhere,
    now: options.clock.now,
    results,
  };
}

function countingOf({ client }: Site, { stage }: NonNullable<InstallOptions['backup']>) {
  return (signal: AbortSignal) => stage.count(client, signal);
}

function viewOf(site: Site, prepared: Prepared): PlanView {
  const { program } = site.helm;
  return {
    ...payloadView(site.bundle),
    cluster: prepared.cluster,
    ...(site.registry === undefined ? {} : { registry: site.registry.address.text }),
    helm: `${program.version.text} (${program.path})`,
    plan: prepared.plan,
    ...(prepared.made === undefined ? {} : { made: prepared.made }),
    ...(prepared.resumes === undefined ? {} : { resumes: prepared.resumes }),
    done: prepared.done,
    estimate: prepared.estimate,
    findings: prepared.findings,
  };
}

function reportingOf(
  { saved }: Session,
  view: PlanView,
  { results, options }: { readonly results: Results; readonly options: InstallOptions },
): Reporting<InstallFacts> {
  const { writeReport, emit } = options;
  return {
    ...(writeReport === undefined ? {} : { write: writeReport }),
    facts: () => installFacts(saved, view, results),
    next: afterInstall,
    emit,
  };
}

function reportOf(results: Results) {
  const { backup, push, crds, proof, database, health, revisions } = results;
  return {
    ...(backup === undefined ? {} : { backup }),
    ...(push === undefined ? {} : { push }),
    ...(crds === undefined ? {} : { crds }),
    ...(proof === undefined ? {} : { proof }),
    ...(database === undefined ? {} : { database }),
    health: [...health.values()],
    revisions: Object.fromEntries(revisions),
  };
}
