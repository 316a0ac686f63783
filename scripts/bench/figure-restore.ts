import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Figure } from './bench.js';
import { contest } from './contest.js';
import { type Cost, run } from './measure.js';
import { type BenchSite, passwordOf } from './site.js';
import { costCells } from './table.js';

/** Throughput of at least 0.9 of plain pg_restore. */
const RATIO = 1 / 0.9;
const MEMORY_MIB = 200;
const DATABASE = 'backend';

/**
 * The dump of one database into an empty one: `airgap restore --only database` (from the making of the database
 * until pg_restore has taken all; then every table is counted and hashed, which plain pg_restore does not do) against pg_restore
 * in the pod, fed by kubectl exec.
 */
export async function figureRestore(site: BenchSite): Promise<Figure[]> {
  const { folder, airgap, env } = site;
  const backup = join(folder, 'restore.backup');
  const made = await run(
    [...airgap, 'backup', 'create', '-o', backup, '--skip', 'metrics', '--format', 'json', '--quiet'],
    { env },
  );
  const { keyFile } = JSON.parse(made) as { keyFile: string };
  const dump = join(folder, 'restore.dump');
  await dumpTo(site, dump);
  const whole: number[] = [];
  const standings = await contest(
    [
      {
        name: 'airgap',
        run: async () => {
          const { cost, step } = await restoreByAirgap(site, backup, keyFile);
          whole.push(step);
          return cost;
        },
        clean: () => drop(site, `${DATABASE}_airgap_old`),
      },
      {
        name: 'kubectl exec pg_restore',
        run: () => restoreByHand(site, dump),
        clean: () => drop(site, 'plain'),
      },
    ],
    site.rounds,
  );
  const ours = standings[0]?.cost;
  const { size } = await stat(dump);
  const rate = (seconds: number): string => `${(size / 1e6 / seconds).toFixed(1)} MB/s`;
  const rows = standings.map(({ name, cost }) => `${name} ${rate(cost.wall)}`).join(', ');
  const peak = Math.max(...(standings[0]?.runs ?? []).map(({ rss }) => rss));
  return [
    costCells(`pg_restore of ${(size / 1e6).toFixed(0)} MB (${rows})`, standings, RATIO),
    {
      what: 'restore of a database with every table compared',
      ours: `${[...whole].sort((a, b) => a - b)[Math.floor(whole.length / 2)]?.toFixed(2)} s`,
      peers: '',
      ratio: '',
      budget: 'shown',
      ok: true,
    },
    {
      what: 'restore, peak memory',
      ours: `${peak.toFixed(0)} MiB`,
      peers: '',
      ratio: '',
      budget: `< ${MEMORY_MIB} MiB`,
      ok: ours !== undefined && peak < MEMORY_MIB,
    },
  ];
}

async function drop({ psql }: BenchSite, name: string): Promise<void> {
  await psql('postgres', `DROP DATABASE IF EXISTS "${name}"`);
}

/** The same dump as the backup's, in a file beside it. */
async function dumpTo(site: BenchSite, file: string): Promise<void> {
  const password = await passwordOf(site);
  const script = `IFS= read -r PGPASSWORD; export PGPASSWORD; exec pg_dump -h 127.0.0.1 -U postgres -Fc ${DATABASE}`;
  await shell(site, `printf '%s\\n' "$SECRET" | "$@" > "$FILE"`, { script, password, file });
}

async function restoreByHand(site: BenchSite, file: string): Promise<Cost> {
  const password = await passwordOf(site);
  const script =
    'IFS= read -r PGPASSWORD; export PGPASSWORD; createdb -h 127.0.0.1 -U postgres -T template0 plain </dev/null && exec pg_restore -h 127.0.0.1 -U postgres --exit-on-error -d plain';
  const started = process.hrtime.bigint();
  await shell(site, `{ printf '%s\\n' "$SECRET"; cat "$FILE"; } | "$@"`, { script, password, file });
  return { wall: Number(process.hrtime.bigint() - started) / 1e9, cpu: 0, rss: 0 };
}

async function shell(
  { inPod, env }: BenchSite,
  line: string,
  given: { readonly script: string; readonly password: string; readonly file: string },
): Promise<void> {
  const more = { SECRET: given.password, FILE: given.file };
  await run(['bash', '-o', 'pipefail', '-c', line, 'bash', ...inPod, 'bash', '-c', given.script], {
    env: { ...env, ...more },
  });
}

/** The times come from what airgap announces. */
async function restoreByAirgap(
  { folder, bundle, airgap, env }: BenchSite,
  backup: string,
  keyFile: string,
): Promise<{ readonly cost: Cost; readonly step: number }> {
  const report = join(folder, 'time');
  await writeFile(report, '');
  const args = [
    'restore',
    backup,
    '--identity',
    keyFile,
    '--bundle',
    bundle,
    '--only',
    'database',
    '--replace',
  ];
  const child = spawn(
    '/usr/bin/time',
    ['-o', report, '-f', '%U %S %M', ...airgap, ...args, '--yes', '--log-format', 'json'],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const at = new Map<string, number>();
  let tail = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail = `${tail}\n${line}`.slice(-3000);
    const event = line.startsWith('{') ? (JSON.parse(line) as Record<string, string>) : {};
    const name = `${event['type']} ${event['stage'] ?? event['id']} ${event['phase'] ?? ''}`.trim();
    at.set(name, performance.now() / 1000);
  });
  const [status] = (await once(child, 'close')) as [number];
  if (status !== 0) throw new Error(`airgap restore ended with ${status}\n${tail}`);
  const [user, system, rss] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
  const span = (from: string, to: string): number =>
    (at.get(to) ?? Number.NaN) - (at.get(from) ?? Number.NaN);
  const stage = `database:${DATABASE}`;
  return {
    cost: {
      wall: span(`stage-started ${stage}`, `stage-ended ${stage}`),
      cpu: (user ?? 0) + (system ?? 0),
      rss: (rss ?? 0) / 1024,
    },
    step: span(`step ${stage} started`, `step ${stage} done`),
  };
}
