import type { Payload } from '../../bundle/payload.js';
import type { Helm } from '../../helm/types.js';
import type { Connection } from '../../kube/client.js';
import type { CrdReport } from '../../kube/crd-apply.js';
import type { Crd } from '../../kube/crd-file.js';
import type { KubeClient } from '../../kube/types.js';
import type { Credentials, RegistryClient } from '../../oci/client.js';
import type { CopyReport } from '../../oci/copy-types.js';
import type { BackupSeen, BackupStage } from '../../run/backup-stage.js';
import type { DatabaseCount } from '../../run/database-count.js';
import type { HealthReport } from '../health.js';
import type { ImageProof } from '../proof.js';

/** The outside systems and limits that the steps of an install work with. */
export interface Work {
  readonly bundle: Payload;
  readonly client: KubeClient;
  readonly helm: Helm;
  /** The bundle's CRDs. */
  readonly crds: readonly Crd[];
  /** Absent when images stay where they are, or there are none. */
  readonly registry?: {
    readonly client: RegistryClient;
    /** HOST[:PORT][/PREFIX] */
    readonly text: string;
    /** Looks up what a pull secret is made from. */
    readonly credentials: () => Promise<Credentials | undefined>;
  };
  readonly limits: Limits;
  /** Ids of findings that the operator has read and accepts. */
  readonly acknowledged: readonly string[];
  /** Absent where no plan has a backup. */
  readonly backup?: BackupWork;
  /** Counts what the product's databases hold; absent where nobody can. */
  readonly countRows?: (signal: AbortSignal) => Promise<DatabaseCount>;
  /** True when another host began the run: a helm may still be at work there. */
  readonly begunElsewhere: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What the steps found, for the report. */
  readonly results: Results;
}

/** What the step `backup` works with. */
export interface BackupWork {
  readonly stage: BackupStage;
  readonly client: Connection;
  readonly clusterUid: string;
  /** This host and state folder. */
  readonly place: string;
  /** True when an earlier process of this run did something that risks data, or may have. */
  readonly harmBegun: boolean;
}

/** What became of the backup, for the report. */
export type BackupResult =
  | { readonly kind: 'none' }
  | (BackupSeen & { readonly kind: 'use' })
  | (BackupSeen & { readonly kind: 'take'; readonly keyFile: string });

export interface Limits {
  /** Milliseconds for a namespace to become healthy. */
  readonly health: number;
  /** Milliseconds for each wait of helm. */
  readonly helm: number;
  /** Blobs at a time. */
  readonly concurrency?: number;
}

/** What the databases held before the first step and after the upgrade. */
export interface DatabaseResult {
  /** Absent where nothing was counted before: a first install. */
  readonly before?: DatabaseCount;
  readonly after: DatabaseCount;
}

/** Filled while the steps run; not part of the run's record. */
export interface Results {
  backup?: BackupResult;
  push?: CopyReport;
  crds?: CrdReport;
  proof?: ImageProof;
  database?: DatabaseResult;
  /** By namespace. */
  readonly health: Map<string, HealthReport>;
  /** Revision by release. */
  readonly revisions: Map<string, number>;
}
