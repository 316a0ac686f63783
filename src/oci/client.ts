import type { Emit } from '../events.js';
import type { Digest, ImageSink, ImageSource, ReadOptions } from './types.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** How one registry is reached. Everything that is absent has the default that its line gives. */
export interface RegistryOptions {
  /** Where proxies (HTTP(S)_PROXY, NO_PROXY), auth files, SSL_CERT_FILE and SSL_CERT_DIR are looked up. */
  readonly env: Env;
  /** HTTP instead of HTTPS, for this registry only; never tried by itself. */
  readonly plainHttp?: boolean;
  readonly insecureSkipTlsVerify?: boolean;
  /** PEM file of further certificate authorities; added to the system's, not instead of them. */
  readonly caFile?: string;
  /** PEM files for registries that ask for a client certificate. */
  readonly clientCert?: { readonly certFile: string; readonly keyFile: string };
  /** Folder of HOST[:PORT]/ folders with *.crt, *.cert and *.key; /etc/docker/certs.d when absent. */
  readonly certsDir?: string;
  /** --authfile; goes before REGISTRY_AUTH_FILE and the usual places. */
  readonly authFile?: string;
  /** Given credentials; no file is looked at then. */
  readonly credentials?: Credentials;
  /** Goes before every repository name. */
  readonly prefix?: string;
  /** Connections at most; 8. */
  readonly concurrency?: number;
  /** Further tries without progress of what can heal; 8. */
  readonly retries?: number;
  /** Milliseconds without a byte after which a connection is given up and the work resumed; 60000. */
  readonly stallTimeout?: number;
  /** Bytes per second below which, over `stallTimeout`, a moving connection counts as stalled too; 0. */
  readonly minRate?: number;
  /** Milliseconds before the first further try, doubling up to 60000; 1000. */
  readonly retryDelay?: number;
  /** Bytes per upload request; absent means the whole blob in one, smaller only after a 413. */
  readonly chunkSize?: number;
  /** Further hosts that may be given credentials when the registry names them as its token service. */
  readonly tokenHosts?: readonly string[];
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch; Date.now when absent. */
  readonly now?: () => number;
}

export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (docker's identitytoken). */
  | { readonly kind: 'identity'; readonly token: string }
  /** A ready bearer token (docker's registrytoken). */
  | { readonly kind: 'bearer'; readonly token: string };

/** One registry. Repository names are given without the prefix. Close it to let its connections go. */
export interface RegistryClient extends ImageSource, ImageSink {
  /** HOST[:PORT] as it stands in references. */
  readonly host: string;
  readonly prefix: string | undefined;
  /** GET /v2/ with credentials. @throws REGISTRY_UNREACHABLE, REGISTRY_TLS, REGISTRY_AUTH, REGISTRY_PROTOCOL */
  ping(options?: ReadOptions): Promise<void>;
  /** All tags, page by page; empty for a repository that is not there. */
  tags(repository: string, options?: ReadOptions): Promise<string[]>;
  /** Bytes that the registry says are free; undefined where it does not say: the distribution API has no such call. */
  freeSpace(options?: ReadOptions): Promise<number | undefined>;
  /** Begins an upload and gives it up again. @throws REGISTRY_AUTH, REGISTRY_DENIED and others */
  probePush(repository: string, options?: ReadOptions): Promise<void>;
  deleteManifest(repository: string, digest: Digest, options?: ReadOptions): Promise<void>;
  /** For preflight and messages: how the registry is reached, with no secret in it. */
  route(): Promise<RegistryRoute>;
  close(): Promise<void>;
}

export interface RegistryRoute {
  /** https://registry.example.com:5000 */
  readonly origin: string;
  /** The proxy that requests go through, without user info; undefined when they go directly. */
  readonly proxy: string | undefined;
  /** Where credentials come from: a file's path, a helper's name, "options"; undefined when there are none. */
  readonly credentials: string | undefined;
  readonly tls: 'none' | 'verified' | 'not-verified';
}
