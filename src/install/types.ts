import type { Payload } from '../bundle/payload.js';
import type { TrustPolicy } from '../bundle/trust.js';
import type { Emit } from '../events.js';
import type { CrdReport } from '../kube/crd-apply.js';
import type { RegistryOptions } from '../oci/client.js';
import type { CopyReport } from '../oci/copy-types.js';
import type { RunResult } from '../run/engine.js';
import type { Clock } from '../run/lease.js';
import type { Plan } from '../run/types.js';
import type { BackupOptions } from './backup-types.js';
import type { Estimate } from './estimate.js';
import type { Finding } from './findings.js';
import type { HealthReport } from './health.js';
import type { InstallPlan } from './plan.js';
import type { ImageProof } from './proof.js';
import type { InstallReport } from './report.js';
import type { ClusterFacts } from './site.js';
import type { BackupResult, DatabaseResult } from './steps/types.js';
import type { ValuesInput } from './values-input.js';

/** What every stage of an install takes from outside. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the record of runs (run/paths.ts, stateRoot). */
  readonly stateRoot: string;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  /** Host and state folder, for the lease. */
  readonly place: string;
  readonly toolVersion: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Where the cluster is and which helm is used. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** A path, or `bundle`. */
  readonly helm?: string;
}

export type RegistryChoice = Omit<RegistryOptions, 'env' | 'emit' | 'signal' | 'prefix' | 'plainHttp'> & {
  /** HOST[:PORT][/PREFIX]; else that of an earlier run, AIRGAP_REGISTRY, or the running release. */
  readonly address?: string;
  /** Absent when nothing was said. */
  readonly plainHttp?: boolean;
};

export interface BundleChoice {
  /** A bundle, or the spec that `fetch` reads. */
  readonly file: string;
  /** The older bundle that a delta bundle builds on. */
  readonly base?: string;
  readonly trust?: TrustPolicy;
  /** For a connected site: brings charts, CRDs and tools from their sources (the pack stage; cli/ hands it over). */
  readonly fetch?: () => Promise<Payload>;
}

export interface InstallOptions extends Surroundings {
  readonly bundle: BundleChoice;
  readonly cluster: ClusterChoice;
  readonly registry: RegistryChoice;
  /** What is done before the first step that risks data; a plan with such a step needs it. */
  readonly backup?: BackupOptions;
  /** Images are in the registry already. */
  readonly skipPush: boolean;
  readonly domain?: string;
  readonly backend: ValuesInput;
  readonly clusterValues: ValuesInput;
  /** Milliseconds; 15 minutes. */
  readonly healthTimeout?: number;
  /** Milliseconds; 10 minutes. */
  readonly helmTimeout?: number;
  readonly mode: 'install' | 'dry-run' | 'preflight';
  /** Ids of findings that the operator has read and accepts. */
  readonly acknowledged?: readonly string[];
  /** The very version that may be older than what the cluster saw. */
  readonly allowDowngrade?: string;
  /** Days; an older bundle is refused. */
  readonly maxAge?: number;
  /** `few`: only what the plan is decided by; all when absent. */
  readonly checks?: 'all' | 'few';
  /**
   * A pod on every node pulls an image and asks for the domain; it is taken away again. `step`, when absent: a step
   * of the plan, after the push; `check`: among the checks; `never`.
   */
  readonly canary?: 'step' | 'check' | 'never';
  /** Begins an upload in each repository and gives it up, also where nothing else is written. */
  readonly probePush?: boolean;
  /** A run that the operator says is gone. */
  readonly takeover?: string;
  readonly unfinished?: 'resume' | 'give-up';
  /** For messages: the command that goes on. */
  readonly resumeCommand?: string;
  /** Writes the report of the run below its folder and gives the path of the page. */
  readonly writeReport?: (folder: string, report: InstallReport) => Promise<string>;
  /** Shows the plan and asks; throws when the answer is no. */
  readonly approve: (view: PlanView) => Promise<void>;
  /** For tests only. */
  readonly onBoundary?: (step: string, boundary: string) => void;
}

/** What an operator sees before anything happens. */
export interface PlanView {
  readonly bundle: {
    readonly file: string;
    readonly id: string;
    readonly product: string;
    readonly version: string;
  };
  /** `left`: they stay where the charts say (a connected site). */
  readonly images: 'carried' | 'left';
  /** Absent when none was looked at (--without-cluster). */
  readonly cluster?: ClusterFacts;
  readonly registry?: string;
  /** Absent when none was looked for. */
  readonly helm?: string;
  readonly plan: Plan;
  /** Absent for a run that goes on. */
  readonly made?: InstallPlan;
  /** The run that goes on. */
  readonly resumes?: string;
  /** Ids of steps that it has done already. */
  readonly done: readonly string[];
  /** What the steps that are left will roughly cost. */
  readonly estimate: Estimate;
  readonly findings: readonly Finding[];
}

/** What came of it. */
export interface InstallOutcome {
  readonly outcome: 'installed' | 'unchanged' | 'planned';
  readonly view: PlanView;
  readonly runId?: string;
  readonly runFolder?: string;
  /** The page that tells what the run did. */
  readonly report?: string;
  readonly steps: RunResult['steps'];
  readonly backup?: BackupResult;
  readonly push?: CopyReport;
  readonly crds?: CrdReport;
  readonly health: readonly HealthReport[];
  readonly proof?: ImageProof;
  readonly database?: DatabaseResult;
  readonly revisions: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly duration: number;
}
