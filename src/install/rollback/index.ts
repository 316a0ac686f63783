import { AirgapError } from '../../errors.js';
import { type Connection, connect } from '../../kube/client.js';
import { digestOf } from '../../run/canonical.js';
import { createClusterSide } from '../../run/cluster.js';
import { checkResumption } from '../../run/identity.js';
import { withReport } from '../../run/reporting.js';
import { openSession, type Session } from '../../run/session.js';
import { demandNoFailure } from '../findings.js';
import { readCluster } from '../observe.js';
import { openHelm } from '../open-helm.js';
import type { Results } from '../steps/types.js';
import { peekUnfinished, type Unfinished } from '../unfinished.js';
import { rollbackExecutors } from './executors.js';
import { judgeRollback } from './findings.js';
import { observeRollback } from './observe.js';
import { findOrigin, savedOf } from './origin.js';
import { makeRollbackPlan } from './plan.js';
import { afterRollback, keepFound, rollbackFacts } from './report.js';
import type { RollbackOptions, RollbackOutcome, RollbackView } from './types.js';

const HEALTH_MS = 15 * 60_000;
const HELM_MS = 10 * 60_000;

/**
 * Takes the last install or upgrade back: observe, plan, approve, execute. A run of its own that points to the one
 * it undoes; interrupted, the same command goes on.
 * @throws AirgapError USAGE, DECISION_NEEDED, PREFLIGHT_FAILED and those of cluster and helm
 */
export async function rollback(options: RollbackOptions): Promise<RollbackOutcome> {
  const started = options.clock.monotonic();
  const { env, emit, signal, stateRoot } = options;
  const client = await connect({ ...options.cluster, env, emit });
  try {
    const clusterUid = await client.clusterUid({ signal });
    const helm = await openHelm({ client, cluster: options.cluster, around: options });
    const side = createClusterSide(client, emit);
    const unfinished = await peekUnfinished(stateRoot, clusterUid, side);
    const place = { client, clusterUid, helm, unfinished };
    const view = await viewOf(place, options);
    const results: Results = { health: new Map(), revisions: new Map() };
    const outcome = (more: Partial<RollbackOutcome>): RollbackOutcome => ({
      outcome: 'planned',
      view,
      steps: [],
      health: [...results.health.values()],
      revisions: Object.fromEntries(results.revisions),
      duration: Math.round(options.clock.monotonic() - started),
      ...more,
    });
    if (!view.changes) return outcome({ outcome: 'nothing' });
    if (options.mode === 'dry-run') return outcome({});
    demandNoFailure(view.findings);
    await options.approve(view);
    const session = await openRun(place, view, options);
    try {
      const { plan, identity, folder } = session.run;
      const runId = identity.origin ?? view.origin.runId;
      const executors = rollbackExecutors({
        ...{ client, helm, results, plan },
        origin: { runId, saved: savedOf(runId, { root: stateRoot, clusterUid, side }) },
        limits: { health: options.healthTimeout ?? HEALTH_MS, helm: options.helmTimeout ?? HELM_MS },
      });
      const { writeReport, onBoundary } = options;
      const { saved } = session;
      const reporting = {
        ...(writeReport === undefined ? {} : { write: writeReport }),
        facts: () => rollbackFacts(saved, view, results),
        next: afterRollback,
        emit,
      };
      const { result, page } = await withReport(session, reporting, async () => {
        await keepFound(saved, view);
        return session.execute(executors, onBoundary === undefined ? {} : { onBoundary });
      });
      return outcome({
        outcome: 'rolled-back',
        runId: identity.runId,
        runFolder: folder,
        ...(page === undefined ? {} : { report: page }),
        steps: result.steps,
        health: [...results.health.values()],
        revisions: Object.fromEntries(results.revisions),
      });
    } finally {
      await session.close();
    }
  } finally {
    client.close();
  }
}

interface Place {
  readonly client: Connection;
  readonly clusterUid: string;
  readonly helm: Awaited<ReturnType<typeof openHelm>>;
  readonly unfinished: Unfinished | undefined;
}

async function viewOf(place: Place, options: RollbackOptions): Promise<RollbackView> {
  const { unfinished } = place;
  const goesOn = unfinished?.identity.kind === 'rollback' && options.unfinished !== 'give-up';
  return goesOn ? resumedView(place, unfinished, options) : newView(place, options);
}

async function resumedView(
  { client, helm }: Place,
  { identity, plan }: Unfinished,
  options: RollbackOptions,
): Promise<RollbackView> {
  const asked = { kind: 'rollback', bundleId: identity.bundleId, clusterUid: identity.clusterUid } as const;
  checkResumption(identity, { ...asked, inputs: givenInputs(options, identity.inputs['run']) });
  const cluster = await readCluster(client, { signal: options.signal });
  const { program } = helm;
  return {
    origin: { runId: identity.origin ?? '', finished: true },
    cluster,
    helm: `${program.version.text} (${program.path})`,
    plan,
    holds: [],
    stays: [],
    changes: true,
    resumes: identity.runId,
    findings: [],
  };
}

async function newView(
  { client, clusterUid, helm, unfinished }: Place,
  options: RollbackOptions,
): Promise<RollbackView> {
  const { emit, signal, stateRoot: root } = options;
  const { kind, runId: open, title: what } = unfinished?.identity ?? {};
  // Giving up a restore or a backup would leave the product stopped.
  if (kind !== undefined && kind !== 'install' && options.unfinished !== 'give-up') {
    throw new AirgapError('RUN_MISMATCH', `${kind} ${open} is not finished`, {
      expected: 'an install or a rollback, or no unfinished run',
      found: what ?? '',
      hint: 'finish it first: airgap status shows the command',
    });
  }
  emit({ type: 'stage-started', stage: 'observe', title: `${client.context} at ${client.server}` });
  const side = createClusterSide(client, emit);
  const run = options.run === undefined ? {} : { run: options.run };
  const origin = await findOrigin({ root, clusterUid, side, ...run });
  const site = await observeRollback(client, origin, signal);
  const made = makeRollbackPlan({ origin, site, controlPlane: options.controlPlane });
  const findings = judgeRollback(origin, site, options);
  const failed = findings.filter(({ outcome }) => outcome === 'fail').length;
  const summary =
    failed === 0 ? `${findings.length} checks` : `${failed} of ${findings.length} checks failed`;
  emit({ type: 'stage-ended', stage: 'observe', outcome: failed === 0 ? 'ok' : 'failed', summary });
  const { runId, title, createdAt } = origin.identity;
  const { program } = helm;
  return {
    origin: { runId, title, createdAt, finished: !origin.open },
    cluster: site.cluster,
    helm: `${program.version.text} (${program.path})`,
    ...made,
    findings,
  };
}

/** What the operator said, by name. */
function givenInputs(
  { run, migration, controlPlane }: RollbackOptions,
  known?: string,
): Record<string, string> {
  const named = run !== undefined && known?.startsWith(run) ? known : run;
  return {
    ...(named === undefined ? {} : { run: named }),
    ...(migration === 'accept' ? { 'accept-database-migration': 'true' } : {}),
    ...(controlPlane === 'keep' ? { 'keep-control-plane': 'true' } : {}),
  };
}

async function openRun(place: Place, view: RollbackView, options: RollbackOptions): Promise<Session> {
  const { client, clusterUid } = place;
  const { takeover, resumeCommand, emit } = options;
  const origin = view.origin.runId;
  return openSession({
    root: options.stateRoot,
    kind: 'rollback',
    bundleId: view.plan.bundleId,
    clusterUid,
    inputs: { ...givenInputs(options), ...(view.resumes === undefined ? { run: origin } : {}) },
    toolVersion: options.toolVersion,
    clock: options.clock,
    random: options.random,
    place: options.place,
    signal: options.signal,
    emit,
    cluster: createClusterSide(client, emit),
    origin,
    ...(takeover === undefined ? {} : { takeover }),
    ...(resumeCommand === undefined ? {} : { command: resumeCommand }),
    // The run that is taken back ends by this; a rollback that goes on does not.
    unfinished: view.resumes === undefined ? 'give-up' : 'resume',
    plan: async () => {
      const now = await newView({ ...place, unfinished: undefined }, { ...options, run: origin });
      if (digestOf(now.plan) === digestOf(view.plan)) return view.plan;
      throw new AirgapError('DECISION_NEEDED', 'the site changed since the plan was made', {
        expected: `plan sha256:${digestOf(view.plan)}`,
        found: `plan sha256:${digestOf(now.plan)}`,
        hint: 'run the same command again and look at the new plan',
      });
    },
  });
}
