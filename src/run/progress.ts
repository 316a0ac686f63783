import type { JournalRecord, Phase } from './record.js';
import type { Plan } from './types.js';

/** How far a step is, by the journal: a hint, the site decides (threats.md, G3). */
export type StepState = 'waiting' | 'saved' | 'begun' | 'committed' | 'failed' | 'needs-operator';

export interface StepProgress {
  readonly id: string;
  readonly title: string;
  readonly state: StepState;
  /** ISO time of the last record about it. */
  readonly at?: string;
  /** A failure's code and text, or why the operator must decide. */
  readonly detail?: string;
  /** Milliseconds of work that the records tell of; what a killed process did last is not in it. */
  readonly took?: number;
}

const STATES: Partial<Record<Phase, StepState>> = {
  saved: 'saved',
  intent: 'begun',
  'observed-bad': 'begun',
  committed: 'committed',
  failed: 'failed',
  'needs-operator': 'needs-operator',
  interrupted: 'begun',
};

/** The state of every step of the plan, in its order. */
export function stepStates(plan: Plan, records: readonly JournalRecord[]): StepProgress[] {
  const adopted = new Set(
    records.flatMap((record) => (record.phase === 'adopted' ? committedIn(record) : [])),
  );
  return plan.steps.map(({ id, title }) => {
    const own = records.filter((record) => record.step === id && STATES[record.phase] !== undefined);
    const last = own.at(-1);
    if (last === undefined) return { id, title, state: adopted.has(id) ? 'committed' : 'waiting' };
    const detail = last.data['detail'];
    const state = STATES[last.phase] as StepState;
    return {
      id,
      title,
      state,
      at: last.t,
      ...(typeof detail === 'string' ? { detail } : {}),
      ...tookOf(own),
    };
  });
}

/** True when an effect of the step may have happened: an intent that no commit closed. */
export function hasOpenIntent(step: string, records: readonly JournalRecord[]): boolean {
  const phases = records.filter((record) => record.step === step).map((record) => record.phase);
  return phases.lastIndexOf('intent') > phases.lastIndexOf('committed');
}

function tookOf(records: readonly JournalRecord[]): { readonly took?: number } {
  const known = records.map(({ data }) => data['took']).filter((took) => typeof took === 'number');
  return known.length === 0 ? {} : { took: known.reduce((sum, took) => sum + took, 0) };
}

function committedIn(record: JournalRecord): string[] {
  const list = record.data['committed'];
  return Array.isArray(list) ? list.filter((id): id is string => typeof id === 'string') : [];
}
