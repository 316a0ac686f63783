import { isAirgapError } from '../errors.js';
import { hostLockHolder } from './host-lock.js';
import type { RunIdentity } from './identity.js';
import { locksFolder } from './paths.js';
import { hasOpenIntent, type StepProgress, stepStates } from './progress.js';
import type { JournalRecord } from './record.js';
import { listRunFolders, readRun, type StoredRun } from './store.js';

export type RunState =
  | 'running'
  | 'finished'
  | 'interrupted'
  | 'failed'
  | 'needs-operator'
  | 'given-up'
  | 'damaged';

export interface Verdict {
  readonly answer: boolean;
  readonly why: string;
}

/** What the record of a run tells without the cluster (threats.md, G10). */
export interface RunStatus {
  readonly folder: string;
  readonly runId: string;
  readonly state: RunState;
  /** Absent when the folder is damaged. */
  readonly identity?: RunIdentity;
  /** ISO time of the last record. */
  readonly last?: string;
  readonly steps: readonly StepProgress[];
  /** The first step that is not committed. */
  readonly next?: StepProgress;
  /** Whether the site can be left as it is. */
  readonly safeToWalkAway: Verdict;
  readonly safeToRerun: Verdict;
  /** Why it stopped, where it did. */
  readonly detail?: string;
}

/** Statuses of all runs known to this host, newest first; of one cluster when its UID is given. */
export async function readStatuses(root: string, clusterUid?: string): Promise<RunStatus[]> {
  const folders = await listRunFolders(root, clusterUid);
  return Promise.all(folders.reverse().map((folder) => readStatus(root, folder)));
}

/** The status of the run in a folder; never throws over a damaged one. */
export async function readStatus(root: string, folder: string): Promise<RunStatus> {
  try {
    const run = await readRun(folder);
    const holder = await hostLockHolder(locksFolder(root, run.identity.clusterUid));
    return statusOf(run, run.records, { running: holder?.runId === run.identity.runId });
  } catch (error) {
    if (!isAirgapError(error, 'JOURNAL_DAMAGED')) throw error;
    const no = { answer: false, why: `the record is damaged: ${error.message}` };
    const runId = folder.slice(folder.lastIndexOf('/') + 1);
    return {
      folder,
      runId,
      state: 'damaged',
      steps: [],
      safeToWalkAway: no,
      safeToRerun: no,
      detail: error.message,
    };
  }
}

/** The status by the records alone. */
export function statusOf(
  run: StoredRun,
  records: readonly JournalRecord[],
  facts: { readonly running: boolean },
): RunStatus {
  const steps = stepStates(run.plan, records);
  const last = records.at(-1);
  const state = facts.running ? 'running' : stateOf(last);
  const next = state === 'finished' ? undefined : steps.find((step) => step.state !== 'committed');
  const detail = typeof last?.data['detail'] === 'string' ? last.data['detail'] : undefined;
  return {
    folder: run.folder,
    runId: run.identity.runId,
    identity: run.identity,
    state,
    steps,
    ...(last === undefined ? {} : { last: last.t }),
    ...(next === undefined ? {} : { next }),
    ...(detail === undefined ? {} : { detail }),
    safeToWalkAway: walkAway(run, records, { state, steps }),
    safeToRerun: rerun(state),
  };
}

/** A run whose process is gone without a last word was killed: interrupted. */
function stateOf(last: JournalRecord | undefined): RunState {
  switch (last?.phase) {
    case 'finished':
    case 'given-up':
    case 'failed':
    case 'needs-operator':
      return last.phase;
    default:
      return 'interrupted';
  }
}

function walkAway(
  run: StoredRun,
  records: readonly JournalRecord[],
  now: { readonly state: RunState; readonly steps: readonly StepProgress[] },
): Verdict {
  if (now.state === 'running')
    return { answer: true, why: 'it goes on by itself; a closed terminal does not stop it' };
  if (now.state === 'finished') return { answer: true, why: 'all steps are done' };
  const open = run.plan.steps.find((step) => hasOpenIntent(step.id, records));
  const outage = openOutage(run, records);
  if (outage) return { answer: false, why: `the product is down since step ${outage}; go on soon` };
  if (open) return { answer: false, why: `step ${open.id} may be half done; go on soon` };
  return { answer: true, why: 'it stopped between two steps, and the product was not taken down' };
}

function openOutage(run: StoredRun, records: readonly JournalRecord[]): string | undefined {
  const states = new Map(stepStates(run.plan, records).map((step) => [step.id, step.state]));
  let since: string | undefined;
  for (const step of run.plan.steps) {
    const touched = states.get(step.id) === 'committed' || hasOpenIntent(step.id, records);
    if (step.outage === 'starts' && touched) since ??= step.id;
    if (step.outage === 'ends' && states.get(step.id) === 'committed') since = undefined;
  }
  return since;
}

function rerun(state: RunState): Verdict {
  switch (state) {
    case 'running':
      return { answer: false, why: 'it is running; a second one would be refused' };
    case 'finished':
      return { answer: true, why: 'it would observe and change nothing that is as it should be' };
    case 'given-up':
      return { answer: true, why: 'a new run would begin' };
    case 'needs-operator':
      return {
        answer: true,
        why: 'it observes first, and stops at the same place until the cause is mended',
      };
    default:
      return { answer: true, why: 'it observes first and goes on where this one stopped' };
  }
}
