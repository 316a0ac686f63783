import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import { applyYaml, folderOf, objectsOf, playDriver, withBackup } from './collect-support.js';
import { databaseFacts } from './support/facts.js';
import { awaitDatabase, type EndedRestore, killedAt } from './support/faults.js';
import { fillDatabase, passwordValues, SMALL } from './support/site.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: volumes of a backup restored, because AIRGAP_CLUSTER_TESTS is not 1');

const VERSION = '2.13.66';
const THANOS = 'data-runai-backend-thanos-receive-0';
const DATABASE = 'data-runai-backend-postgresql-0';
const ENTRY = fileURLToPath(new URL('./support/entry.ts', import.meta.url));

describe('volumes of a backup, restored and killed on the way', { skip: !wanted, timeout: 1_800_000 }, () => {
  let site: TestNode;
  let bundle = '';
  let tables: string[] = [];
  const run = async (...args: string[]): Promise<Ran> => site.airgap('backup', ...args);
  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const at = (name: string): string => join(site.folder, name);
  /** `airgap restore` of a plain backup that can be killed at a boundary. */
  const restoring =
    (file: string) =>
    async (words: Record<string, unknown>, dieAt: readonly string[]): Promise<EndedRestore> => {
      const all = { bundle, registry: site.registry, plainHttp: true, timeout: '5m', ...words };
      const env = { AIRGAP_TEST_DIE_AT: JSON.stringify(dieAt) };
      const ran = await site.startFile(ENTRY, [file, JSON.stringify(all)], env).ended;
      return { ...ran, json: ran.out === '' ? {} : JSON.parse(ran.out) };
    };
  const boundaries = (step: string): string[] => [`${step}|intent`, `${step}|effect`];
  /** Every workload of both charts has all its replicas ready; PostgreSQL's readiness is a login with its passwords. */
  const demandHealthy = (): void => {
    for (const namespace of ['runai-backend', 'runai']) {
      const { items } = site.json('-n', namespace, 'get', 'deployments,statefulsets') as unknown as {
        items: {
          metadata: { name: string };
          spec: { replicas: number };
          status: { readyReplicas?: number };
        }[];
      };
      assert.ok(items.length > 0, namespace);
      for (const { metadata, spec, status } of items)
        assert.deepEqual([metadata.name, status.readyReplicas], [metadata.name, spec.replicas]);
    }
  };

  before(async () => {
    site = startNode('volumes');
    bundle = site.bundle(VERSION);
    const values = site.file('values.json', JSON.stringify(passwordValues(VERSION)));
    const flags = ['--registry', site.registry, '--plain-http', '--domain', 'runai.test', '--yes'];
    ended(await site.airgap('install', bundle, '--backend-values', values, ...flags), 0);
    fillDatabase(site, SMALL);
    tables = databaseFacts(site);
  });
  after(() => site?.down());

  it('takes VolumeSnapshots, restores a volume from one, and deletes those of backups that go', async () => {
    const crds = spawnSync('scripts/tools', ['snapshot-crds'], { encoding: 'utf8' }).stdout.trim();
    site.kubectl('apply', '-f', crds);
    site.kubectl(
      'wait',
      '--for=condition=Established',
      'crd/volumesnapshots.snapshot.storage.k8s.io',
      'crd/volumesnapshotcontents.snapshot.storage.k8s.io',
      'crd/volumesnapshotclasses.snapshot.storage.k8s.io',
    );
    const driver = 'csi.airgap.test';
    applyYaml(
      site,
      'snapshots.yaml',
      `apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: { name: site }
driver: ${driver}
deletionPolicy: Retain
`,
    );
    const args = ['--plain', '--only', 'metrics', '--metrics-as', 'snapshot'];
    const unfit = ended(await run('create', '-o', at('unfit.backup'), ...args), 8);
    assert.match(unfit.err, /a volume of a CSI driver/);
    const played = playDriver(site, driver);
    try {
      const file = at('snapshot.backup');
      ended(await run('create', '-o', file, ...args, '--snapshot-class', 'site'), 0);
      await withBackup(file, async (backup) => {
        const [volume] = backup.manifest.volumes;
        const found = site.json('-n', 'runai-backend', 'get', 'volumesnapshot', String(volume?.by)) as {
          metadata: { uid: string };
        };
        assert.equal(volume?.method, 'snapshot');
        assert.equal(volume?.meta?.['handle'], `handle-${found.metadata.uid}`);
        assert.equal(volume?.meta?.['driver'], driver);
        const kinds = (await objectsOf(backup, 'volume-snapshots')).map(({ kind }) => kind);
        assert.deepEqual(kinds, ['VolumeSnapshot', 'VolumeSnapshotContent', 'VolumeSnapshotClass']);
      });
      await restoreFromSnapshot(['--snapshot-class', 'site', '--metrics-as', 'snapshot']);
      await snapshotsGo([...args, '--snapshot-class', 'site']);
    } finally {
      played.stop();
    }
  });

  /** The claim is gone with its volume: what the driver has comes back, also when only a content still names it. */
  async function restoreFromSnapshot(flags: readonly string[]): Promise<void> {
    const file = at('by-snapshot.backup');
    const thanos = ['-n', 'runai-backend', 'statefulset/runai-backend-thanos-receive'];
    const kept = 'kept by the driver';
    writeFileSync(join(folderOf(site, 'runai-backend', THANOS), 'kept'), kept);
    ended(await run('create', '-o', file, '--plain', '--only', 'values,metrics,storage', ...flags), 0);
    const restore = ['restore', file, '--bundle', bundle, '--registry', site.registry, '--plain-http'];
    const points = ['intent', 'effect'].map((boundary) => `snapshot:runai-backend/${THANOS}|${boundary}`);
    const lose = (): void => {
      site.kubectl('scale', ...thanos, '--replicas=0');
      const volume = site.kubectl(
        '-n',
        'runai-backend',
        'get',
        'pvc',
        THANOS,
        '-o',
        'jsonpath={.spec.volumeName}',
      );
      site.kubectl('-n', 'runai-backend', 'delete', 'pvc', THANOS, '--wait=true');
      site.kubectl('delete', 'pv', volume, '--ignore-not-found', '--wait=true');
    };
    for (const left of ['the VolumeSnapshot', 'its content']) {
      lose();
      if (left === 'its content')
        site.kubectl('-n', 'runai-backend', 'delete', 'volumesnapshots', '--all', '--wait=true');
      const { said, left: missed } = await killedAt(
        restoring(file),
        { only: ['metrics'], replace: true, newRun: true },
        points,
      );
      assert.deepEqual([...missed], [], 'points that no kill reached');
      assert.match(
        said,
        left === 'its content' ? /make VolumeSnapshot airgap-restored-/ : /from VolumeSnapshot airgap-/,
      );
      assert.equal(readFileSync(join(folderOf(site, 'runai-backend', THANOS), 'kept'), 'utf8'), kept, left);
      site.kubectl('scale', ...thanos, '--replicas=1');
      site.kubectl('rollout', 'status', ...thanos, '--timeout=120s');
    }
    const all = await site.airgap(...restore, '--only', 'metrics', '--replace', '--dry-run');
    assert.match(ended(all, 0).out, /stays bound to .*; snapshot .* is not put over it/);
    site.kubectl('-n', 'runai-backend', 'delete', 'volumesnapshots', '--all', '--wait=true');
    site.kubectl('delete', 'volumesnapshotcontents', '--all', '--wait=true');
    lose();
    const none = await site.airgap(...restore, '--only', 'metrics', '--replace', '--dry-run');
    assert.match(
      ended(none, 0).out,
      /not in it volume .*handle handle-.* is not in this cluster.*begins empty/,
    );
    site.kubectl('scale', ...thanos, '--replicas=1');
    site.kubectl('rollout', 'status', ...thanos, '--timeout=120s');
  }

  async function snapshotsGo(args: readonly string[]): Promise<void> {
    const folder = at('snapshots');
    mkdirSync(folder);
    const names = (): string[] =>
      site.kubectl('-n', 'runai-backend', 'get', 'volumesnapshots', '-o', 'name').split('\n').filter(Boolean);
    const earlier = names();
    const keep = ['-o', `${folder}/`, ...args, '--keep', '1'];
    ended(await run('create', ...keep), 0);
    const first = names().filter((name) => !earlier.includes(name));
    const ran = ended(await run('create', ...keep), 0);
    assert.match(ran.err, /deleted VolumeSnapshot .*; its class retains: handle-/);
    assert.equal(first.length, 1);
    assert.ok(!names().includes(first[0] ?? ''), 'it went with its backup');
    assert.equal(names().length, earlier.length + 1, 'that of the newest is there');
  }

  it('threat 129: a cold copy of the database replaces what is there, killed on the way: every row is back', async () => {
    const cold = ['create', '-o', at('cold.backup'), '--plain', '--database-as', 'cold-copy', '--yes'];
    ended(await run(...cold), 0);
    site.must('psql', 'backend', 'DROP TABLE jobs CASCADE; CREATE TABLE newer_than_the_backup AS SELECT 1');
    const words = { only: ['database'], replace: true, newRun: true };
    const points = boundaries(`volume:runai-backend/${DATABASE}`);
    const { left } = await killedAt(restoring(at('cold.backup')), words, points);
    assert.deepEqual([...left], [], 'points that no kill reached');
    assert.deepEqual(databaseFacts(site), tables);
    demandHealthy();
    const kept = readdirSync(site.stateDir, { recursive: true, encoding: 'utf8' });
    assert.ok(
      kept.some((name) => name.endsWith('/before-restore.backup')),
      'there is a safety backup',
    );
  });

  it('threat 81: a cold copy brings the database back on an empty cluster', async () => {
    site.must('up', '--fresh');
    const points = boundaries(`volume:runai-backend/${DATABASE}`);
    const words = { toNewCluster: true, newRun: true };
    const { left } = await killedAt(restoring(at('cold.backup')), words, points);
    assert.deepEqual([...left], [], 'points that no kill reached');
    awaitDatabase(site);
    assert.deepEqual(databaseFacts(site), tables);
    demandHealthy();
  });

  it('threat 129: a volume that outlived its claim is bound again, killed on the way', async () => {
    const volume = site.kubectl(
      ...['-n', 'runai-backend', 'get', 'pvc', DATABASE, '-o', 'jsonpath={.spec.volumeName}'],
    );
    const retain = '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}';
    site.kubectl('patch', 'pv', volume, '-p', retain);
    site.must('psql', 'backend', 'CREATE TABLE newer_than_the_backup AS SELECT 1');
    site.kubectl('delete', 'namespace', 'runai-backend', 'runai', '--timeout=180s');
    const words = { rebind: [DATABASE], toNewCluster: true, newRun: true };
    const points = boundaries(`rebind:runai-backend/${DATABASE}`);
    const { left } = await killedAt(restoring(at('cold.backup')), words, points);
    assert.deepEqual([...left], [], 'points that no kill reached');
    awaitDatabase(site);
    assert.equal(site.must('psql', 'backend', 'SELECT * FROM newer_than_the_backup'), '1');
    site.must('psql', 'backend', 'DROP TABLE newer_than_the_backup');
    assert.deepEqual(databaseFacts(site), tables);
    demandHealthy();
  });
});
