import { join } from 'node:path';
import { AirgapError } from '../../errors.js';
import type { RunIdentity } from '../../run/identity.js';
import { parseMirror } from '../../run/mirror.js';
import { runsFolder } from '../../run/paths.js';
import { stepStates } from '../../run/progress.js';
import { openSavedStore } from '../../run/saved.js';
import type { ClusterSide } from '../../run/session.js';
import { isOver, listRunFolders, readRun, type StoredRun } from '../../run/store.js';
import type { Plan, PlanStep, SavedStore } from '../../run/types.js';
import { inputOf } from '../plan.js';

/** A run that can be taken back. */
export interface Origin {
  readonly identity: RunIdentity;
  readonly plan: Plan;
  /** Steps whose effect may show at the site. */
  readonly touched: ReadonlySet<string>;
  readonly finished: boolean;
  /** True when it neither finished nor was given up. */
  readonly open: boolean;
  /** What it saved; for reading only. */
  readonly saved: Pick<SavedStore, 'get'>;
}

export interface OriginChoice {
  readonly root: string;
  readonly clusterUid: string;
  readonly side: ClusterSide;
  /** Id or its beginning. */
  readonly run?: string;
}

type Read = Awaited<ReturnType<typeof readRun>>;

/** Kinds of steps that change the product, its definitions or its volumes. */
const CHANGING: ReadonlySet<string> = new Set([
  ...['helm', 'prerequisite', 'helm-uninstall', 'crds', 'retain-volumes', 'keep-claims'],
  ...['delete-objects', 'delete-owned', 'delete-leftovers'],
  ...['restore-secrets', 'restore-ingress', 'restore-routes', 'restore-runaiconfig', 'restore-subjects'],
]);

/**
 * The run to take back: the one that was named, else the last install or upgrade that changed the product and was
 * not taken back. Runs of this host first; without any, the one whose copy is in the cluster.
 * @throws AirgapError USAGE, DECISION_NEEDED, JOURNAL_DAMAGED
 */
export async function findOrigin(choice: OriginChoice): Promise<Origin> {
  const { root, clusterUid, run: wanted } = choice;
  const folders = await listRunFolders(root, clusterUid);
  const runs = await Promise.all(folders.reverse().map((folder) => readRun(folder)));
  const undone = new Set(
    runs
      .filter(({ identity, records }) => identity.kind === 'rollback' && records.at(-1)?.phase === 'finished')
      .map(({ identity }) => identity.origin),
  );
  const counts = (run: Read): boolean =>
    run.identity.kind !== 'rollback' && !undone.has(run.identity.runId) && changed(run.plan, touchedBy(run));
  const found =
    wanted === undefined
      ? runs.find((run) => counts(run) && run.identity.kind === 'install')
      : runs.find(({ identity }) => identity.runId.startsWith(wanted));
  if (found === undefined) return fromCluster(choice);
  if (found.identity.kind !== 'install')
    throw new AirgapError('USAGE', `run ${found.identity.runId} is a ${found.identity.kind}, no install`, {
      hint: 'list the runs with airgap status --all',
    });
  if (undone.has(found.identity.runId))
    throw new AirgapError('DECISION_NEEDED', `run ${found.identity.runId} was rolled back already`, {
      hint: 'nothing has to be done; see airgap status --all',
    });
  const later = runs.slice(0, runs.indexOf(found)).find(counts);
  if (later) throw cameAfter(found, later);
  return originOf(found, choice);
}

/** What a run saved, by its id: of this host, else the cluster's copy. */
export function savedOf(
  runId: string,
  { root, clusterUid, side }: Omit<OriginChoice, 'run'>,
): Pick<SavedStore, 'get'> {
  return openSavedStore(join(runsFolder(root, clusterUid), runId), side.saved?.(runId));
}

/** True when the run did something to the product, its definitions or its volumes. */
export function changed(plan: Plan, touched: ReadonlySet<string>): boolean {
  return plan.steps.some((step) => touched.has(step.id) && CHANGING.has(kindOf(step)));
}

/** The kind of a step's action; empty for steps of other planners. */
export function kindOf(step: PlanStep): string {
  return (inputOf(step) as { action?: { kind?: string } } | undefined)?.action?.kind ?? '';
}

function originOf(run: Read, choice: OriginChoice): Origin {
  const { identity, plan, records } = run;
  return {
    identity,
    plan,
    touched: touchedBy(run),
    finished: records.at(-1)?.phase === 'finished',
    open: !isOver(records),
    saved: savedOf(identity.runId, choice),
  };
}

/** Steps with an intent, and those that another host committed. */
function touchedBy({ plan, records }: Read): Set<string> {
  const began = new Set(records.filter(({ phase }) => phase === 'intent').map(({ step }) => step));
  const own = new Set(records.map(({ step }) => step));
  for (const { id, state } of stepStates(plan, records))
    if (state === 'committed' && !own.has(id)) began.add(id);
  return began;
}

async function fromCluster(choice: OriginChoice): Promise<Origin> {
  const { side, clusterUid, run: wanted } = choice;
  const data = await side.mirror.read();
  const mirrored = data === undefined ? undefined : parseMirror(data);
  const fits =
    mirrored?.identity.clusterUid === clusterUid &&
    mirrored.identity.kind === 'install' &&
    (wanted === undefined || mirrored.identity.runId.startsWith(wanted));
  if (!mirrored || !fits || !changed(mirrored.plan, new Set(mirrored.touched))) {
    throw new AirgapError('USAGE', 'there is no run to take back on this cluster', {
      expected: wanted === undefined ? 'an install that changed something' : `run ${wanted}`,
      found: 'none, neither on this host nor in the cluster',
      hint: 'list the runs of this host with airgap status --all',
    });
  }
  const { identity, plan, phase, touched } = mirrored;
  return {
    identity,
    plan,
    touched: new Set(touched),
    finished: phase === 'finished',
    open: phase !== 'finished' && phase !== 'given-up',
    saved: savedOf(identity.runId, choice),
  };
}

function cameAfter(found: StoredRun, later: StoredRun): AirgapError {
  const { identity } = later;
  return new AirgapError('DECISION_NEEDED', `run ${found.identity.runId} is not the last one`, {
    expected: 'the last run that changed the product',
    found: `${identity.kind} ${identity.runId} (${identity.title}) came after it`,
    hint:
      identity.kind === 'install'
        ? `take that one back first: airgap rollback --run ${identity.runId} --dry-run`
        : 'what a restore brought is not taken back: restore another backup instead',
  });
}
