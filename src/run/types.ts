import type { Emit } from '../events.js';

/** What a step does to the site, as the plan shows it. Pure data: it can be printed, stored and compared. */
export interface PlanStep {
  /** Stable across runs of one plan: `push`, `crds`, `helm:runai-backend`, `delete:ingress/runai-backend-ingress`. */
  readonly id: string;
  /** In words, for the operator. */
  readonly title: string;
  /** The equivalent kubectl or helm line, for people who want to check. */
  readonly command?: string;
  readonly destructive: boolean;
  /** What is saved before the step, in words; empty when nothing needs it. */
  readonly saves: readonly string[];
  /** Objects that go although nothing says whose they are. */
  readonly deletes?: readonly string[];
  /** How it is known to be done, in words. */
  readonly doneWhen: string;
  /** What undoes it, in words; absent when nothing can. */
  readonly undoneBy?: string;
  /** Why it is in the plan: source (page or release note). */
  readonly source?: string;
  /** Input of the step's executor; goes into the plan's digest. No secrets. */
  readonly input?: Readonly<Record<string, unknown>>;
  /**
   * What it brings about must still hold when the run goes on later (images pushed, CRDs applied, volumes kept):
   * a resumed run observes it again and repeats it when it no longer holds. Never together with `destructive`.
   */
  readonly lasting?: boolean;
  /**
   * `starts`: from here on users are without the product, until a step that `ends` it. `within`: while the step is
   * being done, and it is over when the step ends, however that is.
   */
  readonly outage?: 'starts' | 'ends' | 'within';
  /** `nothing`: it only waits or looks. `surroundings`: what no version of the product misses. Absent: the product. */
  readonly touches?: 'nothing' | 'surroundings';
  /** What the site is like from this step until another one is done: two parts of different versions. */
  readonly skew?: { readonly until: string; readonly text: string };
}

/** An ordered list of steps; its digest binds a journal to it. */
export interface Plan {
  readonly kind: 'install' | 'rollback' | 'restore' | 'backup';
  readonly title: string;
  readonly bundleId: string;
  readonly clusterUid: string;
  /** Nothing of the product was there: there is no version to go back to. */
  readonly first?: true;
  readonly steps: readonly PlanStep[];
}

export type Observed = 'done' | 'ready' | 'impossible';

/** What an executor may use. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly runId: string;
  /** Folder (0700) of the run; what a step saves goes through `saved`. */
  readonly runFolder: string;
  /** What the run saved: files 0600 below the run's folder, and a copy in the cluster where the caller gave one. */
  readonly saved: SavedStore;
  /** The fencing number of this run's hold on the cluster; put on what is written there. */
  readonly fence: number;
  /** Throws LOCK_LOST when another run took over; called before every change. */
  readonly guard: () => Promise<void>;
}

/** Things saved by the steps of a run, by name (`ingress/runai-backend-ingress.json`). May hold secrets. */
export interface SavedStore {
  /** Durable when it resolves. Replaces what was saved under the name. */
  put(name: string, content: string | Uint8Array): Promise<SavedItem>;
  /** The bytes, or undefined when nothing was saved under the name. @throws AirgapError BACKUP_INVALID when damaged */
  get(name: string): Promise<Buffer | undefined>;
  list(): Promise<readonly SavedItem[]>;
}

export interface SavedItem {
  readonly name: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * The doing side of a step. The engine always observes first and after (threats.md, G2 and G3):
 * done -> committed without doing; ready -> intent, perform, observe; impossible -> the operator decides.
 */
export interface StepExecutor {
  observe(context: StepContext): Promise<{ readonly state: Observed; readonly detail?: string }>;
  /**
   * Saves what will be changed. Runs before the intent; after an intent it never runs again, so a half-done
   * effect cannot overwrite a good copy.
   */
  save?(context: StepContext): Promise<void>;
  perform(context: StepContext): Promise<void>;
}

/** Gives the executor of a step; the one place where plan data meets the outside systems. */
export type ExecutorOf = (step: PlanStep) => StepExecutor;
