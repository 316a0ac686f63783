import { gzipSync } from 'node:zlib';
import type { Finding } from '../findings.js';
import type { RenderedRelease } from './rendered.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'release.size', title: 'size of helm’s records' };
/** Data of a Secret; the API server refuses more. */
const MOST = 1_048_576;

export interface RecordSize {
  readonly release: string;
  /** Bytes of the Secret’s data as helm will write it, an estimate from above. */
  readonly bytes: number;
}

export const releaseSizeCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async ({ rendered }) => [judgeReleaseSize((await rendered()).map(recordSize))],
};

/**
 * Helm stores chart, values and manifest as gzip of JSON in base64 (threats 113). The archive is compressed
 * already, so its own size stands for the chart; base64 inside the JSON makes up for what compresses worse.
 */
export function recordSize({ planned, text, chartSize }: RenderedRelease): RecordSize {
  const own = gzipSync(JSON.stringify({ manifest: text, config: planned.values }), { level: 9 }).length;
  return { release: planned.chart.release, bytes: Math.ceil(((own + chartSize) * 4) / 3) };
}

export function judgeReleaseSize(sizes: readonly RecordSize[]): Finding {
  const seen = sizes.map(({ release, bytes }) => `${release} ${Math.ceil(bytes / 1024)} KiB`).join(', ');
  const expected = `less than ${MOST / 1024} KiB each`;
  const largest = Math.max(0, ...sizes.map(({ bytes }) => bytes));
  if (largest >= MOST) {
    const advice =
      'make the values smaller: large files in them belong into Secrets or ConfigMaps of your own';
    return { ...ROW, outcome: 'fail', seen, expected, advice };
  }
  if (largest > MOST * 0.8)
    return { ...ROW, outcome: 'warn', seen, expected, advice: 'keep the values from growing' };
  return { ...ROW, outcome: 'pass', seen };
}
