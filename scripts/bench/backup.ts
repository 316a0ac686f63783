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
import { type Cost, measure } from './measure.js';
import { costCells, formatFigures } from './table.js';

/** Ours may take so much longer than the peer, whole commands: 0.9 and 1.0 times its throughput. */
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

/** The database in custom format: ours also dumps roles, counts and hashes every row, encrypts, and reads all of it again. */
async function dumpFigures({ folder, inside, airgap, password }: BackupSite): Promise<Figure[]> {
  const ours = join(folder, 'db.backup');
  const theirs = join(folder, 'db.dump');
  const exec = `kubectl -n runai-backend exec ${POD} -- env PGPASSWORD=${password} pg_dump -h 127.0.0.1 -U postgres -Fc backend`;
  const standings = await contest(
    [
      contender('airgap', ours, [...airgap, 'backup', 'create', '-o', ours, '--only', 'database', '--quiet']),
      contender('pg_dump -Fc > file', theirs, [...inside, 'bash', '-c', `${exec} > '${theirs}'`]),
    ],
    rounds,
  );
  return [costCells('backup of the database', standings, DUMP_RATIO), memory('database', standings)];
}

/** The volume: ours also hashes in the pod and on arrival, encrypts, and reads all of it again. */
async function copyFigures(at: BackupSite): Promise<Figure[]> {
  const { folder, inside, airgap, kubectl } = at;
  startReader(at);
  const ours = join(folder, 'volume.backup');
  const theirs = join(folder, 'volume.tar');
  const create = [...airgap, 'backup', 'create', '-o', ours, '--only', 'metrics', '--quiet'];
  const tar = `kubectl -n runai-backend exec ${READER} -- tar -C /volume -cf - .`;
  const standings = await contest(
    [
      contender('airgap', ours, create),
      contender('kubectl exec tar > file', theirs, [...inside, 'bash', '-c', `${tar} > '${theirs}'`]),
    ],
    rounds,
  );
  await measure([...create, '--plain']);
  await demandSame(at, ours);
  rmSync(ours);
  kubectl('-n', 'runai-backend', 'delete', 'pod', READER, '--now');
  return [costCells('backup of the Thanos volume', standings, COPY_RATIO), memory('volume', standings)];
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
