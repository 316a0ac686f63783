import { digestOf } from './canonical.js';
import type { RunIdentity } from './identity.js';
import { hasOpenIntent, stepStates } from './progress.js';
import type { JournalRecord } from './record.js';
import { type StoredRun, writeRun } from './store.js';
import type { Plan } from './types.js';

/** The copy of a run in the cluster (a ConfigMap), so that another host can go on. */
export interface MirrorApi {
  read(): Promise<Readonly<Record<string, string>> | undefined>;
  /** Replaces what is there. */
  write(data: Readonly<Record<string, string>>): Promise<void>;
}

/** What the ConfigMap holds: identity, plan and the state of each step; no secrets. */
export function formatMirror(run: StoredRun, records: readonly JournalRecord[]): Record<string, string> {
  const last = records.at(-1);
  const state = {
    seq: last?.seq ?? -1,
    h: last?.h ?? '',
    t: last?.t ?? '',
    fence: last?.fence ?? 0,
    phase: last?.phase ?? 'planned',
    steps: Object.fromEntries(stepStates(run.plan, records).map((step) => [step.id, step.state])),
    open: openIn(run.plan, records),
  };
  return {
    'run.json': JSON.stringify(run.identity),
    'plan.json': JSON.stringify(run.plan),
    'state.json': JSON.stringify(state),
  };
}

function openIn(plan: Plan, records: readonly JournalRecord[]): string[] {
  return plan.steps.filter(({ id }) => hasOpenIntent(id, records)).map(({ id }) => id);
}

export interface MirroredRun {
  readonly identity: RunIdentity;
  readonly plan: Plan;
  readonly phase: string;
  readonly fence: number;
  readonly committed: readonly string[];
  /** Steps that were begun and are not known to have ended: what they saved is from before. */
  readonly open: readonly string[];
  /** Steps whose effect may show at the site: begun, committed or failed. */
  readonly touched: readonly string[];
}

/** Reads a mirror; undefined when it is incomplete or of a form this tool does not know. */
export function parseMirror(data: Readonly<Record<string, string>>): MirroredRun | undefined {
  try {
    const state = JSON.parse(data['state.json'] ?? '') as {
      phase: string;
      fence: number;
      steps: Record<string, string>;
      open?: readonly string[];
    };
    const identity = JSON.parse(data['run.json'] ?? '') as RunIdentity;
    const plan = JSON.parse(data['plan.json'] ?? '') as Plan;
    if (digestOf(plan) !== identity.planSha) return undefined;
    const committed = Object.keys(state.steps).filter((id) => state.steps[id] === 'committed');
    const touched = Object.keys(state.steps).filter(
      (id) => !['waiting', 'saved'].includes(state.steps[id] ?? ''),
    );
    return {
      identity,
      plan,
      phase: state.phase,
      fence: state.fence,
      committed,
      open: state.open ?? [],
      touched,
    };
  } catch {
    return undefined;
  }
}

/** Makes a run folder on this host from the mirror of a run that another host began. */
export function adoptRun(root: string, mirrored: MirroredRun, now: () => number): Promise<StoredRun> {
  const { identity, plan, committed, open } = mirrored;
  return writeRun(root, { identity, plan, now }, { committed, open });
}
