import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { isAirgapError } from '../errors.js';
import { hostLockHolder } from './host-lock.js';
import type { RunIdentity } from './identity.js';
import { locksFolder, REPORT_PAGE } from './paths.js';
import { type StepProgress, stepStates } from './progress.js';
import type { JournalRecord } from './record.js';
import { listRunFolders, readRun, type StoredRun } from './store.js';
import { adviceFor, type RunState, rerunVerdict, skewOf, type Verdict, walkAwayVerdict } from './verdict.js';

export type { RunState, Verdict } from './verdict.js';

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
  /** Parts of the product that are of different versions now. */
  readonly skew?: string;
  /** One thing to do. */
  readonly advice: string;
  /** The newest rollback of this run. */
  readonly rollback?: { readonly runId: string; readonly state: RunState };
  /** The page that tells what the run did, when it was written. */
  readonly report?: string;
}

/** Statuses of all runs known to this host, newest first; of one cluster when its UID is given. */
export async function readStatuses(root: string, clusterUid?: string): Promise<RunStatus[]> {
  const folders = await listRunFolders(root, clusterUid);
  const statuses = await Promise.all(folders.reverse().map((folder) => readStatus(root, folder)));
  return statuses.map((status) => withRollback(status, statuses));
}

/** The status of the run in a folder; never throws over a damaged one. */
export async function readStatus(root: string, folder: string): Promise<RunStatus> {
  const page = join(folder, REPORT_PAGE);
  const written = await access(page).then(
    () => true,
    () => false,
  );
  const report = written ? { report: page } : {};
  try {
    const run = await readRun(folder);
    const holder = await hostLockHolder(locksFolder(root, run.identity.clusterUid));
    return { ...statusOf(run, run.records, { running: holder?.runId === run.identity.runId }), ...report };
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
      advice: 'keep the folder, look at the cluster, then run the same command with --new-run',
      ...report,
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
  const over = state === 'finished' || state === 'given-up';
  const next = over ? undefined : steps.find((step) => step.state !== 'committed');
  const detail = typeof last?.data['detail'] === 'string' ? last.data['detail'] : undefined;
  const skew = skewOf(run.plan, steps);
  const judged = { run, records, state, steps };
  return {
    folder: run.folder,
    runId: run.identity.runId,
    identity: run.identity,
    state,
    steps,
    ...(last === undefined ? {} : { last: last.t }),
    ...(next === undefined ? {} : { next }),
    ...(detail === undefined ? {} : { detail }),
    ...(skew === undefined ? {} : { skew }),
    safeToWalkAway: walkAwayVerdict(judged),
    safeToRerun: rerunVerdict(state),
    advice: adviceFor(judged),
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

/** What a later rollback says about the run that it undoes. */
function withRollback(status: RunStatus, all: readonly RunStatus[]): RunStatus {
  const rollback = all.find(
    ({ identity }) => identity?.kind === 'rollback' && identity.origin === status.runId,
  );
  if (rollback === undefined || status.state === 'running') return status;
  const { runId, state } = rollback;
  const base = { ...status, rollback: { runId, state } };
  if (state !== 'finished') return { ...base, advice: `see to its rollback first: run ${runId}` };
  return {
    ...base,
    safeToWalkAway: { answer: true, why: `it was rolled back by run ${runId}` },
    advice: 'nothing; the version before it runs again',
  };
}
