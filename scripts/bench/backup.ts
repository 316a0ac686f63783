import { execFileSync } from 'node:child_process';
import { createWriteStream, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { openBackup } from '../../src/recovery/archive/open.js';
import { type BackupSite, startBackupSite, THANOS } from './backup-site.js';
import type { Figure } from './bench.js';
import { contest, type Standing } from './contest.js';
import { type Cost, measure, median } from './measure.js';
import { costCells, formatFigures } from './table.js';

/** Ours may take so much longer than the peer: 0.9 and 1.0 times its throughput. */
const DUMP_RATIO = 1 / 0.9;
const COPY_RATIO = 1;
const MEMORY = 200;
const POD = 'runai-backend-postgresql-0';
const READER = 'bench-reader';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    rows: { type: 'string', default: '2000000' },
    files: { type: 'string', default: '600' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.runs);
const say = (text: string): void => console.error(`bench: ${text}`);

const site = startBackupSite({ rows: Number(values.rows), files: Number(values.files) }, say);
let figures: Figure[];
try {
  say('database');
  const dump = await dumpFigures(site);
  say('volume');
  figures = [...dump, ...(await copyFigures(site))];
} finally {
  site.down();
}
console.log(
  `${cpus().length} processors (${cpus()[0]?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
console.log(formatFigures(figures));
if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
process.exitCode = figures.every(({ ok }) => ok) ? 0 : 1;

/**
 * The dump of one database in custom format: from the roles, which come before it, to its last byte. Ours also counts and
 * hashes every row in the same snapshot, encrypts, and reads all of it again: the whole command is shown.
 */
async function dumpFigures({ folder, inside, airgap, password }: BackupSite): Promise<Figure[]> {
  const ours = join(folder, 'db.backup');
  const theirs = join(folder, 'db.dump');
  const exec = `kubectl -n runai-backend exec ${POD} -- env PGPASSWORD=${password} pg_dump -h 127.0.0.1 -U postgres -Fc backend`;
  const whole: number[] = [];
  const create = [...airgap, 'backup', 'create', '-o', ours, '--only', 'database'];
  const span = { from: 'database/globals.sql', of: 'database/backend.dump' };
  const standings = await contest(
    [
      { ...contender('airgap', ours, create), run: () => measureStream(create, span, whole) },
      contender('pg_dump -Fc > file', theirs, [...inside, 'bash', '-c', `${exec} > '${theirs}'`]),
    ],
    rounds,
  );
  return [
    costCells('dump of the database, to its last byte', standings, DUMP_RATIO),
    shown('backup of the database, counted, hashed, encrypted, read again', whole),
    memory('database', standings),
  ];
}

/** The volume: ours also hashes in the pod and on arrival, encrypts, and reads all of it again. */
async function copyFigures(at: BackupSite): Promise<Figure[]> {
  const { folder, inside, airgap, kubectl } = at;
  startReader(at);
  const ours = join(folder, 'volume.backup');
  const theirs = join(folder, 'volume.tar');
  const create = [...airgap, 'backup', 'create', '-o', ours, '--only', 'metrics'];
  const tar = `kubectl -n runai-backend exec ${READER} -- tar -C /volume -cf - . > '${theirs}'`;
  const whole: number[] = [];
  const span = { of: `volumes/runai-backend/${THANOS}.tar` };
  const standings = await contest(
    [
      { ...contender('airgap', ours, create), run: () => measureStream(create, span, whole) },
      contender('kubectl exec tar > file', theirs, [...inside, 'bash', '-c', tar]),
    ],
    rounds,
  );
  const checked = await contest(
    [contender('checked', theirs, [...inside, 'bash', '-c', `${tar}; ${checkOf(theirs)}`])],
    rounds,
  );
  await measure([...create, '--plain', '--quiet']);
  await demandSame(at, ours);
  rmSync(ours);
  kubectl('-n', 'runai-backend', 'delete', 'pod', READER, '--now');
  const entire = { name: 'airgap', cost: { wall: median(whole), cpu: 0, rss: 0 }, runs: [] };
  const peer = {
    ...(checked[0] as Standing),
    name: 'kubectl exec tar, then the hash of every file at both ends',
  };
  return [
    costCells('copy of the Thanos volume, first to last byte', standings, COPY_RATIO),
    costCells('backup of the Thanos volume with every byte checked', [entire, peer], COPY_RATIO),
    memory('volume', standings),
  ];
}

/** What somebody does who wants to know that a tar is what lies on the volume. */
function checkOf(file: string): string {
  const sums = 'find . -type f -exec sha256sum {} + | sort -k2';
  const there = `kubectl -n runai-backend exec ${READER} -- bash -c 'cd /volume && ${sums}'`;
  return `mkdir '${file}.d'; tar -xf '${file}' -C '${file}.d'; cmp <(${there}) <(cd '${file}.d' && ${sums}); status=$?; rm -rf '${file}.d'; exit $status`;
}

interface Span {
  /** Part whose last sign is the start; when absent, the first sign of the part itself. */
  readonly from?: string;
  readonly of: string;
}

/** Runs a backup and takes the time of one part from what it announces; `whole` gets that of the command. */
async function measureStream(argv: readonly string[], { from, of }: Span, whole: number[]): Promise<Cost> {
  const seen = { start: Number.NaN, end: Number.NaN };
  const started = performance.now();
  const { rss, cpu } = await measure([...argv, '--log-format', 'json'], {
    onError: (line) => {
      const { current, time } = line.startsWith('{') ? JSON.parse(line) : {};
      if (current === undefined) return;
      const at = Date.parse(time) / 1000;
      if (current === from || (from === undefined && current === of && Number.isNaN(seen.start)))
        seen.start = at;
      // It may say nothing of the last fifth of a second.
      if (current === of) seen.end = at + 0.2;
    },
  });
  whole.push((performance.now() - started) / 1000);
  return { wall: seen.end - seen.start, cpu, rss };
}

function shown(what: string, seconds: readonly number[]): Figure {
  const ours = `${median(seconds).toFixed(2)} s`;
  return { what, ours, peers: '', ratio: '', budget: 'shown', ok: true };
}

function contender(name: string, file: string, argv: readonly string[]) {
  const clean = async (): Promise<void> => {
    for (const each of [file, `${file}.verified.json`]) rmSync(each, { force: true });
  };
  return { name, run: (): Promise<Cost> => measure(argv), clean, prepare: clean };
}

function memory(what: string, [ours]: readonly Standing[]): Figure {
  const rss = Math.max(...(ours?.runs.map((cost) => cost.rss) ?? []));
  return {
    what: `backup of the ${what}, peak memory`,
    ours: `${rss.toFixed(0)} MiB`,
    peers: '',
    ratio: '',
    budget: `< ${MEMORY} MiB`,
    ok: rss < MEMORY,
  };
}

/** A pod with GNU tar that has the volume mounted, for the peer: its start is not measured. */
function startReader({ kubectl, folder }: BackupSite): void {
  const image = kubectl(
    '-n',
    'runai-backend',
    'get',
    'pod',
    POD,
    '-o',
    'jsonpath={.spec.containers[0].image}',
  );
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: READER, namespace: 'runai-backend' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'reader',
          image,
          command: ['sleep', 'infinity'],
          securityContext: { runAsUser: 0 },
          volumeMounts: [{ name: 'volume', mountPath: '/volume' }],
        },
      ],
      volumes: [{ name: 'volume', persistentVolumeClaim: { claimName: THANOS } }],
    },
  };
  const file = join(folder, 'reader.json');
  writeFileSync(file, JSON.stringify(pod));
  kubectl('apply', '-f', file);
  kubectl('-n', 'runai-backend', 'wait', '--for=condition=Ready', `pod/${READER}`, '--timeout=120s');
}

/** Every file of the copy has the hash that it has on the volume. @throws Error */
async function demandSame({ volume, folder }: BackupSite, file: string): Promise<void> {
  const backup = await openBackup(file);
  const tar = join(folder, 'copy.tar');
  const copy = join(folder, 'copy');
  try {
    const part = backup.manifest.volumes[0]?.part ?? '';
    await pipeline(backup.stream(part), createWriteStream(tar));
  } finally {
    await backup.close();
  }
  execFileSync('bash', ['-c', 'mkdir "$1" && tar -xf "$2" -C "$1"', 'bash', copy, tar]);
  const hashes = (path: string): string =>
    execFileSync('bash', ['-c', 'cd "$1" && find . -type f -exec sha256sum {} + | sort -k2', 'bash', path], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
  if (hashes(volume) !== hashes(copy)) throw new Error('the copy is not the volume');
  say(`${statSync(tar).size} bytes of volume, every file's hash as on the volume`);
  rmSync(copy, { recursive: true });
  rmSync(tar);
}
