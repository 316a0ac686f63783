export const SCHEMA_VERSION = 1;
export const KIND = 'airgap-backup';

/** Values without a form of their own in the manifest; numbers are integers within 2^53. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** The last real entry of a backup: what it holds, where it came from, what is missing. */
export interface BackupManifest extends BackupFacts {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly kind: typeof KIND;
  /** In the order of the archive. */
  readonly parts: readonly Part[];
}

/** What the one who makes a backup says about it. */
export interface BackupFacts {
  /** ISO 8601, UTC, to the second or millisecond: when the backup was begun. */
  readonly createdAt: string;
  /** airgap's version. */
  readonly tool: string;
  /** UID of the namespace kube-system. */
  readonly clusterUid: string;
  readonly product: ProductFacts;
  readonly releases: readonly ReleaseFacts[];
  readonly databases: readonly DatabaseFacts[];
  readonly volumes: readonly VolumeFacts[];
  /** What a backup could hold and this one does not. */
  readonly skipped: readonly Skipped[];
  /** Anything else about the site: domain, registry, Kubernetes version. */
  readonly meta: { readonly [key: string]: Json | undefined };
}

export interface ProductFacts {
  readonly name: string;
  readonly controlPlane?: string;
  readonly cluster?: string;
}

/** A helm release as it was. */
export interface ReleaseFacts {
  readonly name: string;
  readonly namespace: string;
  readonly chart: string;
  readonly version: string;
  readonly appVersion?: string;
  /** The bundle that the release was installed from, where that is known. */
  readonly bundleId?: string;
}

/** One dumped database. */
export interface DatabaseFacts {
  readonly name: string;
  /** Logical path of the dump. */
  readonly part: string;
  readonly format: 'custom' | 'plain';
  readonly serverVersion?: string;
  readonly dumpVersion?: string;
  readonly tables: readonly TableFacts[];
  /** Sizes, sequences, large objects, extensions, hashes of tables. */
  readonly meta?: { readonly [key: string]: Json | undefined };
}

export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
}

/** A volume of the product's and how it was saved. */
export interface VolumeFacts {
  readonly claim: string;
  readonly namespace: string;
  readonly purpose: string;
  /** `site`: saved by the site's own solution, which is named in `by`. */
  readonly method: 'copy' | 'snapshot' | 'site';
  /** Logical path of the copy. */
  readonly part?: string;
  /** Name of the VolumeSnapshot, or of the site's solution. */
  readonly by?: string;
  readonly files?: number;
  /** Bytes of the files. */
  readonly bytes?: number;
  readonly meta?: { readonly [key: string]: Json | undefined };
}

export interface Skipped {
  readonly what: string;
  readonly why: string;
}

/** What the caller says about a part. */
export interface PartFacts {
  /** What restore does with it: lower-case words with dashes, such as `database-dump`. */
  readonly role: string;
  readonly meta?: { readonly [key: string]: Json | undefined };
}

/** A logical file: one entry, or a long stream cut into entries PATH/000001, PATH/000002… */
export interface Part extends PartFacts {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the whole logical file. */
  readonly sha256: string;
  /** Bytes of every chunk but the last; present when the part is cut. */
  readonly chunkSize?: number;
  /**
   * For each chunk the SHA-256 of the part's bytes up to the end of that chunk, so that one pass of one hash proves
   * the chunks and the whole. An empty stream has one empty chunk.
   */
  readonly chunks?: readonly string[];
}
