import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataSet, makeData } from './data.js';
import { measure, run } from './measure.js';
import { type BenchRegistry, startDistribution } from './registry.js';

/** What every figure works with. */
export interface Bench {
  readonly folder: string;
  /** How our own program is started. */
  readonly airgap: readonly string[];
  readonly rounds: number;
  readonly data: DataSet;
  /** A registry that holds the data. */
  readonly source: BenchRegistry;
  /** The data as `airgap pack` takes it from the source. */
  readonly spec: string;
  /** The data as a bundle. */
  readonly bundle: string;
}

/** One line of the result. */
export interface Figure {
  readonly what: string;
  readonly ours: string;
  /** Peers with what they needed, best first. */
  readonly peers: string;
  readonly ratio: string;
  readonly budget: string;
  readonly ok: boolean;
}

export interface BenchOptions {
  readonly folder: string;
  readonly root: string;
  readonly rounds: number;
  readonly scale: number;
  readonly say: (text: string) => void;
}

/** Makes the data, fills the source registry, packs the bundle. */
export async function prepare({ folder, root, rounds, scale, say }: BenchOptions): Promise<Bench> {
  const airgap = [process.execPath, join(root, 'bin/airgap')];
  say(`making the data below ${folder}`);
  const data = await makeData(join(folder, 'data'), scale);
  const source = await startDistribution(join(folder, 'source'));
  try {
    for (const { name, layout } of data.images) {
      await run(['crane', 'push', '--insecure', layout, `${source.address}/${name}:v1`]);
    }
    await writeChart(join(folder, 'chart'));
    const spec = join(folder, 'spec.yaml');
    await writeFile(spec, specOf(data, source.address));
    const bundle = join(folder, 'bundle.tar');
    await measure([...airgap, 'pack', spec, '-o', bundle, '--quiet']);
    await mkdir(join(folder, 'work'));
    return { folder, airgap, rounds, data, source, spec, bundle };
  } catch (error) {
    await source.stop();
    throw error;
  }
}

function specOf(data: DataSet, address: string): string {
  const images = data.images.map(({ name }) => `    - { ref: "${address}/${name}:v1", reason: benchmark }`);
  return [
    'apiVersion: airgap/v1',
    'kind: Bundle',
    'product: runai',
    'version: 2.13.66',
    'platforms: [linux/amd64]',
    'charts:',
    '  - { role: cluster, release: runai-cluster, namespace: runai, path: ./chart, imageValues: {} }',
    'images:',
    '  discover: false',
    '  include:',
    ...images,
    'relocate: flat',
    `plainHttp: ["${address}"]`,
    '',
  ].join('\n');
}

/** A bundle needs a chart; this one is next to nothing. */
async function writeChart(folder: string): Promise<void> {
  await mkdir(join(folder, 'templates'), { recursive: true });
  await writeFile(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: runai-cluster\nversion: 2.13.66\n');
  await writeFile(join(folder, 'templates/empty.yaml'), '# nothing\n');
}

export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
