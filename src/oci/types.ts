import type { Readable } from 'node:stream';

/** Media types of manifests and indexes that travel byte for byte. */
export const MEDIA = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** Header by which airgap’s own registry tells, in its answer to GET /v2/, how many bytes may still be written. */
export const FREE_BYTES_HEADER = 'airgap-free-bytes';

/** `sha256:<64 hex>`; checked by parseDigest (digest.ts) at the edge, trusted afterwards. */
export type Digest = `sha256:${string}`;

/** A descriptor (OCI image spec, descriptor.md), reduced to what decides. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  /** Foreign layers name where to fetch them; refused or carried at pack time, never dereferenced later. */
  readonly urls?: readonly string[];
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A parsed reference: registry, repository, and tag or digest (or both). */
export interface Reference {
  /** HOST[:PORT]; docker.io for short names. */
  readonly registry: string;
  /** `library/` is added for docker.io's short names. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** The raw bytes of a manifest or index with the descriptor that they hash to. */
export interface ManifestBytes {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

export interface BlobOptions extends ReadOptions {
  /** First byte wanted; 0 when absent. */
  readonly offset?: number;
}

/** Takes bytes in memory of its own, so that they can come there from the network without a copy in between. */
export interface ByteSink {
  /** Memory for the next bytes, at least one. Throws when no more are wanted. */
  space(): Buffer;
  /**
   * The first `count` bytes of the last space are there; the promise of one who is busy holds the source back, and
   * until then there is no space.
   */
  filled(count: number): Promise<void> | undefined;
}

export interface PourOptions extends ReadOptions {
  readonly sink: ByteSink;
}

/**
 * A source of images: a registry, a bundle, an OCI layout, a docker-archive. Blobs come with their digest and
 * size checked in the stream when read from offset 0: the stream errors with BLOB_MISMATCH at its end, or at the
 * first byte too many.
 */
export interface ImageSource {
  /** Resolves a tag or digest of a repository. @throws REGISTRY_NOT_FOUND and the source's other codes */
  manifest(repository: string, tagOrDigest: string, options?: ReadOptions): Promise<ManifestBytes>;
  /**
   * Where the source has it: gives the bytes piece by piece, as many as the descriptor says, to one who checks the
   * digest himself.
   */
  pourBlob?(repository: string, descriptor: Descriptor, options: PourOptions): Promise<void>;
  /** Opens a blob. */
  blob(repository: string, descriptor: Descriptor, options?: BlobOptions): Promise<Readable>;
}

/** How the bytes of a blob are obtained for sending, again from any offset when an upload is resumed. */
export type OpenBlob = (offset: number, signal?: AbortSignal) => Promise<Readable> | Readable;

/** What became of a blob that was to be put. */
export type PutOutcome = 'sent' | 'mounted' | 'present';

/** A sink of images: a registry or an OCI layout. */
export interface ImageSink {
  hasBlob(repository: string, descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;
  /** Mounts the blob from one of `from` when the sink can; else sends it. */
  putBlob(
    repository: string,
    descriptor: Descriptor,
    open: OpenBlob,
    options?: ReadOptions & { readonly from?: readonly string[]; readonly onBytes?: (count: number) => void },
  ): Promise<PutOutcome>;
  hasManifest(repository: string, tagOrDigest: string, options?: ReadOptions): Promise<Digest | undefined>;
  putManifest(
    repository: string,
    tagOrDigest: string,
    manifest: ManifestBytes,
    options?: ReadOptions,
  ): Promise<void>;
}
