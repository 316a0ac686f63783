import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tarOf } from '../oci/tar.js';
import { type ChartFiles, type Values, yaml } from './text.js';

/** What a chart is made of before it is files. */
export interface ChartParts {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly values: Values;
  /** Path below templates/ and text. */
  readonly templates: Readonly<Record<string, string>>;
}

/** The files of a chart, sorted by path. */
export function chartFiles(parts: ChartParts): ChartFiles {
  const { name, version, description } = parts;
  const meta = { apiVersion: 'v2', name, description, type: 'application', version, appVersion: version };
  const templates = Object.entries(parts.templates).map(
    ([path, text]) => [`templates/${path}`, `${text.trim()}\n`] as const,
  );
  const files = [['Chart.yaml', yaml(meta)], ['values.yaml', yaml(parts.values)], ...templates] as const;
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The chart as `helm package` would name and fold it; equal files give equal bytes. */
export function packedChart(name: string, files: ChartFiles): Buffer {
  const entries = [...files].map(([path, data]) => ({ path: `${name}/${path}`, data }));
  return gzipSync(tarOf(entries), { level: 9 });
}

/** Writes the chart as a folder that people can read. */
export async function writeChartFolder(folder: string, files: ChartFiles): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
