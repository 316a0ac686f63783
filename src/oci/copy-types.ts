import type { Emit } from '../events.js';
import type { Digest, ImageSink, ImageSource } from './types.js';

/** One image to copy. */
export interface CopyImage {
  readonly source: { readonly repository: string; readonly tagOrDigest: string };
  /** Without a tag the image is put by digest only. */
  readonly target: { readonly repository: string; readonly tag?: string };
}

export interface CopyOptions {
  readonly from: ImageSource;
  readonly to: ImageSink;
  /** Blobs at a time; 4. */
  readonly concurrency?: number;
  /** What to do with a tag that already stands for another digest; `replace` when absent, and it is reported. */
  readonly existingTags?: 'replace' | 'refuse';
  /** Reads every byte of what was copied back through this source (the target registry again). */
  readonly paranoid?: ImageSource;
  /** Where progress events say they come from; `push` when absent. */
  readonly stage?: string;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

export interface CopyCount {
  readonly blobs: number;
  readonly bytes: number;
}

export interface CopiedImage {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: Digest;
  /** `present`: the tag (or digest) was there already and nothing was looked at below it. */
  readonly outcome: 'copied' | 'present';
  /** What the tag stood for before, when that was something else. */
  readonly replaced?: Digest;
}

export interface CopyReport {
  readonly images: readonly CopiedImage[];
  /** Bytes that went over the wire. */
  readonly sent: CopyCount;
  /** Given from one repository of the registry to another. */
  readonly mounted: CopyCount;
  /** There already. */
  readonly skipped: CopyCount;
  readonly manifests: number;
}
