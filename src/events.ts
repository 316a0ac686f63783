/**
 * What stages announce. Nobody but term/ turns an event into text; with --log-format json
 * each event is one line of JSON as it stands here.
 */
export type AirgapEvent =
  | StageStarted
  | StageEnded
  | Progress
  | Note
  | StepEvent
  | { readonly type: 'child'; readonly program: string; readonly line: string };

/** A named part of the work begins. */
export interface StageStarted {
  readonly type: 'stage-started';
  readonly stage: string;
  /** For people: "verify runai-air-gapped-2.13.66.tar". */
  readonly title: string;
}

export interface StageEnded {
  readonly type: 'stage-ended';
  readonly stage: string;
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** For people, one line: "1.8 GB in 12 images, all as the manifest says". */
  readonly summary?: string;
}

/** Acknowledged progress; `done` never goes back within one stage. */
export interface Progress {
  readonly type: 'progress';
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'items';
  /** What is at work now, for people. */
  readonly current?: string;
}

export interface Note {
  readonly type: 'note';
  readonly level: 'info' | 'warn' | 'debug';
  readonly text: string;
}

/** A step of a plan changes its phase (run/). */
export interface StepEvent {
  readonly type: 'step';
  readonly id: string;
  readonly title: string;
  readonly phase: 'started' | 'already-done' | 'done' | 'failed' | 'needs-operator';
  readonly detail?: string;
}

export type Emit = (event: AirgapEvent) => void;

/** For callers that do not listen. */
export const silent: Emit = () => {};
