import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../../errors.js';
import { mapPooled } from '../../io/pool.js';
import { formatYaml } from '../../yaml.js';
import type { PackedChart } from '../chart/types.js';
import { kubeVersions } from './kube-version.js';
import { PLACEHOLDER_REGISTRY, redirectValues } from './redirect.js';
import { parseRendered } from './rendered.js';
import type { Discovery } from './types.js';
import { walkObjects } from './walk.js';

/** One run of `helm template`. */
export interface RenderRequest {
  readonly release: string;
  readonly namespace: string;
  /** The tgz. */
  readonly chart: string;
  readonly values: readonly string[];
  readonly kubeVersion?: string;
  readonly signal?: AbortSignal;
}

/** Renders a chart and gives what helm prints. @throws AirgapError CHART_INVALID with helm's own words */
export type Render = (request: RenderRequest) => Promise<string>;

export interface DiscoverOptions {
  readonly render: Render;
  /** A folder of this run, 0700: helm gets its files from here, never those of the spec. */
  readonly workFolder: string;
  /** A range such as ">=1.23 <1.29". */
  readonly kubernetes?: string;
  readonly signal?: AbortSignal;
}

/** What one chart names, as it is and with its images redirected to PLACEHOLDER_REGISTRY. */
export interface ChartDiscovery {
  readonly chart: PackedChart;
  readonly plain: Discovery;
  /** Absent when the spec has no imageValues for the chart. */
  readonly redirected?: Discovery;
}

/** Renders every chart and finds what it names. @throws AirgapError CHART_INVALID, VALUES_INVALID, YAML_INVALID */
export async function discover(
  charts: readonly PackedChart[],
  options: DiscoverOptions,
): Promise<ChartDiscovery[]> {
  const numbered = charts.map((chart, index) => ({
    chart,
    folder: join(options.workFolder, `chart-${index}`),
  }));
  return mapPooled(
    numbered,
    2,
    ({ chart, folder }, signal) => discoverChart(chart, folder, { ...options, signal }),
    options.signal,
  );
}

async function discoverChart(
  chart: PackedChart,
  folder: string,
  options: DiscoverOptions,
): Promise<ChartDiscovery> {
  await mkdir(folder, { mode: 0o700 });
  const archive = join(folder, 'chart.tgz');
  await writeFile(archive, chart.chart.bytes, { mode: 0o600 });
  const values = await Promise.all(chart.values.map((path, index) => copyValues(path, folder, index)));
  const plain = await renderAll(chart, { ...options, archive, values });
  if (Object.keys(chart.imageValues).length === 0) return { chart, plain };
  const redirect = join(folder, 'registry.yaml');
  const tree = redirectValues(chart.imageValues, PLACEHOLDER_REGISTRY);
  await writeFile(redirect, formatYaml(tree), { mode: 0o600 });
  const redirected = await renderAll(chart, { ...options, archive, values: [...values, redirect] });
  return { chart, plain, redirected };
}

interface Rendering extends DiscoverOptions {
  readonly archive: string;
  readonly values: readonly string[];
}

async function renderAll(chart: PackedChart, rendering: Rendering): Promise<Discovery> {
  const versions = kubeVersions(rendering.kubernetes);
  const images = new Map<string, Discovery['images'][number]>();
  const hints = new Map<string, Discovery['hints'][number]>();
  for (const kubeVersion of versions.length === 0 ? [undefined] : versions) {
    const text = await rendering.render({
      release: chart.release,
      namespace: chart.namespace,
      chart: rendering.archive,
      values: rendering.values,
      ...(kubeVersion === undefined ? {} : { kubeVersion }),
      ...(rendering.signal ? { signal: rendering.signal } : {}),
    });
    const found = walkObjects(parseRendered(text, chart.chart.name), chart.chart.name);
    for (const image of found.images) images.set(JSON.stringify(image), image);
    for (const hint of found.hints) hints.set(JSON.stringify(hint), hint);
  }
  return { images: [...images.values()], hints: [...hints.values()] };
}

/** Values are copied, so that what helm reads is what was there when the run began. */
async function copyValues(path: string, folder: string, index: number): Promise<string> {
  const copy = join(folder, `values-${index}.yaml`);
  try {
    await writeFile(copy, await readFile(path), { mode: 0o600 });
  } catch (cause) {
    throw new AirgapError('SOURCE_MISSING', `the values file ${path} cannot be read`, {
      found: systemCode(cause) ?? String(cause),
      cause,
    });
  }
  return copy;
}
