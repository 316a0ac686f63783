import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseYamlDocuments } from '../../src/yaml.js';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import {
  accountConfig,
  applyYaml,
  extract,
  folderOf,
  grantedRights,
  killTree,
  objectsOf,
  usedRights,
  withBackup,
} from './collect-support.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: what a backup holds, because AIRGAP_CLUSTER_TESTS is not 1');

const VERSION = '2.13.66';
const THANOS = 'data-runai-backend-thanos-receive-0';
const DATABASE = 'data-runai-backend-postgresql-0';
const PROMETHEUS = 'prometheus-runai-db-prometheus-runai-0';

/** What operators make by hand, and a volume as a Prometheus operator names it. */
const SITE = `
apiVersion: run.ai/v2
kind: Project
metadata: { name: team-b }
spec: { namespace: by-hand, queues: [] }
---
apiVersion: v1
kind: Namespace
metadata: { name: by-hand }
---
apiVersion: v1
kind: Namespace
metadata: { name: labelled, labels: { runai/queue: team-a, mine: "yes" } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: site-job-executor }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runai-job-executor-manual, namespace: by-hand }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: site-job-executor }
subjects: [{ kind: User, name: alice@example.com, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runai-user-job, namespace: labelled }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runai-user-job }
subjects: [{ kind: ServiceAccount, name: default, namespace: labelled }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: runai-job-viewer-manual }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ kind: User, name: bob@example.com, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: asset, namespace: runai, labels: { run.ai/cluster-wide: "true" } }
data: { a: b }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${PROMETHEUS}, namespace: runai }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`;

describe('what a backup holds and how it is made', { skip: !wanted, timeout: 1_200_000 }, () => {
  let site: TestNode;
  let bundle = '';
  const run = async (...args: string[]): Promise<Ran> => site.airgap('backup', ...args);
  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const at = (name: string): string => join(site.folder, name);
  const replicas = (): string =>
    site.kubectl(
      '-n',
      'runai-backend',
      'get',
      'statefulset',
      'runai-backend-postgresql',
      '-o',
      'jsonpath={.spec.replicas}/{.status.readyReplicas}',
    );

  before(async () => {
    site = startNode('collect');
    bundle = site.bundle(VERSION);
    const flags = ['--registry', site.registry, '--plain-http', '--domain', 'runai.test', '--yes'];
    ended(await site.airgap('install', bundle, ...flags), 0);
    applyYaml(site, 'site.yaml', SITE);
  });
  after(() => site?.down());

  it('the printed account is enough for a backup, and has no right that a backup does not use', async () => {
    ended(await run('keygen', '-o', at('backup.key')), 0);
    const recipient = ended(await run('keygen', '-o', at('other.key')), 0).out.trim();
    const args = ['--image', 'unused:1', '--recipient', recipient, '--keep', '14'];
    const yaml = ended(await run('schedule', ...args), 0).out;
    applyYaml(site, 'schedule.yaml', yaml);
    const kubeconfig = accountConfig(site, 'airgap-backup', 'airgap-backup');
    const projects = / (?:by-hand|labelled)$/;
    const used = usedRights(site, kubeconfig, at('by-account.backup')).map((right) =>
      right.replace(projects, ''),
    );
    assert.deepEqual(
      [...new Set(used)].sort(),
      grantedRights(parseYamlDocuments(yaml, 'schedule.yaml') as Record<string, unknown>[]),
    );
    // kubectl delete --all deletes one by one; the collection is a right of its own.
    const may = (verb: string): string =>
      site
        .node(
          'exec',
          'kubectl',
          '--kubeconfig',
          kubeconfig,
          '-n',
          'runai-backend',
          'auth',
          'can-i',
          verb,
          'pods',
        )
        .out.trim();
    assert.deepEqual([may('delete'), may('deletecollection')], ['yes', 'no']);
  });

  it('holds the objects of the product and of its projects, and says which bundle it is of', async () => {
    await withBackup(at('by-account.backup'), async (backup) => {
      const names = async (role: string): Promise<string[]> =>
        (await objectsOf(backup, role)).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      const projects = await names('project-namespaces');
      assert.ok(
        projects.includes('Namespace labelled') && projects.includes('Namespace by-hand'),
        `${projects}`,
      );
      const bindings = await names('project-rbac');
      for (const name of ['runai-job-executor-manual', 'runai-user-job'])
        assert.ok(bindings.includes(`RoleBinding ${name}`), `${bindings}`);
      const people = await names('people-rbac');
      assert.ok(people.includes('ClusterRoleBinding runai-job-viewer-manual'), `${people}`);
      assert.ok(people.includes('ClusterRole site-job-executor'), `${people}`);
      assert.ok(!people.includes('ClusterRole view'), 'Kubernetes brings that one itself');
      assert.ok((await names('custom-resources')).includes('Project team-b'));
      assert.ok((await names('user-assets')).includes('ConfigMap asset'));
      const live = site.json('-n', 'runai', 'get', 'runaiconfig', 'runai') as { spec: unknown };
      const bare = backup.manifest.parts.find(({ role }) => role === 'runaiconfig-spec');
      assert.deepEqual(JSON.parse(String(await backup.read(bare?.path ?? ''))), live.spec);
      for (const { bundleId, name } of backup.manifest.releases)
        assert.match(bundleId ?? '', /^[0-9a-f]{64}$/, name);
      const claims = backup.manifest.volumes.map(({ claim, method }) => `${claim} ${method}`);
      assert.deepEqual(claims.sort(), [`${THANOS} copy`, `${PROMETHEUS} copy`].sort());
      assert.ok(
        backup.manifest.skipped.some(({ what }) => what.includes('redis')),
        'what is not saved is named',
      );
      const backend = backup.manifest.databases.find(({ name }) => name === 'backend');
      assert.ok(backend?.tables.some(({ name, rows }) => name === 'users' && rows === 2));
    });
  });

  it('threat 132: odd files of a volume in use, one of them written to all the time', async () => {
    const folder = folderOf(site, 'runai-backend', THANOS);
    const odd = `set -e; cd '${folder}'; mkdir -p 'od d/ü'; echo one > 'od d/-n'; ln 'od d/-n' 'od d/ü/hard'; ln -s ../-n 'od d/ü/soft'
      chown 4321:8765 'od d/-n'; chmod 2750 'od d/ü'; truncate -s 40M sparse; echo end >> sparse; touch -d @1000000001.123456789 sparse
      perl -e '($p, $n, $v) = ("sparse", "user.origin", "site"); syscall(188, $p, $n, $v, 4, 0) == 0 or die $!'
      head -c 30000000 /dev/zero | tr '\\0' x > busy`;
    const filled = spawnSync('bash', ['-c', odd], { encoding: 'utf8' });
    assert.equal(filled.status, 0, filled.stderr);
    const writer = spawnWriter(join(folder, 'busy'));
    const file = at('volume.backup');
    const ran = ended(await run('create', '-o', file, '--plain', '--only', 'metrics'), 0);
    writer.stop();
    assert.match(ran.err, /files changed while they were read \(.*busy/);
    await withBackup(file, async (backup) => {
      const [volume] = backup.manifest.volumes;
      assert.deepEqual(volume?.meta?.['changed'], ['./busy']);
      const tar = at('volume.tar');
      await extract(backup, volume?.part ?? '', tar);
      assert.ok(statSync(tar).size < 35_000_000, 'the hole is not in the copy');
      const compare = spawnSync(
        'tar',
        ['--compare', '--xattrs', '--numeric-owner', '-f', tar, '-C', folder],
        { encoding: 'utf8' },
      );
      const differs = compare.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('./busy'));
      assert.deepEqual(differs, [], compare.stderr);
      const copy = at('copy');
      mkdirSync(copy);
      spawnSync('tar', ['--extract', '--xattrs', '--same-owner', '-pf', tar, '-C', copy]);
      assert.equal(
        statSync(join(copy, 'od d/-n')).ino,
        statSync(join(copy, 'od d/ü/hard')).ino,
        'one file, two names',
      );
      assert.ok(statSync(join(copy, 'sparse')).blocks < 100, 'the hole is a hole again');
      assert.equal(statSync(join(copy, 'sparse'), { bigint: true }).mtimeNs, 1_000_000_001_123_456_789n);
    });
  });

  it('threat 129: kill -9 in a cold copy, then backup resume; an interrupt brings the database back by itself', async () => {
    const file = at('cold.backup');
    const cold = [
      'backup',
      'create',
      '-o',
      file,
      '--plain',
      '--only',
      'database',
      '--database-as',
      'cold-copy',
    ];
    assert.match(ended(await site.airgap(...cold), 2).err, /CONFIRMATION_NEEDED/);
    const killed = site.start([...cold, '--yes']);
    await killed.said(/\[copy\].*start/);
    killTree(killed.child.pid);
    await killed.ended;
    assert.match(replicas(), /^0\//);
    assert.equal(existsSync(file), false);
    assert.match(ended(await run('resume'), 0).out, /runs again/);
    assert.equal(replicas(), '1/1');
    assert.match(ended(await run('resume'), 0).out, /no backup left anything stopped/);

    const interrupted = site.start([...cold, '--yes']);
    await interrupted.said(/\[copy\].*start/);
    interrupted.child.kill('SIGTERM');
    assert.notEqual((await interrupted.ended).status, 0);
    assert.equal(replicas(), '1/1');
    assert.equal(existsSync(file), false);

    ended(await site.airgap(...cold, '--yes'), 0);
    assert.equal(replicas(), '1/1');
    await withBackup(file, async (backup) => {
      const [volume] = backup.manifest.volumes;
      assert.equal(volume?.claim, DATABASE);
      assert.equal(volume?.meta?.['cold'], true);
      const counted = volume?.meta?.['databases'] as { name: string; rows: number }[];
      assert.ok((counted.find(({ name }) => name === 'backend')?.rows ?? 0) > 0);
      const tar = at('cold.tar');
      await extract(backup, volume?.part ?? '', tar);
      const { stdout } = spawnSync('tar', ['-tf', tar], { encoding: 'utf8' });
      assert.match(stdout, /\/PG_VERSION$/m);
      assert.doesNotMatch(stdout, /postmaster\.pid/);
    });
  });

  it('threats 124 and 134: an emptied database gives no backup; old ones go, the newest verified one stays', async () => {
    const folder = at('nightly');
    mkdirSync(folder);
    const nightly = ['create', '-o', `${folder}/`, '--plain', '--only', 'database', '--keep', '1'];
    const psql = (sql: string): string => site.must('psql', 'backend', sql);
    psql('CREATE TABLE many AS SELECT g FROM generate_series(1, 500) g');
    const made = (ran: Ran): string => /^backup\s+(\S+)/m.exec(ran.out)?.[1] ?? assert.fail(ran.out);
    const first = made(ended(await run(...nightly), 0));
    const second = made(ended(await run(...nightly), 0));
    assert.deepEqual([existsSync(first), existsSync(second)], [false, true]);
    psql('DELETE FROM many');
    const refused = ended(await run(...nightly), 8);
    assert.match(refused.err, /lost more than half of its rows/);
    assert.match(refused.err, /--allow-smaller/);
    assert.ok(existsSync(second), 'the last good one stays');
    const third = made(ended(await run(...nightly, '--allow-smaller'), 0));
    assert.deepEqual([existsSync(second), existsSync(third)], [false, true]);
    psql('DROP TABLE many');
  });
});

/** Writes to a file without a pause, until it is told to stop. */
function spawnWriter(file: string): { stop(): void } {
  const child = spawn('bash', ['-c', `while :; do echo more >> '${file}'; done`]);
  return { stop: () => child.kill('SIGKILL') };
}
