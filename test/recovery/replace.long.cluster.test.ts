import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import { databaseFacts, fileFacts, fillSite, type Known, objectFacts } from './support/facts.js';
import { type EndedRestore as Ended, killedAt } from './support/faults.js';
import { metricsFolder, passwordValues } from './support/site.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: restores over what runs on the test node, because AIRGAP_CLUSTER_TESTS is not 1');
const VERSION = '2.13.66';
const SIZE = { rows: 5000, files: 30 };
const ENTRY = fileURLToPath(new URL('./support/entry.ts', import.meta.url));
const OPEN = JSON.stringify(fileURLToPath(new URL('../../src/recovery/archive/open.ts', import.meta.url)));

type Json = Record<string, unknown>;
interface Kept {
  readonly safetyBackup?: { readonly path: string; readonly keyFiles: readonly string[] };
  readonly databases: readonly { readonly old: string; readonly drop: string }[];
}

describe('a restore over what is there', { skip: !wanted, timeout: 2_400_000 }, () => {
  let site: TestNode;
  let bundle = '';
  let file = '';
  let key = '';
  let known: Known;

  const run = async (...args: string[]): Promise<Ran> => {
    const ran = await site.airgap(...args);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`.slice(-3000));
    return ran;
  };
  /** A restore in a process of its own, which dies at the first of these points that it meets. */
  const restore = async (words: Json, dieAt: readonly string[] = []): Promise<Ended> => {
    const usual = { identity: [key], bundle, timeout: '5m', registry: site.registry, plainHttp: true };
    const flags = JSON.stringify({ ...usual, ...words });
    const env = { AIRGAP_TEST_DIE_AT: JSON.stringify(dieAt) };
    const ran = await site.startFile(ENTRY, [file, flags], env).ended;
    return { ...ran, json: ran.out === '' ? {} : (JSON.parse(ran.out) as Json) };
  };
  const demandRestored = ({ json, out, err }: Ended): Kept => {
    assert.equal(json['outcome'], 'restored', `${out}\n${err}`.slice(-3000));
    return json['kept'] as Kept;
  };
  const replicas = (): string =>
    site.kubectl(
      ...['-n', 'runai-backend', 'get', 'deployments,statefulsets', '-o'],
      'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.spec.replicas} {.status.readyReplicas} {.metadata.annotations.airgap/replicas}{"\\n"}{end}',
    );
  const old = (): string =>
    site.must(
      'psql',
      'postgres',
      "SELECT datname FROM pg_database WHERE datname LIKE '%airgap%' ORDER BY datname",
    );
  const dropOld = (): void => {
    for (const name of old().split('\n'))
      if (name !== '') site.must('psql', 'postgres', `DROP DATABASE "${name}"`);
  };
  /** What a part of a backup holds, as `tar` unpacks one file of it. */
  const readFrom = (backup: string, keys: readonly string[], part: string, path: string): string => {
    const ran = site.script(`
      import { readFileSync } from 'node:fs';
      import { spawn } from 'node:child_process';
      import { openBackup } from ${OPEN};
      const identities = ${JSON.stringify(keys)}.map((path) => readFileSync(path, 'utf8').trim().split('\\n').at(-1));
      const backup = await openBackup(${JSON.stringify(backup)}, { identities });
      const tar = spawn('tar', ['-xOf', '-', ${JSON.stringify(path)}], { stdio: ['pipe', 'inherit', 'inherit'] });
      backup.stream(${JSON.stringify(part)}).pipe(tar.stdin);
      await new Promise((done) => tar.on('close', done));
      await backup.close();`);
    assert.equal(ran.status, 0, ran.err);
    return ran.out;
  };

  before(async () => {
    site = startNode('replace');
    bundle = site.bundle(VERSION);
    const values = site.file('values.json', JSON.stringify(passwordValues(VERSION)));
    const flags = ['--registry', site.registry, '--plain-http', '--timeout', '5m', '--yes'];
    await run('install', bundle, '--domain', 'runai.test', '--backend-values', values, ...flags);
    known = fillSite(site, SIZE);
    file = join(site.folder, 'site.backup');
    const { out } = await run('backup', 'create', '-o', file, '--format', 'json');
    key = String(JSON.parse(out).keyFile);
  });
  after(() => site?.down());

  it('threats 127 and 129: database and metrics, killed at every harm on the way, saved before it', async () => {
    const folder = metricsFolder(site);
    writeFileSync(join(folder, 'default-tenant', 'newer'), 'than the backup');
    writeFileSync(join(folder, 'default-tenant', 'od d', 'f 2'), 'changed since');
    rmSync(join(folder, 'default-tenant', 'od d', 'f 7'));
    site.must('psql', 'backend', 'CREATE TABLE newer AS SELECT 42 AS answer; DELETE FROM jobs WHERE id < 50');
    assert.notDeepEqual(fileFacts(site), known.files);
    const before = replicas();
    const first = { only: ['database', 'metrics'], replace: true };
    const planned = (await restore({ ...first, dryRun: true })).json['steps'] as { id: string }[];
    const volume = planned.find(({ id }) => id.startsWith('volume:'))?.id ?? assert.fail('no volume step');
    const points = ['safety-backup', 'swap', volume].flatMap((id) => [`${id}|intent`, `${id}|effect`]);
    let last: Ended | undefined;
    const { left } = await killedAt(
      async (words, dieAt) => {
        last = await restore(words, dieAt);
        // Nothing of the volume has changed before its own step.
        if (last.err.includes(`"step":"${volume}","boundary":"intent","dies":true`))
          assert.ok(existsSync(join(folder, 'default-tenant', 'newer')));
        return last;
      },
      first,
      points,
    );
    assert.deepEqual([...left], [], 'points that no kill reached');
    const kept = demandRestored(last ?? assert.fail());
    assert.equal(replicas(), before);
    assert.deepEqual(fileFacts(site), known.files);
    assert.equal(old(), 'backend_airgap_old\nsecond ü_airgap_old');
    assert.deepEqual(kept.databases.map(({ old }) => old).sort(), old().split('\n'));
    assert.equal(site.must('psql', 'backend_airgap_old', 'SELECT answer FROM newer'), '42');
    const { path = '', keyFiles = [] } = kept.safetyBackup ?? {};
    const part = `volumes/${volume.slice('volume:'.length)}.tar`;
    const saved = readFrom(path, keyFiles, part, './default-tenant/newer');
    assert.equal(saved, 'than the backup');
    assert.equal(readFrom(path, keyFiles, part, './default-tenant/od d/f 2'), 'changed since');
    dropOld();
    assert.deepEqual(databaseFacts(site), known.tables);
    assert.deepEqual(objectFacts(site), known.objects);
  });

  it('threat 127: settings and projects alone', async () => {
    const rows = site.must('psql', 'postgres', "SELECT oid FROM pg_database WHERE datname = 'backend'");
    const patch = '{"spec":{"limitRange":{"mine":9}}}';
    site.kubectl('-n', 'runai', 'patch', 'runaiconfig', 'runai', '--type=merge', '-p', patch);
    site.kubectl('delete', 'projects.run.ai', 'team-b');
    const kept = demandRestored(await restore({ only: ['config'], replace: true }));
    assert.deepEqual(kept.databases, []);
    assert.ok(kept.safetyBackup);
    assert.deepEqual(objectFacts(site), known.objects);
    assert.equal(
      site.must('psql', 'postgres', "SELECT oid FROM pg_database WHERE datname = 'backend'"),
      rows,
    );
  });

  it('threat 127: roles and bindings alone, with the namespaces that they are in', async () => {
    site.kubectl('delete', 'namespace', 'by-hand-a', '--timeout=120s');
    site.kubectl('-n', 'by-hand-b', 'delete', 'role/looker', 'rolebinding/lookers');
    site.kubectl('delete', 'clusterrolebinding', 'runai-job-viewer-manual');
    const kept = demandRestored(await restore({ only: ['rbac'], replace: true }));
    assert.deepEqual(kept.databases, []);
    assert.deepEqual(objectFacts(site), known.objects);
  });

  it('threat 127: what outlived the cluster and was handed back is neither emptied nor dropped', async () => {
    const folder = metricsFolder(site);
    const claims = site.json('-n', 'runai-backend', 'get', 'pvc') as unknown as {
      items: { spec: { volumeName: string } }[];
    };
    const volumes = claims.items.map(({ spec }) => spec.volumeName);
    const patch = (name: string, spec: Json): string =>
      site.kubectl('patch', 'pv', name, '-p', JSON.stringify({ spec }));
    for (const name of volumes) patch(name, { persistentVolumeReclaimPolicy: 'Retain' });
    site.must('psql', 'backend', 'CREATE TABLE newer_than_the_backup AS SELECT 43 AS answer');
    writeFileSync(join(folder, 'default-tenant', 'newest'), 'than the backup');
    const ours = ['runai-backend', 'runai', 'by-hand-a', 'by-hand-b'];
    site.kubectl('delete', 'namespace', ...ours, '--timeout=180s');
    // The node's provisioner may be quicker than the one who binds: a class that makes nothing waits for what is there.
    const classes = site.json('get', 'storageclass') as unknown as { items: Json[] };
    for (const each of classes.items) {
      const { metadata, ...rest } = each as { metadata: { name: string; annotations: Json } };
      const { name, annotations } = metadata;
      const made = { ...rest, metadata: { name, annotations }, provisioner: 'airgap.test/nobody' };
      site.kubectl('delete', 'storageclass', name);
      site.kubectl('apply', '-f', site.file(`class-${name}.json`, JSON.stringify(made)));
    }
    // As a provisioner that names folders after claims, or a volume that somebody bound beforehand.
    for (const name of volumes) patch(name, { claimRef: { uid: null, resourceVersion: null } as Json });
    const refused = await restore({ newRun: true });
    assert.equal(refused.json['code'], 'RESTORE_REFUSED', `${refused.out}\n${refused.err}`.slice(-3000));
    assert.match(String(refused.json['found']), /and perhaps more, on PersistentVolume/);
    assert.ok(readdirSync(join(folder, 'default-tenant')).includes('newest'));
    // The operator has looked, and has no need of it.
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    const kept = demandRestored(await restore({}));
    assert.deepEqual(kept.databases.map(({ old }) => old).sort(), [
      'backend_airgap_old',
      'second ü_airgap_old',
    ]);
    assert.equal(site.must('psql', 'backend_airgap_old', 'SELECT answer FROM newer_than_the_backup'), '43');
    assert.deepEqual(fileFacts(site), known.files);
    dropOld();
    assert.deepEqual(databaseFacts(site), known.tables);
  });
});
