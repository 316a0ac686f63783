import type { ChartSpec } from '../spec/types.js';

/** A chart that was scanned: its bytes are what travels and what helm gets. */
export interface Chart {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
  /** The tgz. */
  readonly bytes: Buffer;
  /** 64 hex digits, of `bytes`. */
  readonly sha256: string;
  /** values.yaml of the chart and of its subcharts, by the dotted prefix that the parent gives them. */
  readonly values: readonly { readonly prefix: readonly string[]; readonly value: unknown }[];
}

/** A chart of the spec, brought here. */
export interface PackedChart extends ChartSpec {
  readonly chart: Chart;
  /** Where it came from, for people and the lock. */
  readonly origin: string;
  /** Its entry in the bundle. */
  readonly entry: string;
}

/** What a chart must not exceed: helm's own limits, and enough files for the largest public charts. */
export interface ChartLimits {
  /** Bytes of the whole archive, packed and unpacked. */
  readonly total: number;
  /** Bytes of one file. */
  readonly file: number;
  readonly files: number;
  /** Archives within archives. */
  readonly depth: number;
}

export const CHART_LIMITS: ChartLimits = {
  total: 100 * 1024 * 1024,
  file: 5 * 1024 * 1024,
  files: 10_000,
  depth: 4,
};
