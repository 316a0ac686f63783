import type { Descriptor, ImageSource } from './types.js';

/** An image that a local source (OCI layout, docker-archive) holds. */
export interface NamedImage {
  /** As the source writes it: a tag, a full reference, or empty when it has none. */
  readonly name: string;
  readonly descriptor: Descriptor;
}

/**
 * A source that is a folder or file. `manifest(repository, tagOrDigest)` finds a digest wherever it is listed, and a
 * name by `tagOrDigest`, `repository:tagOrDigest` or, when both are empty, the only image there is.
 */
export interface NamedSource extends ImageSource {
  names(): readonly NamedImage[];
  close(): Promise<void>;
}
