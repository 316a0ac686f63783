import type { Descriptor, Digest } from '../oci/types.js';

/** The format's version: readers refuse a greater one, and read every smaller one. */
export const SCHEMA_VERSION = 1;

/** Names inside the bundle that are fixed (design.md, section 2). */
export const NAMES = {
  manifest: 'airgap.json',
  signature: 'airgap.sig',
  checksums: 'SHA256SUMS',
  readme: 'README.txt',
  crds: 'runai-crds.yaml',
  sbom: 'sbom.cdx.json',
  layout: 'oci-layout',
  index: 'index.json',
  blobs: 'blobs/sha256/',
  trust: 'trust/keys.json',
  tools: 'tools/',
} as const;

/** Bytes reserved for signatures; all zero until somebody signs. */
export const SIGNATURE_SIZE = 4096;

/**
 * One file of the bundle, in the order of the tar. `airgap.json` itself is not listed (it comes first, its size
 * is its own length). `SHA256SUMS` and `airgap.sig` have a size and no digest: the first is a pure function of
 * the manifest's bytes, the second is filled in later.
 */
export interface Entry {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256?: string;
}

/** An image as the bundle carries it. */
export interface BundleImage {
  /** The reference as the charts or the spec name it. */
  readonly source: string;
  /** `repository:tag` (or `repository@sha256:…` for an image known by digest only) below the site's registry. */
  readonly target: string;
  /** The root: an index or a manifest. */
  readonly descriptor: Descriptor;
  /** os/arch[/variant] of every platform kept. */
  readonly platforms: readonly string[];
  /** Digest of the index upstream when a smaller one was made from it. */
  readonly filteredFrom?: Digest;
  /** Where it was found, or why it was listed: for `images --why`. */
  readonly reasons: readonly string[];
}

export type ChartRole = 'control-plane' | 'cluster' | 'prerequisite';

export interface BundleChart {
  readonly role: ChartRole;
  /** The helm release and its namespace. */
  readonly release: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
  /** The entry that holds the tgz. */
  readonly path: string;
  /** Values keys (dotted paths) that redirect images; `{{registry}}` stands for HOST[:PORT][/PREFIX]. */
  readonly imageValues: Readonly<Record<string, string>>;
}

export interface BundleTool {
  readonly name: string;
  readonly platform: string;
  readonly path: string;
  readonly version?: string;
}

/** A delta bundle: these blobs are not inside; the base has them. */
export interface DeltaBase {
  readonly bundleId: string;
  readonly version: string;
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
}

/** airgap.json. Serialised with this key order, entries in tar order, no optional key written when absent. */
export interface Manifest {
  readonly schemaVersion: number;
  readonly product: string;
  readonly version: string;
  readonly sequence?: number;
  /** The lowest airgap version that understands this bundle. */
  readonly minTool: string;
  readonly platforms: readonly string[];
  /** Seconds since the epoch: spec, else SOURCE_DATE_EPOCH, else 0. */
  readonly sourceDate: number;
  readonly relocate: string;
  readonly requires: Readonly<Record<string, string>>;
  readonly upgrade?: { readonly from: string };
  readonly charts: readonly BundleChart[];
  /** Sources of runai-crds.yaml in order; empty when the bundle has none. */
  readonly crds: readonly string[];
  readonly images: readonly BundleImage[];
  readonly tools: readonly BundleTool[];
  /** Why image coverage was not checked, when it was not. */
  readonly coverage: 'rendered' | 'not-checked';
  readonly base?: DeltaBase;
  readonly entries: readonly Entry[];
}

/** A manifest that was parsed, with the exact bytes it was parsed from and their SHA-256, the bundle id. */
export interface VerifiedManifest {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
  /** 64 hex digits: SHA-256 of `bytes`. */
  readonly bundleId: string;
}
