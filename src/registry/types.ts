import type { Readable } from 'node:stream';
import type { ContentDigest, HashAlgorithm } from './content-digest.js';
import type { ManifestContent } from './manifest-content.js';
import type { ByteRange } from './range.js';

/** A tag, or a digest. */
export type ManifestKey = { readonly tag: string } | { readonly digest: ContentDigest };

/** A manifest with the bytes that were once pushed. */
export interface StoredManifest {
  readonly digest: ContentDigest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A blob that can be read from any place. */
export interface StoredBlob {
  /** Bytes. */
  readonly size: number;
  /** Opens a part, or all when no range is given. */
  open(range?: ByteRange): Promise<Readable> | Readable;
}

/** A descriptor as the referrers list shows it. */
export interface ReferrerDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What can be pulled from: a bundle, a folder, or both. Names and digests are checked before they come here. */
export interface ContentStore {
  /** The repository that a client means by a name, when `namespace` (containerd's ?ns=) says which registry it mirrors. */
  locate(name: string, namespace?: string): string;
  /** Sorted. */
  repositories(): Promise<readonly string[]>;
  /** Sorted; undefined for an unknown repository. */
  tags(repository: string): Promise<readonly string[] | undefined>;
  manifest(repository: string, key: ManifestKey): Promise<StoredManifest | undefined>;
  blob(repository: string, digest: ContentDigest): Promise<StoredBlob | undefined>;
  referrers(repository: string, subject: ContentDigest): Promise<readonly ReferrerDescriptor[]>;
  close(): Promise<void>;
}

/** An upload session: bytes arrive in order, are hashed while they are written, and become a blob at the end. */
export interface Upload {
  readonly id: string;
  readonly repository: string;
  /** Bytes received and written so far. */
  readonly size: number;
  /** Says what the digest will be made with, which saves a second reading when nothing has arrived yet. */
  expect(algorithm: HashAlgorithm): void;
  /** Appends a body; what arrived before a failure counts. One call at a time. */
  append(body: AsyncIterable<Buffer>): Promise<void>;
}

export interface ManifestToPut {
  readonly digest: ContentDigest;
  readonly bytes: Buffer;
  readonly content: ManifestContent;
  readonly tags: readonly string[];
}

/** What can be pushed to. */
export interface WritableStore extends ContentStore {
  /** Bytes that may still be written. */
  freeBytes(): Promise<number>;
  startUpload(repository: string, algorithm?: HashAlgorithm): Promise<Upload>;
  findUpload(repository: string, id: string): Upload | undefined;
  /** Makes the upload's bytes a blob of its repository; the session ends either way. @throws Refusal DIGEST_INVALID */
  finishUpload(upload: Upload, digest: ContentDigest): Promise<void>;
  cancelUpload(upload: Upload): Promise<void>;
  /** True when the blob is now in the repository; without `from` it may come from any. */
  mount(repository: string, digest: ContentDigest, from?: string): Promise<boolean>;
  putManifest(repository: string, manifest: ManifestToPut): Promise<void>;
  /** Deletions answer false when there was nothing. */
  deleteTag(repository: string, tag: string): Promise<boolean>;
  deleteManifest(repository: string, digest: ContentDigest): Promise<boolean>;
  deleteBlob(repository: string, digest: ContentDigest): Promise<boolean>;
}
