import { AirgapError, EXIT, isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { Journal } from './journal.js';
import type { Lease } from './lease.js';
import { checkPlan } from './plan.js';
import { hasOpenIntent, stepStates } from './progress.js';
import type { ExecutorOf, Plan, PlanStep, SavedStore, StepContext, StepExecutor } from './types.js';

/** Points between which a process can die; tests die at each of them. */
export type Boundary = 'before-save' | 'before-intent' | 'intent' | 'effect' | 'committed';

export interface ExecuteOptions {
  readonly journal: Journal;
  readonly saved: SavedStore;
  readonly runFolder: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** The hold on the cluster; without one nothing but the host lock guards the run. */
  readonly lease?: Pick<Lease, 'fence' | 'guard'>;
  /** Called after each step, and within those that save, with the journal as it is; a failure is announced, not fatal. */
  readonly mirror?: (journal: Journal) => Promise<void>;
  /** What to type to go on, for messages. */
  readonly resumeCommand?: string;
  /** Milliseconds of a clock that never jumps; without one no durations are recorded. */
  readonly monotonic?: () => number;
  /** For tests only. */
  readonly onBoundary?: (step: string, boundary: Boundary) => void;
}

/** How a step came to hold: by this process, by itself or somebody else, or by an earlier process of this run. */
export type StepOutcome = 'done' | 'already-done' | 'earlier';

export interface RunResult {
  readonly steps: readonly { readonly id: string; readonly outcome: StepOutcome }[];
}

/**
 * Executes a plan, or goes on with it where the journal ends (threats.md, section 3, G1 to G10).
 * Each step is observed first: what holds already is committed without being done.
 * @throws AirgapError INTERRUPTED, DECISION_NEEDED, STEP_UNPROVEN, LOCK_LOST, or what an executor throws
 */
export async function execute(
  plan: Plan,
  executorOf: ExecutorOf,
  options: ExecuteOptions,
): Promise<RunResult> {
  checkPlan(plan);
  const { journal } = options;
  journal.fence = options.lease?.fence ?? journal.fence;
  const context = contextOf(options);
  const before = new Map(stepStates(plan, journal.records).map((step) => [step.id, step.state]));
  const steps: { id: string; outcome: StepOutcome }[] = [];
  // Another host must not take the run before this one for the one to go on with.
  await mirror(options);
  for (const step of plan.steps) {
    const settled = before.get(step.id) === 'committed';
    if (settled && step.lasting !== true) {
      steps.push({ id: step.id, outcome: 'earlier' });
      continue;
    }
    await stopHere(step, options);
    const run: StepRun = { step, executor: executorOf(step), context, options, settled };
    steps.push({ id: step.id, outcome: await runStep(run) });
  }
  await journal.append({ step: '', phase: 'finished' });
  await mirror(options);
  return { steps };
}

interface StepRun {
  readonly step: PlanStep;
  readonly executor: StepExecutor;
  readonly context: StepContext;
  readonly options: ExecuteOptions;
  /** Committed by an earlier process, and looked at again because it must last. */
  readonly settled: boolean;
  /** When work on it began, by ExecuteOptions.monotonic. */
  began?: number | undefined;
}

async function runStep(run: StepRun): Promise<StepOutcome> {
  const { step, options } = run;
  try {
    const outcome = await advance(run);
    await mirror(options);
    return outcome;
  } catch (error) {
    await recordFailure(run, error);
    await mirror(options);
    if (options.signal.aborted && !isAirgapError(error, 'LOCK_LOST')) throw interrupted(step, options, error);
    throw error;
  }
}

async function advance(run: StepRun): Promise<StepOutcome> {
  const { step, executor, context, options, settled } = run;
  const { journal, emit } = options;
  const { id, title } = step;
  const open = hasOpenIntent(id, journal.records);
  const first = await executor.observe(context);
  if (first.state === 'done') {
    if (!settled)
      await journal.append({ step: id, phase: 'committed', data: { found: 'done', ...detailOf(first) } });
    options.onBoundary?.(id, 'committed');
    emit({ type: 'step', id, title, phase: open ? 'done' : 'already-done', ...detailOf(first) });
    return settled ? 'earlier' : open ? 'done' : 'already-done';
  }
  if (first.state === 'impossible') {
    throw new AirgapError('DECISION_NEEDED', `step ${id} can neither be done nor is it done: ${title}`, {
      expected: step.doneWhen,
      found: first.detail ?? 'neither its result nor what it starts from',
    });
  }
  emit({ type: 'step', id, title, phase: 'started', ...detailOf(first) });
  run.began = options.monotonic?.();
  await context.guard();
  if (executor.save && !open) {
    options.onBoundary?.(id, 'before-save');
    await executor.save(context);
    await journal.append({ step: id, phase: 'saved', data: { items: await context.saved.list() } });
  }
  options.onBoundary?.(id, 'before-intent');
  await journal.append({ step: id, phase: 'intent', data: { again: open } });
  stopWhenSpent(options);
  // Another host that goes on must know that what was saved is from before, and must not save again.
  if (executor.save || step.destructive) await mirror(options);
  options.onBoundary?.(id, 'intent');
  await context.guard();
  await executor.perform(context);
  options.onBoundary?.(id, 'effect');
  const after = await executor.observe(context);
  if (after.state !== 'done') {
    await journal.append({ step: id, phase: 'observed-bad', data: detailOf(after) });
    throw new AirgapError(
      'STEP_UNPROVEN',
      `step ${id} was performed, but its result does not show: ${title}`,
      {
        expected: step.doneWhen,
        found: after.detail ?? after.state,
      },
    );
  }
  await journal.append({ step: id, phase: 'committed', data: { ...detailOf(after), ...tookOf(run) } });
  options.onBoundary?.(id, 'committed');
  emit({ type: 'step', id, title, phase: 'done', ...detailOf(after) });
  return 'done';
}

/** Stop points lie between steps (G7). */
async function stopHere(step: PlanStep, options: ExecuteOptions): Promise<void> {
  stopWhenSpent(options);
  if (!options.signal.aborted) return;
  await options.journal.append({ step: '', phase: 'interrupted', data: { next: step.id } });
  await mirror(options);
  throw interrupted(step, options, options.signal.reason);
}

function stopWhenSpent({ journal, runFolder }: ExecuteOptions): void {
  if (!journal.spent) return;
  throw new AirgapError('DISK_FULL', `no room left for the record of the run in ${runFolder}`);
}

async function recordFailure(run: StepRun, error: unknown): Promise<void> {
  const { step, options } = run;
  const { journal, emit } = options;
  const took = tookOf(run);
  const { id, title } = step;
  const code = isAirgapError(error) ? error.code : 'INTERNAL';
  const text = error instanceof Error ? error.message : String(error);
  const found = isAirgapError(error) && error.found !== undefined ? `: ${error.found}` : '';
  const detail = `${code}: ${text}${found}`;
  const decision = code === 'DECISION_NEEDED';
  if (options.signal.aborted)
    await journal.append({ step: id, phase: 'interrupted', data: { detail, ...took } });
  else if (decision) await journal.append({ step: id, phase: 'needs-operator', data: { detail, ...took } });
  else
    await journal.append({ step: id, phase: 'failed', data: { kind: kindOf(error), code, detail, ...took } });
  emit({ type: 'step', id, title, phase: decision ? 'needs-operator' : 'failed', detail });
}

/** Whole milliseconds since work on the step began. */
function tookOf({ began, options }: StepRun): { readonly took?: number } {
  if (began === undefined || options.monotonic === undefined) return {};
  return { took: Math.round(options.monotonic() - began) };
}

/** Retryable: the same command can succeed when the outside heals. */
function kindOf(error: unknown): 'retryable' | 'terminal' {
  if (!isAirgapError(error)) return 'terminal';
  const healing: readonly number[] = [EXIT.registry, EXIT.cluster, EXIT.locked, EXIT.usage, EXIT.backup];
  return healing.includes(error.exitStatus) ? 'retryable' : 'terminal';
}

function interrupted(step: PlanStep, options: ExecuteOptions, cause: unknown): AirgapError {
  return new AirgapError('INTERRUPTED', `stopped before step ${step.id} was done: ${step.title}`, {
    cause,
    ...(options.resumeCommand === undefined ? {} : { hint: `go on with: ${options.resumeCommand}` }),
  });
}

async function mirror(options: ExecuteOptions): Promise<void> {
  try {
    await options.mirror?.(options.journal);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    options.emit({
      type: 'note',
      level: 'warn',
      text: `the copy of the record in the cluster is behind: ${text}`,
    });
  }
}

function contextOf(options: ExecuteOptions): StepContext {
  return {
    signal: options.signal,
    emit: options.emit,
    runId: options.journal.runId,
    runFolder: options.runFolder,
    saved: options.saved,
    fence: options.journal.fence,
    guard: options.lease?.guard ?? (async () => {}),
  };
}

function detailOf(observed: { readonly detail?: string }): { readonly detail?: string } {
  return observed.detail === undefined ? {} : { detail: observed.detail };
}
