/** Any Kubernetes object, as its JSON is. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly { readonly manager?: string; readonly operation?: string }[];
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** A kind of object as the API server serves it. */
export interface Resource {
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** The last part of the path: `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

/** meta/v1 Status, reduced to what decides. */
export interface KubeStatus {
  readonly code: number;
  /** NotFound, Conflict, Invalid, Forbidden … */
  readonly reason: string;
  /** The server's words, made safe to show. */
  readonly message: string;
  readonly causes: readonly StatusCause[];
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter?: number;
}

export interface StatusCause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

export interface ObjectName {
  readonly name: string;
  readonly namespace?: string;
}

export interface ListOptions extends ReadOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects a page; 500. */
  readonly pageSize?: number;
}

export interface WriteOptions extends ReadOptions {
  /** The server checks and answers, and keeps nothing. */
  readonly dryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  readonly resource?: Resource;
  /** Further field managers whose fields may be taken over. */
  readonly forceOver?: readonly string[];
}

export interface DeleteOptions extends WriteOptions {
  /** The object is left alone when it is another one by now. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/** `gone`: there was none; `other`: an object of that name with another UID is there. */
export type DeleteOutcome = 'deleted' | 'gone' | 'other';

/** One HTTP exchange with the API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: string | Buffer;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** False for what must not be sent twice without a look; true when absent. */
  readonly repeatable?: boolean;
}

export interface KubeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A connection to one API server. Its functions retry what can heal (threats 97). */
export interface KubeClient {
  readonly context: string;
  /** https://host:6443 */
  readonly server: string;
  /** Sends one request; answers of 400 and above are thrown. */
  request(request: KubeRequest): Promise<KubeResponse>;
  /** The object, or undefined when there is none. */
  get<T extends KubeObject = KubeObject>(
    resource: Resource,
    name: ObjectName,
    options?: ReadOptions,
  ): Promise<T | undefined>;
  /** All objects, page by page. Empty when the server does not know the resource. */
  list<T extends KubeObject = KubeObject>(resource: Resource, options?: ListOptions): Promise<T[]>;
  /** Server-side apply of exactly this object. @throws AirgapError APPLY_CONFLICT, CLUSTER_REFUSED */
  apply<T extends KubeObject = KubeObject>(object: KubeObject, options?: ApplyOptions): Promise<T>;
  /** Creates; gives `exists` when somebody was first. After a lost answer it looks before it sends again. */
  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject | 'exists'>;
  /** Replaces; gives `conflict` when metadata.resourceVersion is stale. */
  replace(object: KubeObject, options?: WriteOptions): Promise<KubeObject | 'conflict'>;
  /** JSON merge patch. */
  patch(
    resource: Resource,
    name: ObjectName,
    patch: unknown,
    options?: WriteOptions & { readonly subresource?: string },
  ): Promise<KubeObject>;
  delete(resource: Resource, name: ObjectName, options?: DeleteOptions): Promise<DeleteOutcome>;
  /** Finds out how the server serves a kind; undefined when it does not. */
  resourceFor(apiVersion: string, kind: string, options?: ReadOptions): Promise<Resource | undefined>;
  /** Names of the API groups that are served. */
  groups(options?: ReadOptions): Promise<string[]>;
  version(options?: ReadOptions): Promise<ServerVersion>;
  /** UID of the namespace kube-system: the cluster's identity. */
  clusterUid(options?: ReadOptions): Promise<string>;
  /** SelfSubjectAccessReview. */
  mayI(check: AccessCheck, options?: ReadOptions): Promise<AccessAnswer>;
  /** Runs a command in a container. @throws AirgapError EXEC_BROKEN and others; a non-zero exit is a result */
  exec(target: ExecTarget, options?: ExecOptions): Promise<ExecResult>;
  close(): void;
}

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  /** v1.33.13 */
  readonly gitVersion: string;
}

export interface AccessCheck {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly name?: string;
}

export interface AccessAnswer {
  readonly allowed: boolean;
  readonly reason: string;
}

export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Program and arguments; no shell is added. */
  readonly command: readonly string[];
}

export interface ExecOptions {
  readonly stdin?: import('node:stream').Readable;
  /** Gets standard output with back-pressure and is ended; without it up to 1 MiB is kept in the result. */
  readonly stdout?: import('node:stream').Writable;
  readonly stderr?: import('node:stream').Writable;
  readonly signal?: AbortSignal;
  /**
   * How the command learns that its input is over. `close` needs the v5 protocol (Kubernetes 1.30); with `counted`
   * the command itself knows how many bytes it reads (`head -c`), which works everywhere. A counting command may end
   * before it read all, and the rest is not sent; its container needs sh and sed.
   */
  readonly endOfInput?: 'close' | 'counted';
  /** Milliseconds without any sign of life from the server; 60000. */
  readonly stallTimeout?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Empty when a stream was given. */
  readonly stdout: Buffer;
  readonly stderr: string;
  /** v4.channel.k8s.io or v5.channel.k8s.io */
  readonly protocol: string;
}
