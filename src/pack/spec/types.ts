import type { ChartRole } from '../../bundle/manifest.js';
import type { Reference } from '../../oci/types.js';

/** A spec whose shape and references are right; paths are absolute. */
export interface Spec {
  /** The file it was read from, as the user named it. */
  readonly file: string;
  readonly product: string;
  readonly version: string;
  readonly sequence?: number;
  /** os/arch[/variant], in the order of the spec. */
  readonly platforms: readonly string[];
  /** Seconds since the epoch. */
  readonly sourceDate?: number;
  readonly requires: Readonly<Record<string, string>>;
  readonly upgrade?: { readonly from: string };
  readonly charts: readonly ChartSpec[];
  readonly crds: readonly FileSpec[];
  readonly images: ImagesSpec;
  readonly relocate: Relocation;
  /** HOST[:PORT] of registries spoken to without TLS. */
  readonly plainHttp: readonly string[];
  readonly tools: readonly ToolSpec[];
}

/** Where one file comes from. */
export type FileSpec =
  | { readonly kind: 'path'; readonly path: string; readonly given: string; readonly sha256?: string }
  | { readonly kind: 'url'; readonly url: string; readonly sha256?: string };

export type ChartSource =
  | { readonly kind: 'path'; readonly path: string; readonly given: string }
  | {
      readonly kind: 'repo';
      readonly url: string;
      readonly name: string;
      readonly version: string;
      readonly credentials?: CredentialNames;
    }
  | { readonly kind: 'oci'; readonly reference: Reference; readonly given: string; readonly version: string };

/** Names of environment variables; credentials themselves never stand in a spec. */
export interface CredentialNames {
  readonly usernameEnv: string;
  readonly passwordEnv: string;
}

export interface ChartSpec {
  readonly role: ChartRole;
  readonly release: string;
  readonly namespace: string;
  readonly source: ChartSource;
  /** Values files used to render it when images are looked for. */
  readonly values: readonly string[];
  readonly imageValues: Readonly<Record<string, string>>;
}

export interface ImagesSpec {
  readonly discover: boolean;
  readonly include: readonly ImageSpec[];
  readonly exclude: readonly ExcludeSpec[];
}

/** An image listed by hand. */
export interface ImageSpec {
  /** The name that the charts use; absent when only `from` is given. */
  readonly ref?: Reference;
  /** Where the bytes are when it is not the registry that `ref` names. */
  readonly from?: ImageOrigin;
  /** repository:tag below the site's registry, in place of the relocation rule. */
  readonly target?: string;
  readonly reason?: string;
}

/** Images outside a registry, in skopeo's notation. */
export interface ImageOrigin {
  readonly transport: 'oci' | 'oci-archive' | 'docker-archive';
  /** Folder or tar. */
  readonly path: string;
  /** Tag or annotated name in it; the only image when absent. */
  readonly name?: string;
  /** As the spec has it. */
  readonly given: string;
}

export interface ExcludeSpec {
  /** A reference; `*` stands for any characters. */
  readonly pattern: string;
  readonly reason: string;
}

/** How a source reference becomes a name below the site's registry. */
export type Relocation =
  | { readonly rule: 'flat' }
  | { readonly rule: 'keep-path' }
  | { readonly rule: 'prefix'; readonly prefix: string };

export interface ToolSpec {
  readonly name: string;
  readonly platform: string;
  readonly source: FileSpec;
  readonly version?: string;
}
