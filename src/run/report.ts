import { isAirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';
import { stepStates } from './progress.js';
import type { JournalRecord } from './record.js';
import type { StoredRun } from './store.js';
import type { Plan, PlanStep, SavedItem } from './types.js';

/** Version of the report's JSON form. */
const SCHEMA = 1;
/** What a run keeps for its own report is not worth listing. */
const OWN = 'report/';

export type ReportOutcome = 'finished' | 'failed' | 'interrupted' | 'needs-operator';

/** A step of the plan with what became of it. */
export interface ReportStep
  extends Pick<
    PlanStep,
    | 'id'
    | 'title'
    | 'command'
    | 'destructive'
    | 'saves'
    | 'deletes'
    | 'doneWhen'
    | 'undoneBy'
    | 'source'
    | 'touches'
  > {
  /** `found`: it held already, and nothing was done. */
  readonly state: 'done' | 'found' | 'failed' | 'begun' | 'needs-operator' | 'waiting';
  /** ISO time of the last record about it. */
  readonly at?: string;
  /** Milliseconds. */
  readonly took?: number;
  /** What was seen. */
  readonly detail?: string;
}

export interface ReportError {
  readonly code: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly hint?: string;
  readonly faults: readonly { readonly where: string; readonly what: string }[];
}

/** What a run did, for people and programs; holds no secrets. `Facts` are those of its kind. */
export interface RunReport<Facts = unknown> {
  readonly schema: number;
  readonly kind: Plan['kind'];
  readonly outcome: ReportOutcome;
  readonly title: string;
  readonly runId: string;
  /** The run that it takes back. */
  readonly origin?: string;
  /** What goes on with it. */
  readonly command?: string;
  readonly toolVersion: string;
  readonly bundleId: string;
  readonly clusterUid: string;
  /** Nothing of the product was there before the run: there is no version to go back to. */
  readonly first?: true;
  readonly inputs: Readonly<Record<string, string>>;
  /** ISO times of the host. */
  readonly begun: string;
  readonly ended: string;
  /** Milliseconds of work on the steps. */
  readonly took: number;
  readonly error?: ReportError;
  readonly steps: readonly ReportStep[];
  readonly saved: { readonly folder: string; readonly items: readonly SavedItem[] };
  readonly facts: Facts;
  /** What to do next, in order. */
  readonly next: readonly string[];
}

export interface ReportSources<Facts> {
  readonly run: StoredRun;
  readonly records: readonly JournalRecord[];
  readonly saved: readonly SavedItem[];
  /** What ended it; absent when it finished. */
  readonly error?: unknown;
  readonly facts: Facts;
  readonly next: readonly string[];
}

/** Puts the report of a run together from its record. Pure. */
export function makeReport<Facts>(sources: ReportSources<Facts>): RunReport<Facts> {
  const { run, records, saved, error, facts, next } = sources;
  const { identity, plan, folder } = run;
  const { origin, command } = identity;
  const steps = stepsOf(plan, records);
  return {
    schema: SCHEMA,
    kind: identity.kind,
    outcome: outcomeOf(error),
    title: identity.title,
    runId: identity.runId,
    ...(origin === undefined ? {} : { origin }),
    ...(command === undefined ? {} : { command }),
    toolVersion: identity.toolVersion,
    bundleId: identity.bundleId,
    clusterUid: identity.clusterUid,
    ...(plan.first === undefined ? {} : { first: plan.first }),
    inputs: identity.inputs,
    begun: identity.createdAt,
    ended: records.at(-1)?.t ?? identity.createdAt,
    took: steps.reduce((sum, { took = 0 }) => sum + took, 0),
    ...(error === undefined ? {} : { error: errorOf(error) }),
    steps,
    saved: { folder: `${folder}/saved`, items: saved.filter(({ name }) => !name.startsWith(OWN)) },
    facts,
    next,
  };
}

function stepsOf(plan: Plan, records: readonly JournalRecord[]): ReportStep[] {
  const began = new Set(records.filter(({ phase }) => phase === 'intent').map(({ step }) => step));
  return stepStates(plan, records).map((progress, index): ReportStep => {
    const step = plan.steps[index] as PlanStep;
    const { id, title, command, destructive, saves, deletes, doneWhen, undoneBy, source, touches } = step;
    const { state, at, took, detail } = progress;
    return {
      ...{ id, title, destructive, saves, doneWhen },
      ...(command === undefined ? {} : { command }),
      ...(deletes === undefined ? {} : { deletes }),
      ...(undoneBy === undefined ? {} : { undoneBy }),
      ...(source === undefined ? {} : { source }),
      ...(touches === undefined ? {} : { touches }),
      state: state === 'committed' ? (began.has(id) ? 'done' : 'found') : state === 'saved' ? 'begun' : state,
      ...(at === undefined ? {} : { at }),
      ...(took === undefined ? {} : { took }),
      ...(detail === undefined ? {} : { detail }),
    };
  });
}

function outcomeOf(error: unknown): ReportOutcome {
  if (error === undefined) return 'finished';
  if (isAirgapError(error, 'INTERRUPTED')) return 'interrupted';
  return isAirgapError(error, 'DECISION_NEEDED') ? 'needs-operator' : 'failed';
}

function errorOf(error: unknown): ReportError {
  const safe = (text: string): string => printable(redact(text), 4000);
  const message = safe(error instanceof Error ? error.message : String(error));
  if (!isAirgapError(error)) return { code: 'INTERNAL', message, faults: [] };
  const { code, expected, found, hint, faults } = error;
  return {
    code,
    message,
    ...(expected === undefined ? {} : { expected: safe(expected) }),
    ...(found === undefined ? {} : { found: safe(found) }),
    hint: safe(hint),
    faults: faults.map(({ where, what }) => ({ where: safe(where), what: safe(what) })),
  };
}
