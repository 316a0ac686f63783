import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import { applyYaml, folderOf, killTree, withBackup } from './collect-support.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: backups of an external database, because AIRGAP_CLUSTER_TESTS is not 1');

const VERSION = '2.13.66';
const PASSWORD = 'canary-external-7c31';
const EXECUTABLE = fileURLToPath(new URL('../../scripts/executable.mjs', import.meta.url));

/** The customer's server: the same PostgreSQL in a namespace that is not the product's. */
const server = (image: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: databases }
---
apiVersion: v1
kind: Pod
metadata: { name: db1, namespace: databases, labels: { app: db1 } }
spec:
  securityContext: { runAsUser: 1001, runAsGroup: 1001, fsGroup: 1001 }
  containers:
    - name: postgresql
      image: ${image}
      env:
        - { name: POSTGRES_USER, value: backend }
        - { name: POSTGRES_PASSWORD, value: ${PASSWORD} }
        - { name: POSTGRES_POSTGRES_PASSWORD, value: other }
      volumeMounts: [{ name: data, mountPath: /bitnami/postgresql }]
      readinessProbe:
        exec: { command: [/bin/sh, -c, 'PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U backend -c "SELECT 1" backend'] }
        periodSeconds: 2
  volumes: [{ name: data, emptyDir: {} }]
---
apiVersion: v1
kind: Service
metadata: { name: db1, namespace: databases }
spec: { selector: { app: db1 }, ports: [{ port: 6543, targetPort: 5432 }] }
`;

describe('an external database, and a schedule in the cluster', { skip: !wanted, timeout: 1_200_000 }, () => {
  let site: TestNode;
  let image = '';
  let bundle = '';
  const at = (name: string): string => join(site.folder, name);
  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const create = (...args: string[]): Promise<Ran> => site.airgap('backup', 'create', '--plain', ...args);
  const psql = (sql: string, database = 'backend'): string =>
    site.kubectl(
      '-n',
      'databases',
      'exec',
      'db1',
      '--',
      'env',
      'PGPASSWORD=other',
      'psql',
      '-h',
      '127.0.0.1',
      '-U',
      'postgres',
      '-XAtc',
      sql,
      database,
    );

  before(async () => {
    site = startNode('external');
    bundle = site.bundle(VERSION);
    const set = {
      'postgresql.enabled': 'false',
      'global.postgresql.auth.host': 'db1.databases.svc',
      'global.postgresql.auth.port': '6543',
      'global.postgresql.auth.password': PASSWORD,
    };
    const flags = Object.entries(set).flatMap(([key, value]) => ['--backend-set', `${key}=${value}`]);
    const place = ['--registry', site.registry, '--plain-http', '--domain', 'runai.test', '--yes'];
    ended(await site.airgap('install', bundle, ...place, ...flags), 0);
    const { images } = JSON.parse(ended(await site.airgap('inspect', bundle, '-o', 'json'), 0).out) as {
      images: { target: string }[];
    };
    const own = images.find(({ target }) => /(^|\/)postgresql[:@]/.test(target)) ?? assert.fail();
    image = `${site.registry}/${own.target}`;
    applyYaml(site, 'server.yaml', server(image));
    site.kubectl('-n', 'databases', 'wait', '--for=condition=Ready', 'pod/db1', '--timeout=180s');
    site.kubectl(
      '-n',
      'databases',
      'exec',
      'db1',
      '--',
      'env',
      'PGPASSWORD=other',
      'psql',
      '-h',
      '127.0.0.1',
      '-U',
      'postgres',
      '-c',
      'CREATE DATABASE elsewhere',
    );
  });
  after(() => site?.down());

  it('threat 124: a login that may not read all tables gives no backup, and leaves no pod', async () => {
    const ran = ended(await create('-o', at('denied.backup'), '--only', 'database'), 8);
    assert.match(ran.err, /may not read all tables/);
    assert.match(ran.err, /grafana\.dashboard/);
    const pods = site.json('-n', 'runai-backend', 'get', 'pods', '-l', 'airgap/helper=true');
    assert.deepEqual(pods['items'], []);
    const cold = await create(
      '-o',
      at('cold.backup'),
      '--only',
      'database',
      '--database-as',
      'cold-copy',
      '--yes',
    );
    assert.match(ended(cold, 8).err, /outside of the cluster/);
  });

  it('is dumped over the network from a pod, with the product’s own login', async () => {
    psql('GRANT pg_read_all_data TO backend');
    const file = at('external.backup');
    const ran = ended(await create('-o', file, '--only', 'values,database'), 0);
    assert.equal(`${ran.out}${ran.err}`.includes(PASSWORD), false);
    await withBackup(file, async (backup) => {
      const [database, ...others] = backup.manifest.databases;
      assert.deepEqual(others, [], 'what else is on that server is not the product’s');
      assert.equal(database?.name, 'backend');
      assert.ok(database.tables.some(({ name, rows }) => name === 'users' && rows === 2));
      const roles = (await backup.read('database/globals.sql')).toString('utf8');
      assert.match(roles, /CREATE ROLE grafana/);
      assert.doesNotMatch(roles, /PASSWORD/);
      const where = backup.manifest.meta['externalDatabase'] as { host: string };
      assert.equal(where.host, 'db1.databases.svc');
      assert.equal(JSON.stringify(backup.manifest).includes(PASSWORD), false);
    });
    ended(await site.airgap('backup', 'verify', file), 0);
  });

  it('threat 128: is restored beside the live one on that server, once its administrator let the login', async () => {
    const databases = (): string =>
      psql("SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
    const place = ['--registry', site.registry, '--plain-http', '--yes'];
    const restore = (...args: string[]): Promise<Ran> =>
      site.airgap(
        'restore',
        at('external.backup'),
        '--bundle',
        bundle,
        ...place,
        '--only',
        'database',
        '--replace',
        ...args,
      );
    assert.match(ended(await restore(), 11).err, /DECISION_NEEDED[\s\S]*--external-database/);
    const refused = ended(await restore('--external-database'), 8);
    assert.match(refused.err, /role backend: may not make databases/);
    assert.match(refused.err, /role grafana: owns something in the dump/);
    assert.equal(databases(), 'backend,elsewhere,postgres');
    const entered = [...refused.err.matchAll(/^ {2}-c '(.*)'(?: \\)?$/gm)].map(([, sql = '']) => sql);
    assert.ok(entered.length >= 2, refused.err);
    for (const sql of entered) psql(sql);
    psql("INSERT INTO users (email, tenant, role) VALUES ('later@run.ai', 1, 'admin')");
    const ran = ended(await restore('--external-database'), 0);
    assert.equal(`${ran.out}${ran.err}`.includes(PASSWORD), false);
    assert.equal(databases(), 'backend,backend_airgap_old,elsewhere,postgres');
    assert.equal(psql('SELECT count(*) FROM users'), '2');
    assert.equal(psql('SELECT count(*) FROM users', 'backend_airgap_old'), '3');
    const pods = site.json('-n', 'runai-backend', 'get', 'pods', '-l', 'airgap/helper=true');
    assert.deepEqual(pods['items'], []);
    const ready = '{range .items[*]}{.spec.replicas}/{.status.readyReplicas} {end}';
    assert.doesNotMatch(
      site.kubectl('-n', 'runai-backend', 'get', 'deployments', '-o', `jsonpath=${ready}`),
      /\b0\/|\/ /,
      'what was stopped runs again',
    );
  });

  it('the printed CronJob makes a backup that the key opens, with the executable on its claim', async () => {
    const built = spawnSync(process.execPath, [EXECUTABLE, at('airgap')], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    const recipient = ended(await site.airgap('backup', 'keygen', '-o', at('nightly.key')), 0).out.trim();
    const args = ['--image', image, '--program', '/backups/airgap', '--recipient', recipient, '--keep', '2'];
    const yaml = ended(await site.airgap('backup', 'schedule', ...args, '--external-database'), 0).out;
    applyYaml(site, 'schedule.yaml', yaml);
    const namespace = ['-n', 'airgap-backup'];
    site.kubectl(
      ...namespace,
      'wait',
      '--for=jsonpath={.status.phase}=Bound',
      'pvc/airgap-backups',
      '--timeout=60s',
    );
    const folder = folderOf(site, 'airgap-backup', 'airgap-backups');
    copyFileSync(at('airgap'), join(folder, 'airgap'));
    chmodSync(join(folder, 'airgap'), 0o755);
    site.kubectl(...namespace, 'create', 'job', '--from=cronjob/airgap-backup', 'first');
    const done = site.node(
      'exec',
      'kubectl',
      ...namespace,
      'wait',
      '--for=condition=Complete',
      'job/first',
      '--timeout=240s',
    );
    assert.equal(done.status, 0, site.node('exec', 'kubectl', ...namespace, 'logs', 'job/first').out);
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.backup'));
    assert.ok(file, readdirSync(folder).join(' '));
    const verified = ended(
      await site.airgap('backup', 'verify', join(folder, file), '--identity', at('nightly.key')),
      0,
    );
    assert.match(verified.out, /backend: restorable/);
  });

  it('threat 135: what burnt down comes back onto that server, the database first, also after a kill', async () => {
    const file = at('whole.backup');
    ended(await create('-o', file), 0);
    for (const release of ['runai-cluster -n runai', 'runai-backend -n runai-backend'])
      site.must('exec', 'helm', 'uninstall', ...release.split(' '), '--wait');
    site.kubectl('delete', 'namespace', 'runai', 'runai-backend', '--wait=true', '--timeout=180s');
    psql("UPDATE users SET role = 'changed since'");
    const place = ['--registry', site.registry, '--plain-http', '--yes'];
    const words = ['restore', file, '--bundle', bundle, ...place, '--external-database'];
    const restore = (): Promise<Ran> => site.airgap(...words);
    assert.match(
      ended(await restore(), 8).err,
      /database backend_airgap_old: is there since an earlier restore/,
    );
    assert.equal(psql("SELECT count(*) FROM users WHERE role = 'changed since'"), '2');
    psql('DROP DATABASE backend_airgap_old');
    const killed = site.start(words);
    await killed.said(/\[database:backend\].*start/);
    killTree(killed.child.pid);
    await killed.ended;
    assert.equal(psql("SELECT count(*) FROM users WHERE role = 'changed since'"), '2');
    const ran = ended(await restore(), 0);
    assert.ok(ran.err.indexOf('[swap]') < ran.err.indexOf('[helm:runai-backend]'), ran.err);
    assert.equal(psql("SELECT count(*) FROM users WHERE role = 'changed since'"), '0');
    assert.equal(psql("SELECT count(*) FROM users WHERE role = 'changed since'", 'backend_airgap_old'), '2');
    assert.equal(`${ran.out}${ran.err}`.includes(PASSWORD), false);
  });
});
