import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Ran, seeded, startNode, type TestNode } from '../install/support/node.js';
import {
  CANARIES,
  fileFacts,
  fillDatabase,
  fillObjects,
  fillVolume,
  objectFacts,
  tableHashes,
} from './support.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: backup and restore on the test node, because AIRGAP_CLUSTER_TESTS is not 1');
const versions = (process.env['AIRGAP_TEST_VERSIONS'] ?? '2.13.66,2.9.25').split(',');
const seed = Number(process.env['AIRGAP_TEST_SEED'] ?? Date.now() % 1_000_000);
const kills = Number(process.env['AIRGAP_TEST_KILLS'] ?? 3);
const SCRIPT = fileURLToPath(new URL('../../scripts/node', import.meta.url));

for (const version of versions) {
  describe(`the disaster: ${version}`, { skip: !wanted, timeout: 2_400_000 }, () => {
    let site: TestNode;
    let bundle = '';
    let file = '';
    let key = '';
    const said: string[] = [];
    const lines = new Set<string>();
    const known = { tables: '', files: '', objects: undefined as unknown };

    const flags = (): string[] => ['--registry', site.registry, '--plain-http', '--timeout', '5m', '--yes'];
    const run = async (args: readonly string[]): Promise<Ran> => {
      const ran = await site.start(args).ended;
      said.push(ran.out, ran.err);
      return ran;
    };
    const ended = (ran: Ran, status: number): Ran => {
      assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
      return ran;
    };
    const restoreArgs = (): string[] => [
      'restore',
      file,
      '--identity',
      key,
      '--bundle',
      bundle,
      '--to-new-cluster',
      ...flags(),
    ];
    /** The command lines of every process of this machine, for the canaries. */
    const sample = (): void => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
          lines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
        } catch {
          // It ended.
        }
      }
    };
    let sampler: NodeJS.Timeout;

    before(async () => {
      site = startNode('recovery');
      sampler = setInterval(sample, 250);
      bundle = site.bundle(version);
      file = join(site.folder, 'site.backup');
      const passwords =
        version === '2.9.25'
          ? ['postgresql.auth.password', 'postgresql.auth.postgresPassword']
          : ['global.postgresql.auth.password', 'global.postgresql.auth.postgresPassword'];
      const values = join(site.folder, 'values.json');
      const set = Object.fromEntries(passwords.map((name, index) => [name, CANARIES[3 - index]]));
      writeFileSync(values, JSON.stringify(nested(set)), { mode: 0o600 });
      const install = ['install', bundle, '--domain', 'runai.test', '--backend-values', values, ...flags()];
      ended(await run(install), 0);
      fillDatabase(site);
      fillVolume(site);
      fillObjects(site, (name, text) => {
        const path = join(site.folder, name);
        writeFileSync(path, text);
        return path;
      });
      known.tables = tableHashes(site);
      known.files = fileFacts(site);
      known.objects = objectFacts(site);
    });
    after(() => {
      clearInterval(sampler);
      site?.down();
    });

    it('threats 123 and 133: the pod killed during the dump leaves no backup', async () => {
      const path = join(site.folder, 'broken.backup');
      const running = site.start(['backup', 'create', '-o', path, '--plain']);
      for (let tries = 0; tries < 400 && !existsSync(`${path}.partial`); tries++) await sleep(20);
      site.must(
        'exec',
        'kubectl',
        '-n',
        'runai-backend',
        'delete',
        'pod',
        'runai-backend-postgresql-0',
        '--force',
        '--grace-period=0',
      );
      const ran = await running.ended;
      assert.ok(ran.status === 8 || ran.status === 6, `${ran.status} ${ran.err}`);
      assert.equal(existsSync(path), false);
      assert.equal(existsSync(`${path}.partial`), false);
      site.kubectl(
        '-n',
        'runai-backend',
        'rollout',
        'status',
        'statefulset/runai-backend-postgresql',
        '--timeout=120s',
      );
    });

    it('backs up, encrypted for a key of its own', async () => {
      const ran = ended(await run(['backup', 'create', '-o', file, '--format', 'json']), 0);
      const made = JSON.parse(ran.out);
      assert.equal(made.encryption, 'recipients');
      assert.equal(made.verified, true);
      assert.equal(made.product.controlPlane, version);
      key = made.keyFile;
      const backend = made.databases.find((each: { name: string }) => each.name === 'backend');
      assert.ok(backend.tables.some((table: { name: string }) => table.name === 'Tab le'));
      assert.equal(made.volumes[0].method, 'copy');
      const raw = readFileSync(file);
      for (const canary of CANARIES)
        assert.equal(raw.includes(canary), false, 'a secret lies open in the backup');
    });

    it('threats 127 and 130: refuses a target that is not empty, and another cluster', async () => {
      const same = restoreArgs().filter((word) => word !== '--to-new-cluster');
      assert.match(ended(await run(same), 8).err, /RESTORE_REFUSED: the target is not empty/);
    });

    it('comes back on an empty cluster, killed at random moments on the way', async () => {
      site.must('up', '--fresh');
      const same = restoreArgs().filter((word) => word !== '--to-new-cluster');
      assert.match(ended(await run(same), 11).err, /another cluster/);
      const random = seeded(seed);
      for (let kill = 0; kill < kills; kill++) {
        const running = site.start(restoreArgs());
        const outcome = await Promise.race([
          running.ended,
          sleep(12_000 + random() * 25_000).then(() => undefined),
        ]);
        if (outcome) break;
        running.child.kill('SIGKILL');
        killTree(running.child.pid);
        await running.ended;
      }
      ended(await run(restoreArgs()), 0);
      assert.equal(tableHashes(site), known.tables);
      assert.equal(fileFacts(site), known.files);
      assert.deepEqual(objectFacts(site), known.objects);
      const databases = site.must(
        'psql',
        'backend',
        "SELECT datname FROM pg_database WHERE datname LIKE '%airgap%'",
      );
      assert.equal(databases, '');
      const helpers = site.json('get', 'pods', '-A', '-l', 'airgap/helper=true')['items'] as {
        metadata: { name: string };
      }[];
      assert.ok(helpers.length <= 1, 'at most the helper of a killed process is left');
    });

    it('threat 136: no secret in any output, argument list or record', () => {
      const run = spawnSync(
        'grep',
        ['-rlF', ...CANARIES.flatMap((text) => ['-e', text]), join(site.stateDir, 'airgap')],
        { encoding: 'utf8' },
      );
      const open = run.stdout.split('\n').filter((path) => path !== '' && !/\/(saved|values)\//.test(path));
      assert.deepEqual(open, [], 'a record holds a secret');
      const spoken = [...said, ...lines].join('\n');
      const own = spoken.split('\n').filter((line) => CANARIES.some((canary) => line.includes(canary)));
      assert.deepEqual(
        own.filter(
          (line) =>
            !line.includes(SCRIPT) &&
            !line.includes('CREATE ROLE reporting') &&
            !line.includes('/opt/bitnami/scripts/'),
        ),
        [],
      );
    });
  });
}

/** Dotted keys as nested maps. */
function nested(flat: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(flat)) {
    const names = path.split('.');
    let at = root;
    for (const name of names.slice(0, -1)) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
    at[names.at(-1) ?? ''] = value;
  }
  return root;
}

/** The process below the script that enters the node’s network. */
function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  for (const child of stdout
    .split('\n')
    .map(Number)
    .filter((each) => each > 0)) {
    killTree(child);
    try {
      process.kill(child, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }
}
