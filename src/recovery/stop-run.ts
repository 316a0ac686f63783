import { AirgapError, isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { Connection } from '../kube/client.js';
import { createClusterSide } from '../run/cluster.js';
import type { Clock } from '../run/lease.js';
import { parseMirror } from '../run/mirror.js';
import { openSession, type Session } from '../run/session.js';
import { findUnfinished } from '../run/store.js';
import type { ExecutorOf, Plan, StepExecutor } from '../run/types.js';
import { COPY, NO_BUNDLE, RESUME, stopPlan } from './stop-plan.js';
import { givenUp, type Stopped, startStep, stopStep } from './stop-steps.js';

export interface StopOptions {
  readonly client: Connection;
  readonly clusterUid: string;
  readonly stateRoot: string;
  readonly place: string;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  readonly toolVersion: string;
  /** The run of another host that the operator says is gone. */
  readonly takeover?: string;
  readonly emit: Emit;
}

/**
 * Runs work while workloads are stopped. Their numbers of replicas are written down first and brought back whatever
 * happens: when the work fails or is interrupted at once, after a kill by startAgain.
 * @returns what the work gave, and why a workload is not back as it was
 * @throws AirgapError LOCKED, RUN_MISMATCH and whatever the work throws
 */
export async function whileStopped<T>(
  options: StopOptions,
  stopped: readonly Stopped[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly problem?: AirgapError }> {
  const session = await open(options, stopPlan(options.clusterUid, stopped));
  const attempt: { value?: { readonly result: T }; failure?: { readonly error: unknown } } = {};
  const copy: StepExecutor = {
    // Its failure is kept for later: the steps behind it must run.
    observe: async () => ({ state: attempt.value || attempt.failure ? 'done' : 'ready' }),
    perform: async () => {
      await work().then(
        (result) => {
          attempt.value = { result };
        },
        (error: unknown) => {
          attempt.failure = { error };
        },
      );
    },
  };
  try {
    if (session.resumed)
      throw new AirgapError('LOCKED', 'another backup was interrupted just now', { hint: RESUME });
    const problem = await execute(session, options, {
      copy,
      wasReached: () => attempt.value !== undefined || attempt.failure !== undefined,
    });
    if (attempt.value) return { ...attempt.value, ...(problem ? { problem } : {}) };
    throw attempt.failure?.error ?? problem;
  } finally {
    await session.close();
  }
}

/**
 * Brings back what a backup that was killed had stopped; undefined when there is no such backup.
 * @throws AirgapError LOCKED, NOT_HEALTHY
 */
export async function startAgain(options: StopOptions): Promise<{ readonly runId: string } | undefined> {
  if (!(await findStopped(options))) return undefined;
  const session = await open(options, undefined);
  try {
    const { runId } = session.run.identity;
    options.emit({
      type: 'note',
      level: 'warn',
      text: `backup ${runId} was interrupted while something was stopped for it: starting that again`,
    });
    await session.execute(executors(options, givenUp, givenUp));
    return { runId };
  } finally {
    await session.close();
  }
}

interface Copying {
  readonly copy: StepExecutor;
  readonly wasReached: () => boolean;
}

/** When stopping fails the copy is given up and the last steps are done all the same. */
async function execute(
  session: Session,
  options: StopOptions,
  { copy, wasReached }: Copying,
): Promise<AirgapError | undefined> {
  const run = (executorOf: ExecutorOf): Promise<AirgapError | undefined> =>
    session.execute(executorOf).then(
      () => undefined,
      (error: unknown) =>
        isAirgapError(error) ? error : new AirgapError('INTERNAL', String(error), { cause: error }),
    );
  const first = await run(executors(options, copy));
  if (first === undefined || wasReached()) return first;
  const second = await run(executors(options, givenUp, givenUp));
  if (second) {
    const text = `what was stopped for the backup is not back: ${second.message}; ${RESUME}`;
    options.emit({ type: 'note', level: 'warn', text });
  }
  return first;
}

/** An interrupt stops the copy, never the run: its last steps start what it stopped. */
function open(options: StopOptions, plan: Plan | undefined): Promise<Session> {
  const { client, clusterUid, stateRoot, place, clock, random, toolVersion, takeover, emit } = options;
  return openSession({
    root: stateRoot,
    kind: 'backup',
    bundleId: NO_BUNDLE,
    clusterUid,
    inputs: {},
    command: RESUME,
    toolVersion,
    clock,
    random,
    place,
    signal: new AbortController().signal,
    emit,
    cluster: createClusterSide(client, emit),
    ...(takeover === undefined ? {} : { takeover }),
    plan: async () => {
      if (plan) return plan;
      throw new AirgapError('LOCKED', 'another process ended the interrupted backup meanwhile');
    },
  });
}

/** True when this host or the cluster knows of a backup that ended before it started what it had stopped. */
async function findStopped({ client, clusterUid, stateRoot, emit }: StopOptions): Promise<boolean> {
  const local = await findUnfinished(stateRoot, clusterUid).catch(() => undefined);
  if (local) return local.identity.kind === 'backup';
  const data = await createClusterSide(client, emit)
    .mirror.read()
    .catch((error: unknown) => {
      // A service account that only makes backups may not look there.
      if (isAirgapError(error, 'CLUSTER_DENIED')) return undefined;
      throw error;
    });
  const run = data === undefined ? undefined : parseMirror(data);
  if (run?.identity.clusterUid !== clusterUid || run.identity.kind !== 'backup') return false;
  return run.phase !== 'finished' && run.phase !== 'given-up';
}

function executors({ client }: StopOptions, copy: StepExecutor, stop?: StepExecutor): ExecutorOf {
  return ({ id, input }) => {
    if (id === COPY) return copy;
    const stopped = input?.['stopped'] as Stopped;
    if (id.startsWith('start:')) return startStep(client, stopped);
    return stop ?? stopStep(client, stopped);
  };
}
