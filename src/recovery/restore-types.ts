import type { BundleChart, Manifest } from '../bundle/manifest.js';
import type { Emit } from '../events.js';
import type { Connection } from '../kube/client.js';
import type { RunResult } from '../run/engine.js';
import type { Clock } from '../run/lease.js';
import type { ExecutorOf, Plan } from '../run/types.js';
import type { OpenBackup } from './archive/open.js';
import type { Kept } from './kept.js';
import type { RestoreReport } from './restore-report.js';

/** Parts of a restore that can be chosen, in the order of the plan. */
export const RESTORE_CHOICES = [
  'secrets',
  'metrics',
  'releases',
  'database',
  'config',
  'rbac',
  'assets',
  'ingress',
] as const;
export type RestoreChoice = (typeof RESTORE_CHOICES)[number];

type Values = Readonly<Record<string, unknown>>;

/** What installs the releases: handed in by cli/, because install and recovery do not know each other. */
export interface Installer {
  readonly bundle: { readonly bundleId: string; readonly path: string; readonly manifest: Manifest };
  readonly client: Connection;
  readonly clusterUid: string;
  /** HOST[:PORT][/PREFIX] and how it is spoken to; absent for a bundle without images. */
  readonly registry?: { readonly text: string; readonly plainHttp: boolean };
  /** Does the steps push, crds, helm and wait-healthy. */
  readonly executorOf: ExecutorOf;
  /** The registry that saved values name. */
  readonly registryIn: (chart: BundleChart, saved: Values) => string | undefined;
  /** Whether pods need a login for the registry. */
  readonly needsLogin: boolean;
  /** The values of a release for this site, from those that were saved. */
  readonly valuesFor: (chart: BundleChart, saved: Values) => Values;
  /** Name under which a run keeps the values of a release. */
  readonly valuesName: (release: string) => string;
  close(): Promise<void>;
}

export interface RestoreOptions {
  readonly backup: OpenBackup;
  readonly installer: Installer;
  readonly choices: ReadonlySet<RestoreChoice>;
  /** The target may hold a running product: a safety backup is taken, then it is replaced. */
  readonly replace: boolean;
  readonly toNewCluster: boolean;
  /** A dump of a server outside of the cluster is restored there, beside what it has. */
  readonly externalDatabase: boolean;
  /** Image for pods of ours; that of the bundle's database when absent. */
  readonly helperImage?: string;
  /** Host name of the control plane, where it is not the saved one. */
  readonly domain?: string;
  /** Claims (`NAME` or `NAMESPACE/NAME`) whose surviving volumes are taken as they are. */
  readonly rebind: readonly string[];
  readonly mode: 'restore' | 'dry-run';
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateRoot: string;
  readonly toolVersion: string;
  readonly place: string;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly takeover?: string;
  readonly unfinished: 'resume' | 'give-up';
  readonly resumeCommand: string;
  /** Writes the report of the run below its folder and gives the path of the page. */
  readonly writeReport?: (folder: string, report: RestoreReport) => Promise<string>;
  /** Shows the plan and asks; throws when the answer is no. */
  readonly approve: (view: RestoreView) => Promise<void>;
  /** For tests only. */
  readonly onBoundary?: (step: string, boundary: string) => void;
}

export interface RestoreView {
  readonly backup: {
    readonly path: string;
    readonly id: string;
    readonly createdAt: string;
    readonly clusterUid: string;
  };
  readonly cluster: { readonly context: string; readonly server: string; readonly uid: string };
  readonly plan: Plan;
  /** What is written otherwise than it was saved, in words. */
  readonly rewrites: readonly string[];
  /** What the backup holds and this restore leaves out, in words. */
  readonly leftOut: readonly string[];
  /** The run that goes on. */
  readonly resumes?: string;
}

export interface RestoreOutcome {
  readonly outcome: 'restored' | 'planned';
  readonly view: RestoreView;
  readonly runId?: string;
  readonly runFolder?: string;
  /** The page that tells what the run did. */
  readonly report?: string;
  /** What was there before and is still to be had. */
  readonly kept?: Kept;
  readonly steps: RunResult['steps'];
}
