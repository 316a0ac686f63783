import type { Payload } from '../../bundle/payload.js';
import type { Helm } from '../../helm/types.js';
import type { Connection } from '../../kube/client.js';
import type { Crd } from '../../kube/crd-file.js';
import type { KubeObject } from '../../kube/types.js';
import type { BackupNeed } from '../../run/backup-stage.js';
import type { Version } from '../../runai/version.js';
import type { BackupOptions } from '../backup-types.js';
import type { Finding, Row } from '../findings.js';
import type { OpenRegistry } from '../open-registry.js';
import type { InstallPlan } from '../plan.js';
import type { Observation } from '../site.js';
import type { Answer } from './dns.js';
import type { RenderedRelease } from './rendered.js';

export type { Row } from '../findings.js';

/** What the checks read with and judge by. */
export interface CheckContext {
  readonly client: Connection;
  readonly bundle: Payload;
  readonly crds: readonly Crd[];
  readonly site: Observation;
  readonly made: InstallPlan;
  readonly helm: Helm;
  /** The release that the bundle brings; undefined when its version is in no form that is known. */
  readonly release?: Version;
  readonly registry?: OpenRegistry;
  /** What the operator wants about a backup, and who makes it. */
  readonly backup?: BackupOptions;
  /** How large a fresh one will be, asked once; absent when the plan has none. */
  readonly need?: () => Promise<BackupNeed>;
  /** Folder of the record of runs. */
  readonly stateRoot: string;
  /** Folder for files that are gone when preflight ends. */
  readonly tmp: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly lookup: (host: string) => Promise<Answer>;
  readonly signal: AbortSignal;
  /** Rendered once, when the first check asks. */
  readonly rendered: () => Promise<readonly RenderedRelease[]>;
  /** By release: what runs of it by helm's record, parsed once; nothing where none runs. */
  readonly recorded: () => ReadonlyMap<string, readonly KubeObject[]>;
  /** Pods of all namespaces, read once. */
  readonly pods: () => Promise<readonly KubeObject[]>;
  /** Nodes, read once. */
  readonly nodes: () => Promise<readonly KubeObject[]>;
}

/** One check: reads, then judges. What it throws becomes "not checked". */
export interface Check {
  readonly row: Row;
  /** An acknowledgement does not help: a step asks the same again when it is its turn. */
  readonly firm?: true;
  /** False when the release or the bundle does not ask for it: then there is no row. */
  readonly applies?: (context: CheckContext) => boolean;
  readonly run: (context: CheckContext) => Promise<Finding[]>;
}
