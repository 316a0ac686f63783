import { join } from 'node:path';
import { AirgapError } from '../../errors.js';
import type { RunIdentity } from '../../run/identity.js';
import { parseMirror } from '../../run/mirror.js';
import { runsFolder } from '../../run/paths.js';
import { stepStates } from '../../run/progress.js';
import { openSavedStore } from '../../run/saved.js';
import type { ClusterSide } from '../../run/session.js';
import { isOver, listRunFolders, readRun } from '../../run/store.js';
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
type Known = Omit<Origin, 'saved'>;

/** Kinds of steps that change the product, its definitions or its volumes. */
const CHANGING: ReadonlySet<string> = new Set([
  ...['helm', 'prerequisite', 'helm-uninstall', 'crds', 'retain-volumes', 'keep-claims'],
  ...['delete-objects', 'delete-owned', 'delete-leftovers'],
  ...['restore-secrets', 'restore-ingress', 'restore-routes', 'restore-runaiconfig', 'restore-subjects'],
]);

/**
 * The run to take back: the one that was named, else the last install or upgrade that changed the product and was
 * not taken back. Other hosts' runs count as far as the copy in the cluster tells of them.
 * @throws AirgapError USAGE, DECISION_NEEDED, JOURNAL_DAMAGED
 */
export async function findOrigin(choice: OriginChoice): Promise<Origin> {
  const { root, clusterUid, run: wanted } = choice;
  const folders = await listRunFolders(root, clusterUid);
  const here = (await Promise.all(folders.map((folder) => readRun(folder)))).map(knownHere);
  const runs = withMirrored(here, await readMirrored(choice)).sort(newestFirst);
  const undone = new Set(
    runs.flatMap(({ identity, finished }) =>
      identity.kind === 'rollback' && finished ? [identity.origin] : [],
    ),
  );
  const counts = ({ identity, plan, touched }: Known): boolean =>
    identity.kind !== 'rollback' && !undone.has(identity.runId) && changed(plan, touched);
  const found =
    wanted === undefined
      ? runs.find((run) => counts(run) && run.identity.kind === 'install')
      : runs.find(({ identity }) => identity.runId.startsWith(wanted));
  if (found === undefined) throw nothingToUndo(wanted);
  const { runId, kind } = found.identity;
  if (kind !== 'install')
    throw new AirgapError('USAGE', `run ${runId} is a ${kind}, no install`, {
      hint: 'list the runs with airgap status --all',
    });
  if (undone.has(runId))
    throw new AirgapError('DECISION_NEEDED', `run ${runId} was rolled back already`, {
      hint: 'nothing has to be done; see airgap status --all',
    });
  const later = runs.slice(0, runs.indexOf(found)).find(counts);
  if (later) throw cameAfter(found, later);
  return { ...found, saved: savedOf(runId, choice) };
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

function knownHere(run: Read): Known {
  const { identity, plan, records } = run;
  const finished = records.at(-1)?.phase === 'finished';
  return { identity, plan, touched: touchedBy(run), finished, open: !isOver(records) };
}

/** Steps with an intent, and those that another host committed. */
function touchedBy({ plan, records }: Read): Set<string> {
  const began = new Set(records.filter(({ phase }) => phase === 'intent').map(({ step }) => step));
  const own = new Set(records.map(({ step }) => step));
  for (const { id, state } of stepStates(plan, records))
    if (state === 'committed' && !own.has(id)) began.add(id);
  return began;
}

async function readMirrored({ side, clusterUid }: OriginChoice): Promise<Known | undefined> {
  const data = await side.mirror.read();
  const mirrored = data === undefined ? undefined : parseMirror(data);
  if (mirrored?.identity.clusterUid !== clusterUid) return undefined;
  const { identity, plan, phase, touched } = mirrored;
  const finished = phase === 'finished';
  return { identity, plan, touched: new Set(touched), finished, open: !finished && phase !== 'given-up' };
}

/** Another host may have gone on with a run of this one, or begun its own. */
function withMirrored(here: readonly Known[], mirrored: Known | undefined): Known[] {
  if (mirrored === undefined) return [...here];
  const { runId } = mirrored.identity;
  const same = here.find(({ identity }) => identity.runId === runId);
  if (same === undefined) return [...here, mirrored];
  const both: Known = {
    ...same,
    touched: new Set([...same.touched, ...mirrored.touched]),
    finished: same.finished || mirrored.finished,
    open: same.open && mirrored.open,
  };
  return here.map((run) => (run === same ? both : run));
}

function newestFirst(a: Known, b: Known): number {
  return a.identity.runId < b.identity.runId ? 1 : -1;
}

function nothingToUndo(wanted: string | undefined): AirgapError {
  return new AirgapError('USAGE', 'there is no run to take back on this cluster', {
    expected: wanted === undefined ? 'an install that changed something' : `run ${wanted}`,
    found: 'none, neither on this host nor in the cluster',
    hint: 'list the runs of this host with airgap status --all',
  });
}

function cameAfter(found: Known, later: Known): AirgapError {
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
