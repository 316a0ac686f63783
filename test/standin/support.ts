import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));

/** A folder of its own for a test, gone afterwards. */
export function temporary(context: { after(clean: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'standin-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs scripts/standin from a folder that is not the checkout, without a database and with small CRDs. */
export function standin(args: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr } = spawnSync(join(SCRIPTS, 'standin'), [...args, '--no-postgres'], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, AIRGAP_TEST_CRDS: '', ...env },
  });
  return { status, out: stdout, err: stderr };
}

/** As above; fails the test when the script fails. */
export function made(args: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
  const ran = standin(args, env);
  if (ran.status !== 0) throw new Error(`standin ${args.join(' ')}: ${ran.err}`);
  return ran;
}

/** Every file below a folder with its digest. */
export function digests(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(names.sort().map((name) => [name.slice(folder.length + 1), sha256(readFileSync(name))]));
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A program of the tool cache, else of PATH; undefined when there is none. */
export function program(name: string): string | undefined {
  const { status, stdout } = spawnSync(join(SCRIPTS, 'tools'), ['path', name], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** A rendered Kubernetes object, as far as tests look at it. */
export interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into objects of many kinds
  readonly [key: string]: any;
}

/** Renders a chart as release `runai-backend` or `runai-cluster`. */
export function render(helm: string, chart: string, sets: readonly string[] = []): Rendered[] {
  const release = chart.includes('runai-cluster') ? 'runai-cluster' : 'runai-backend';
  const args = ['template', release, chart, '--namespace', release.replace('-cluster', ''), ...sets];
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** All images that objects name in pod specs. */
export function imagesOf(objects: readonly Rendered[]): string[] {
  const found = new Set<string>();
  JSON.stringify(objects, (key, value) => {
    if (key === 'image' && typeof value === 'string') found.add(value);
    return value;
  });
  return [...found].sort();
}

/** The control plane's and the cluster's packed charts. */
export function chartsOf(out: string): { backend: string; cluster: string } {
  const packed = readdirSync(join(out, 'charts')).filter((name) => name.endsWith('.tgz'));
  const path = (cluster: boolean): string => {
    const name = packed.find((file) => file.startsWith('runai-cluster-') === cluster);
    if (name === undefined) throw new Error(`no chart in ${out}`);
    return join(out, 'charts', name);
  };
  return { backend: path(false), cluster: path(true) };
}
