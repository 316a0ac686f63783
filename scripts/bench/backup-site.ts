import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VERSION = '2.13.66';
export const THANOS = 'data-runai-backend-thanos-receive-0';

/** A node with the stand-in product, filled with data. */
export interface BackupSite {
  readonly folder: string;
  /** Begins a command line that runs inside the node's network. */
  readonly inside: readonly string[];
  /** How our own program is started there. */
  readonly airgap: readonly string[];
  /** The database's own password of the superuser. */
  readonly password: string;
  /** Folder of the Thanos volume on this machine. */
  readonly volume: string;
  kubectl(...args: string[]): string;
  down(): void;
}

export interface SiteSize {
  readonly rows: number;
  /** Files of 1 MiB of noise. */
  readonly files: number;
}

/** Starts a node, installs the stand-in and fills it. */
export function startBackupSite({ rows, files }: SiteSize, say: (text: string) => void): BackupSite {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-bench-backup-'));
  const env = {
    ...process.env,
    AIRGAP_NODE_NAME: `bench-${process.pid}`,
    AIRGAP_STATE_DIR: join(folder, 'state'),
  };
  Object.assign(process.env, env);
  const script = (name: string, ...args: string[]): string =>
    execFileSync(join(ROOT, 'scripts', name), args, { env, encoding: 'utf8', maxBuffer: 1 << 28 }).trim();
  const inside = [join(ROOT, 'scripts/node'), 'exec'];
  const airgap = [...inside, process.execPath, join(ROOT, 'bin/airgap')];
  const kubectl = (...args: string[]): string => script('node', 'exec', 'kubectl', ...args);
  const down = (): void => {
    spawnSync(join(ROOT, 'scripts/node'), ['down'], { env });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    say('starting a node with the stand-in');
    script('node', 'up');
    const registry = /REGISTRY=(\S+)/.exec(script('node', 'env'))?.[1] ?? '';
    const bundle = join(folder, 'bundle.tar');
    script('standin', '--version', VERSION, '--out', join(folder, 'standin'));
    const own = (...args: string[]): string =>
      execFileSync(process.execPath, [join(ROOT, 'bin/airgap'), ...args], { env, encoding: 'utf8' });
    own('pack', join(folder, 'standin/spec.yaml'), '-o', bundle, '--quiet');
    const install = [
      'install',
      bundle,
      '--registry',
      registry,
      '--plain-http',
      '--domain',
      'runai.test',
      '--yes',
    ];
    script('node', 'exec', process.execPath, join(ROOT, 'bin/airgap'), ...install);
    say(`filling the database with ${rows} rows, the volume with ${files} MiB`);
    script('node', 'psql', 'backend', fillSql(rows));
    const pv = kubectl('-n', 'runai-backend', 'get', 'pvc', THANOS, '-o', 'jsonpath={.spec.volumeName}');
    const volume = kubectl('get', 'pv', pv, '-o', 'jsonpath={.spec.hostPath.path}');
    execFileSync('bash', ['-c', FILL_VOLUME, 'bash', volume, String(files)]);
    const secret = 'jsonpath={.data.postgres-password}';
    const encoded = kubectl('-n', 'runai-backend', 'get', 'secret', 'runai-backend-postgresql', '-o', secret);
    const password = Buffer.from(encoded, 'base64').toString('utf8');
    return { folder, inside, airgap, password, volume, kubectl, down };
  } catch (error) {
    down();
    throw error;
  }
}

/** Rows as a control plane has them: ids, names, times, JSON. */
function fillSql(rows: number): string {
  const half = Math.floor(rows / 2);
  return `CREATE TABLE bench_jobs AS SELECT g AS id, md5(g::text) AS name, now() - g * interval '1 second' AS at, g % 97 AS state FROM generate_series(1, ${half}) g;
ALTER TABLE bench_jobs ADD PRIMARY KEY (id);
CREATE TABLE bench_events AS SELECT g AS id, jsonb_build_object('job', g, 'node', 'node-' || g % 40, 'text', md5((g * 7)::text) || md5((g * 11)::text)) AS body FROM generate_series(1, ${rows - half}) g;
ANALYZE;`;
}

const FILL_VOLUME = `set -e; cd "$1"; mkdir -p blocks
for ((i = 0; i < $2; i++)); do head -c 1048576 /dev/urandom > "blocks/chunk $i"; done; ln "blocks/chunk 0" blocks/linked`;
