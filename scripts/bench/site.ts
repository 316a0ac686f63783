import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './measure.js';

const VERSION = '2.13.66';
const POD = ['-n', 'runai-backend', 'exec', '-i', 'runai-backend-postgresql-0', '--'];

/** A running product on a test node of its own. */
export interface BenchSite {
  readonly folder: string;
  readonly rounds: number;
  readonly bundle: string;
  /** Registry of the node, HOST:PORT. */
  readonly registry: string;
  /** How our own program is started inside the node's network. */
  readonly airgap: readonly string[];
  /** How any program is. */
  readonly inside: readonly string[];
  /** kubectl exec into the database's pod, with standard input. */
  readonly inPod: readonly string[];
  /** Bare rows. */
  psql(database: string, sql: string): Promise<string>;
  /** For every process of the site. */
  readonly env: Readonly<Record<string, string>>;
  down(): Promise<void>;
}

export interface SiteOptions {
  readonly folder: string;
  readonly root: string;
  readonly rounds: number;
  /** 1 is 2 million rows. */
  readonly scale: number;
  readonly say: (text: string) => void;
}

/** Starts a node, installs the stand-in product and fills its database. */
export async function prepareSite({ folder, root, rounds, scale, say }: SiteOptions): Promise<BenchSite> {
  const env = {
    AIRGAP_NODE_NAME: `bench-${process.pid}`,
    AIRGAP_STATE_DIR: join(folder, 'state'),
  };
  const script = join(root, 'scripts/node');
  const inside = [script, 'exec'];
  const airgap = [...inside, process.execPath, join(root, 'bin/airgap')];
  const psql = (database: string, sql: string): Promise<string> =>
    run([script, 'psql', database, sql], { env });
  const down = async (): Promise<void> => void (await run([script, 'down'], { env }));
  say('starting a test node');
  await run([script, 'up'], { env });
  try {
    const registry = /REGISTRY=(\S+)/.exec(await run([script, 'env'], { env }))?.[1] ?? '';
    await mkdir(join(folder, 'standin'), { recursive: true });
    await run([join(root, 'scripts/standin'), '--version', VERSION, '--out', join(folder, 'standin')], {
      env,
    });
    const bundle = join(folder, 'site.tar');
    await run([...airgap.slice(2), 'pack', join(folder, 'standin/spec.yaml'), '-o', bundle, '--quiet'], {
      env,
    });
    say('installing the stand-in product');
    const to = ['--registry', registry, '--plain-http'];
    await run([...airgap, 'install', bundle, ...to, '--domain', 'runai.test', '--yes', '--quiet'], { env });
    const rows = Math.round(2_000_000 * scale);
    say(`writing ${rows} rows`);
    await psql('backend', fillSql(rows));
    await writeFile(join(folder, 'rows'), String(rows));
    const inPod = [...inside, 'kubectl', ...POD];
    return { folder, rounds, bundle, registry, airgap, inside, inPod, psql, env, down };
  } catch (error) {
    await down();
    throw error;
  }
}

/** Like what a control plane keeps: short rows with keys, and documents. */
function fillSql(rows: number): string {
  const [short, documents] = [Math.round(rows * 0.8), Math.round(rows * 0.2)];
  return [
    'CREATE TABLE jobs (id int PRIMARY KEY, name text, owner int, gpu numeric, at timestamptz)',
    `INSERT INTO jobs SELECT g, md5(g::text), g % 977, g * 0.25, timestamptz '2024-01-01' + g * interval '1 s' FROM generate_series(1, ${short}) g`,
    'CREATE INDEX ON jobs (owner)',
    'CREATE TABLE documents (id int PRIMARY KEY, body jsonb)',
    `INSERT INTO documents SELECT g, jsonb_build_object('name', md5(g::text), 'list', jsonb_build_array(md5((g*3)::text), md5((g*7)::text), g), 'text', repeat(md5((g*11)::text), 6)) FROM generate_series(1, ${documents}) g`,
    'ANALYZE',
  ].join(';\n');
}

/** The password of the database's superuser. */
export async function passwordOf({ inside, env }: Pick<BenchSite, 'inside' | 'env'>): Promise<string> {
  const args = ['-n', 'runai-backend', 'get', 'secret', 'runai-backend-postgresql', '-o'];
  const text = await run([...inside, 'kubectl', ...args, 'jsonpath={.data.postgres-password}'], { env });
  return Buffer.from(text, 'base64').toString('utf8');
}
