import type { DecodedRelease } from '../helm/release.js';
import type { CrdFindings } from '../kube/crd-check.js';
import type { ServerVersion } from '../kube/types.js';
import type { Passwords } from '../runai/postgres.js';
import type { Site as ProductSite } from '../runai/site.js';
import type { PushState } from './push.js';
import type { RegistryAddress } from './registry-address.js';

/** Everything that was read at the site before the plan. Values inside releases may hold secrets. */
export interface Observation {
  readonly cluster: ClusterFacts;
  /** By release name. */
  readonly releases: ReadonlyMap<string, ReleaseFacts>;
  readonly crds: CrdFacts;
  /** Absent when images stay where they are. */
  readonly registry?: RegistryFacts;
  /** What the product's table of steps decides by. */
  readonly product: ProductSite;
  /** What the live secret of the product's own database holds; secrets. */
  readonly passwords: Passwords;
}

export interface ClusterFacts {
  readonly uid: string;
  readonly context: string;
  readonly server: string;
  readonly version: ServerVersion;
  readonly nodes: number;
  /** os/arch of the nodes, each once. */
  readonly platforms: readonly string[];
}

export interface ReleaseFacts {
  readonly release: string;
  readonly namespace: string;
  /** Every revision that is left, oldest first. */
  readonly revisions: readonly DecodedRelease[];
  /** Who else manages it: Argo CD, Flux, OLM. */
  readonly owner?: string;
}

export interface CrdFacts {
  readonly findings: CrdFindings;
  readonly inFile: number;
  /** New, or with another spec than the file's. */
  readonly toApply: readonly string[];
}

export interface RegistryFacts {
  readonly address: RegistryAddress;
  readonly plainHttp: boolean;
  readonly state: PushState;
  /** Whether pulling needs credentials; then pods need a pull secret. */
  readonly needsLogin: boolean;
  /** Namespaces that lack the pull secret although pulling needs one. */
  readonly withoutPullSecret: readonly string[];
}
