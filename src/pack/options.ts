import type { Emit } from '../events.js';
import type { Env, RegistryOptions } from '../oci/client.js';

/** How registries and web servers are reached; all of it also holds for chart repositories. */
export type ReachOptions = Pick<
  RegistryOptions,
  | 'caFile'
  | 'certsDir'
  | 'clientCert'
  | 'authFile'
  | 'insecureSkipTlsVerify'
  | 'retries'
  | 'retryDelay'
  | 'stallTimeout'
  | 'tokenHosts'
>;

/** What every stage of packing shares. */
export interface CommonPackOptions {
  /** The spec as the user named it, relative to `cwd`. */
  readonly spec: string;
  readonly cwd: string;
  readonly env: Env;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly reach: ReachOptions;
  /** HOST[:PORT] of registries without TLS, besides those of the spec. */
  readonly plainHttp?: readonly string[];
  /** Blobs (and lookups) at a time. */
  readonly concurrency: number;
  /** The helm to render with; from PATH when absent, else the one that the spec carries. */
  readonly helm?: string;
  /** Where charts and tools go that helm needs as files; removed at the end. */
  readonly tmpdir: string;
  /** os/arch of this machine: which of the carried helms runs here. */
  readonly platform: string;
  /** The lock's path; beside the spec when absent. */
  readonly lockFile?: string;
}

export interface PackOptions extends CommonPackOptions {
  /** The bundle's path, relative to `cwd`. */
  readonly output: string;
  /** `locked`: pack exactly what the lock says. `refresh`: ask again and write the lock. */
  readonly mode: 'locked' | 'refresh';
  readonly dryRun?: boolean;
  /** Bytes of a part. */
  readonly split?: number;
  /** An older bundle; only what it lacks is carried. */
  readonly base?: string;
}

export interface ImagesOptions extends CommonPackOptions {
  /** Ask the registries and write the lock. */
  readonly update?: boolean;
}

export interface FetchOptions extends CommonPackOptions {
  /** `locked`: exactly what the lock says. `refresh`: what the names stand for now; the lock is only compared. */
  readonly mode: PackOptions['mode'];
}
