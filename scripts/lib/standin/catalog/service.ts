import type { Version } from '../eras.js';
import type { ImageUse } from '../images.js';

/** A Deployment of one stand-in service, with a Service of the same name. */
export interface Service {
  /** Name without the release's prefix. */
  readonly name: string;
  readonly port: number;
  readonly use: ImageUse;
  /** A second container of the pod. */
  readonly sidecar?: ImageUse;
  /** Only there when the charts are made in full. */
  readonly full: boolean;
}

/** One row of a table of services: which versions have it, and whether a small test node gets it. */
export interface ServiceRow {
  readonly name: string;
  readonly port?: number;
  /** First minor version. */
  readonly since?: number;
  /** Last minor version. */
  readonly until?: number;
  readonly full?: true;
}

/** The rows that a version has. */
export function rowsOf<Row extends ServiceRow>(rows: readonly Row[], version: Version): readonly Row[] {
  return rows.filter(({ since = 0, until = 99 }) => version.minor >= since && version.minor <= until);
}

/** `assets-service` gives `assetsService`, the way values keys are spelt. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
