import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { AirgapEvent } from '../../../src/events.js';
import { pack } from '../../../src/pack/index.js';
import type { PackOptions } from '../../../src/pack/options.js';
import type { PackReport } from '../../../src/pack/report.js';
import { folderOf, type Scope, writeFiles } from './folder.js';
import { PATH, ROOT } from './programs.js';
import { chartOf, deployment } from './tgz.js';

/** A spec on disk with a chart that names images below one registry. */
export interface Product {
  readonly folder: string;
  readonly spec: string;
}

export interface ProductFacts {
  /** HOST:PORT that the chart names. */
  readonly registry: string;
  /** repository:tag of the chart's images. */
  readonly images: readonly string[];
  /** Lines that follow the charts in the spec. */
  readonly more?: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** Writes a product: a cluster chart with one Deployment for each image, redirected by one key. */
export function productOf(t: Scope, facts: ProductFacts): Product {
  const folder = folderOf(t);
  const templates = facts.images.map((image, index) => [
    `templates/d${index}.yaml`,
    deployment(
      `d${index}`,
      `{{ .Values.registry }}/{{ if .Values.flat }}${image.replace(/^.*\//, '')}{{ else }}${image}{{ end }}`,
    ),
  ]);
  writeFiles(folder, {
    'charts/demo.tgz': chartOf('demo', '1.0.0', {
      'values.yaml': `registry: ${facts.registry}\nflat: ""\n`,
      ...Object.fromEntries(templates),
    }),
    'spec.yaml': `apiVersion: airgap/v1
kind: Bundle
product: demo
version: 1.0.0
platforms: [linux/amd64]
charts:
  - role: cluster
    release: demo
    namespace: demo
    path: ./charts/demo.tgz
    imageValues: {registry: "{{registry}}", flat: "yes"}
plainHttp: ["${facts.registry}"]
${facts.more ?? ''}`,
    ...facts.files,
  });
  return { folder, spec: join(folder, 'spec.yaml') };
}

export interface Packed {
  readonly report: PackReport;
  readonly events: readonly AirgapEvent[];
  readonly output: string;
}

/** Packs in this process. */
export async function packed(
  t: Scope,
  product: Product,
  options: Partial<PackOptions> = {},
): Promise<Packed> {
  const events: AirgapEvent[] = [];
  const output = options.output ?? join(product.folder, 'out.tar');
  const report = await pack({
    spec: product.spec,
    output,
    cwd: product.folder,
    env: { PATH },
    now: Date.now,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    reach: { retries: 2, retryDelay: 10 },
    concurrency: 4,
    platform: 'linux/amd64',
    tmpdir: options.tmpdir ?? folderOf(t),
    mode: 'refresh',
    ...options,
  });
  return { report, events, output };
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program itself; it is ended with SIGKILL once `kill` resolves. */
export function airgap(
  args: readonly string[],
  options: { readonly cwd: string; readonly kill?: Promise<void>; readonly env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const loader = join(ROOT, 'node_modules/tsx/dist/loader.mjs');
    const child = spawn(
      process.execPath,
      ['--import', `file://${loader}`, join(ROOT, 'src/main.ts'), ...args],
      {
        cwd: options.cwd,
        env: { ...process.env, PATH, ...options.env },
      },
    );
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    options.kill?.then(() => child.kill('SIGKILL'), reject);
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
  });
}

/** Bytes that do not compress and are the same in every run. */
export function noise(size: number, seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < size; i++) blocks.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}
