import type { RunResult } from '../../run/engine.js';
import type { Plan } from '../../run/types.js';
import type { HealthReport } from '../health.js';
import type { ClusterFacts } from '../site.js';
import type { ClusterChoice, Surroundings } from '../types.js';
import type { RollbackFinding } from './findings.js';
import type { RollbackReport } from './report.js';

/** What a rollback takes from outside. */
export interface RollbackOptions extends Surroundings {
  readonly cluster: ClusterChoice;
  /** Id (or its beginning) of the run to take back; the last install when absent. */
  readonly run?: string;
  /** `accept`: the operator knows that the old control plane meets the new version's database. */
  readonly migration: 'refuse' | 'accept';
  /** `keep`: only the cluster part goes back. */
  readonly controlPlane: 'roll-back' | 'keep';
  /** Milliseconds; 15 minutes. */
  readonly healthTimeout?: number;
  /** Milliseconds; 10 minutes. */
  readonly helmTimeout?: number;
  readonly mode: 'rollback' | 'dry-run';
  readonly takeover?: string;
  readonly unfinished?: 'resume' | 'give-up';
  /** For messages: the command that goes on. */
  readonly resumeCommand?: string;
  /** Writes the report of the run below its folder and gives the path of the page. */
  readonly writeReport?: (folder: string, report: RollbackReport) => Promise<string>;
  /** Shows the plan and asks; throws when the answer is no. */
  readonly approve: (view: RollbackView) => Promise<void>;
  /** For tests only. */
  readonly onBoundary?: (step: string, boundary: string) => void;
}

/** The run that is taken back, in words. */
export interface OriginView {
  readonly runId: string;
  /** Absent when only its id is known here. */
  readonly title?: string;
  readonly createdAt?: string;
  /** False for a run that stopped on its way: it is given up when the rollback begins. */
  readonly finished: boolean;
}

/** What an operator sees before anything happens. */
export interface RollbackView {
  readonly origin: OriginView;
  readonly cluster: ClusterFacts;
  readonly helm: string;
  readonly plan: Plan;
  /** What is as before already, in words. */
  readonly holds: readonly string[];
  /** What stays as the run left it and cannot or need not be undone, in words. */
  readonly stays: readonly string[];
  /** Whether any step changes the site. */
  readonly changes: boolean;
  /** The run that goes on. */
  readonly resumes?: string;
  readonly findings: readonly RollbackFinding[];
}

/** What came of it. */
export interface RollbackOutcome {
  readonly outcome: 'rolled-back' | 'planned' | 'nothing';
  readonly view: RollbackView;
  readonly runId?: string;
  readonly runFolder?: string;
  /** The page that tells what the run did. */
  readonly report?: string;
  readonly steps: RunResult['steps'];
  readonly health: readonly HealthReport[];
  /** Revision by release. */
  readonly revisions: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly duration: number;
}
