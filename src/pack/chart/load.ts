import { AirgapError, type Fault } from '../../errors.js';
import { mapPooled } from '../../io/pool.js';
import type { ChartSpec } from '../spec/types.js';
import { type ChartFetchOptions, fetchChart } from './fetch.js';
import { scanChart } from './scan.js';
import type { Chart, PackedChart } from './types.js';

/**
 * Brings and scans every chart of the spec, some at a time.
 * @throws AirgapError CHART_INVALID when two charts would be one file, and what fetching and scanning throw
 */
export async function loadCharts(
  charts: readonly ChartSpec[],
  options: ChartFetchOptions,
): Promise<PackedChart[]> {
  const loaded = await mapPooled(
    charts,
    4,
    (spec, signal) => loadChart(spec, { ...options, signal }),
    options.signal,
  );
  refuseTwins(loaded);
  return loaded;
}

async function loadChart(spec: ChartSpec, options: ChartFetchOptions): Promise<PackedChart> {
  const { bytes, origin } = await fetchChart(spec.source, options);
  const chart = await scanChart(bytes, origin);
  requireAsked(spec, chart, origin);
  return { ...spec, chart, origin, entry: chartEntry(spec, chart) };
}

/** The path in the bundle, as the vendor's page has it (design.md, section 2). */
export function chartEntry(spec: Pick<ChartSpec, 'role'>, chart: Pick<Chart, 'name' | 'version'>): string {
  const folder = { 'control-plane': 'runai-backend/', cluster: '', prerequisite: 'charts/' }[spec.role];
  return `${folder}${chart.name}-${chart.version}.tgz`;
}

/** A repository that hands out another chart than it was asked for is not believed. */
function requireAsked({ source }: ChartSpec, chart: Chart, origin: string): void {
  const wanted = source.kind === 'path' ? undefined : source.version.replace(/^v/, '');
  const name = source.kind === 'repo' ? source.name : chart.name;
  if ((wanted === undefined || wanted === chart.version.replace(/^v/, '')) && name === chart.name) return;
  throw new AirgapError('CHART_INVALID', `${origin} is another chart inside`, {
    expected: `${name} ${wanted}`,
    found: `${chart.name} ${chart.version}`,
  });
}

function refuseTwins(charts: readonly PackedChart[]): void {
  const faults = charts.flatMap(({ entry, origin }, index): Fault[] => {
    const first = charts.findIndex((chart) => chart.entry.toLowerCase() === entry.toLowerCase());
    return first === index
      ? []
      : [{ where: origin, what: `is ${entry} in the bundle, as is ${charts[first]?.origin}` }];
  });
  if (faults.length > 0) throw new AirgapError('CHART_INVALID', 'two charts would be one file', { faults });
}
