import { hasOpenIntent, type StepProgress } from './progress.js';
import type { JournalRecord } from './record.js';
import type { StoredRun } from './store.js';
import type { Plan } from './types.js';

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

/** What is judged by: records alone, never the cluster. */
export interface Judged {
  readonly run: StoredRun;
  readonly records: readonly JournalRecord[];
  readonly state: RunState;
  readonly steps: readonly StepProgress[];
}

/** Whether the site can be left as it is. Pure. */
export function walkAwayVerdict({ run, records, state, steps }: Judged): Verdict {
  if (state === 'running')
    return { answer: true, why: 'it goes on by itself; a closed terminal does not stop it' };
  if (state === 'finished') return { answer: true, why: 'all steps are done' };
  const open = run.plan.steps.find((step) => hasOpenIntent(step.id, records));
  const outage = openOutage(run.plan, records, steps);
  const ended = state === 'given-up';
  const then = ended ? 'and this run was given up' : 'go on soon';
  if (outage) return { answer: false, why: `the product is down since step ${outage}; ${then}` };
  if (open?.touches === 'nothing') {
    return state === 'failed' || state === 'needs-operator'
      ? { answer: false, why: `step ${open.id} did not find what it waits for; ${then}` }
      : {
          answer: true,
          why: `it stopped in step ${open.id}, which only looks and waits; nothing is half done`,
        };
  }
  if (open) return { answer: false, why: `step ${open.id} may be half done; ${then}` };
  if (ended) return { answer: true, why: 'it was given up between two steps' };
  return { answer: true, why: 'it stopped between two steps, and the product was not taken down' };
}

/** Whether the same command may be given again. Pure. */
export function rerunVerdict(state: RunState): Verdict {
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

/** One thing to do, in words or as a command. Pure. */
export function adviceFor({ run, state, steps }: Judged): string {
  const { kind, runId, command } = run.identity;
  const again = command === undefined ? 'the same command again' : command;
  const reversible = kind === 'install' && run.plan.first !== true;
  const back = reversible && hasBegun(run.plan, steps);
  const or = back ? `; or go back: airgap rollback --run ${runId} --dry-run` : '';
  switch (state) {
    case 'running':
      return 'wait; look again with airgap status';
    case 'finished':
      return reversible
        ? `nothing; to go back to the version before: airgap rollback --run ${runId} --dry-run`
        : 'nothing';
    case 'given-up':
      return `begin anew: ${again}${or}`;
    case 'needs-operator':
      return `mend or decide what the reason says, then: ${again}${or}`;
    case 'failed':
      return `mend the cause, then: ${again}${or}`;
    default:
      return `go on: ${again}${or}`;
  }
}

/** True when a step that changes the product was begun: there is something to take back. */
function hasBegun({ steps: planned }: Plan, steps: readonly StepProgress[]): boolean {
  const waiting = new Set(steps.filter(({ state }) => state === 'waiting').map(({ id }) => id));
  return planned.some(({ id, touches }) => touches === undefined && !waiting.has(id));
}

/** The skew that the steps done so far leave, in words. Pure. */
export function skewOf(plan: Plan, steps: readonly StepProgress[]): string | undefined {
  const committed = new Set(steps.filter(({ state }) => state === 'committed').map(({ id }) => id));
  return plan.steps.find(({ id, skew }) => skew && committed.has(id) && !committed.has(skew.until))?.skew
    ?.text;
}

function openOutage(
  plan: Plan,
  records: readonly JournalRecord[],
  steps: readonly StepProgress[],
): string | undefined {
  const states = new Map(steps.map((step) => [step.id, step.state]));
  let since: string | undefined;
  for (const step of plan.steps) {
    const isDone = states.get(step.id) === 'committed';
    const isHalf = hasOpenIntent(step.id, records) && !isDone;
    if (step.outage === 'within' && isHalf) since ??= step.id;
    if (step.outage === 'starts' && (isDone || isHalf)) since ??= step.id;
    if (step.outage === 'ends' && isDone) since = undefined;
  }
  return since;
}
