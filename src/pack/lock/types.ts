import type { Digest } from '../../oci/types.js';

/** spec.lock.yaml: what the names of a spec stood for when it was packed. */
export interface Lock {
  readonly product: string;
  readonly version: string;
  readonly platforms: readonly string[];
  readonly charts: readonly LockedChart[];
  readonly crds: readonly LockedFile[];
  readonly tools: readonly LockedFile[];
  readonly images: readonly LockedImage[];
}

export interface LockedChart {
  readonly role: string;
  readonly release: string;
  readonly name: string;
  readonly version: string;
  /** Path, address or registry, as the spec has it. */
  readonly origin: string;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface LockedFile {
  readonly origin: string;
  readonly sha256: string;
}

export interface LockedImage {
  readonly source: string;
  readonly target: string;
  /** What the source's tag stood for: an index or a manifest. */
  readonly digest: Digest;
  /** What the bundle carries of it, where that is another one (platforms filtered). */
  readonly carried?: Digest;
  /** os/arch[/variant] of what is carried. */
  readonly platforms: readonly string[];
}
