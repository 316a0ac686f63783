import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Ran, type Running, seeded, startNode, type TestNode } from '../../install/support/node.js';
import { databaseFacts, diskUse, fileFacts, fillSite, type Known, objectFacts, untouched } from './facts.js';
import {
  deletePod,
  type EndedRestore,
  fail,
  inCopy,
  killedAt,
  poison,
  shareTaken,
  slowWriter,
} from './faults.js';
import { differences } from './manifests.js';
import { canaries, findSecrets, liveSecrets } from './secrets.js';
import { metricsFolder, passwordValues, rowsOfJobs, type Size } from './site.js';
import { type Watch, watchCommandLines } from './watch.js';

const ENTRY = fileURLToPath(new URL('./entry.ts', import.meta.url));

export interface Disaster {
  readonly version: string;
  readonly size: Size;
  /** `every` boundary of every step, or three that the commit chooses. */
  readonly kills: 'every' | 'sample';
  /** How often the restore into a running product is made to fail. */
  readonly failures: number;
}

/** A seed that a commit always gives again, and another commit does not. */
function seedOfCommit(): number {
  const given = process.env['AIRGAP_TEST_SEED'];
  if (given !== undefined) return Number(given);
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return Number.parseInt(commit.slice(0, 8), 16);
}

/** Fills a site, saves it, burns it down, brings it back, and then restores into the running product. */
export function disaster({ version, size, kills, failures }: Disaster): void {
  const skip = process.env['AIRGAP_CLUSTER_TESTS'] !== '1';
  describe(`the disaster: ${version}`, { skip, timeout: 7_200_000 }, () => {
    const seed = seedOfCommit();
    const random = seeded(seed);
    const said: string[] = [];
    let site: TestNode;
    let bundle = '';
    let file = '';
    let key = '';
    let second = { file: '', key: '' };
    const secrets = canaries();
    let watch: Watch;
    let known: Known & { readonly bytes: number };

    const flags = (): string[] => ['--registry', site.registry, '--plain-http', '--timeout', '5m', '--yes'];
    const run = async (args: readonly string[], status: number): Promise<Ran> => {
      const ran = await site.start(args).ended;
      said.push(ran.out, ran.err);
      assert.equal(ran.status, status, `${ran.out}\n${ran.err}`.slice(-3000));
      return ran;
    };
    const restoreArgs = (...more: string[]): string[] => [
      'restore',
      file,
      '--identity',
      key,
      '--bundle',
      bundle,
      ...more,
    ];
    /** The restore in a process that can be killed at a boundary. */
    const start = (more: Record<string, unknown>, dieAt: readonly string[] = []): Running => {
      const all = {
        identity: [key],
        bundle,
        registry: site.registry,
        plainHttp: true,
        timeout: '5m',
        ...more,
      };
      return site.startFile(ENTRY, [file, JSON.stringify(all)], {
        AIRGAP_TEST_DIE_AT: JSON.stringify(dieAt),
      });
    };
    const finish = async (running: Running): Promise<EndedRestore> => {
      const ran = await running.ended;
      said.push(ran.out, ran.err);
      return { ...ran, json: ran.out === '' ? {} : JSON.parse(ran.out) };
    };
    const restore = (words: Record<string, unknown>, dieAt: readonly string[]): Promise<EndedRestore> =>
      finish(start(words, dieAt));
    const backup = async (
      name: string,
    ): Promise<{ file: string; key: string; json: Record<string, unknown> }> => {
      const path = join(site.folder, name);
      const { out } = await run(['backup', 'create', '-o', path, '--format', 'json'], 0);
      const json = JSON.parse(out);
      return { file: path, key: json.keyFile, json };
    };
    const demandSame = (): void => {
      assert.deepEqual(databaseFacts(site), known.tables);
      assert.deepEqual(fileFacts(site), known.files);
      assert.deepEqual(objectFacts(site), known.objects);
      const bytes = diskUse(site);
      assert.ok(
        bytes < known.bytes * 1.05,
        `${bytes} bytes on the volume instead of ${known.bytes}: holes were filled`,
      );
    };
    const replicas = (): string =>
      site.kubectl(
        ...['-n', 'runai-backend', 'get', 'deployments,statefulsets', '-o'],
        'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.spec.replicas} {.metadata.annotations.airgap/replicas}{"\\n"}{end}',
      );

    before(async () => {
      console.error(`disaster ${version}: seed ${seed} (AIRGAP_TEST_SEED gives it again)`);
      site = startNode('recovery');
      watch = await watchCommandLines();
      bundle = site.bundle(version);
      const values = join(site.folder, 'values.json');
      writeFileSync(values, JSON.stringify(passwordValues(version)), { mode: 0o600 });
      await run(['install', bundle, '--domain', 'runai.test', '--backend-values', values, ...flags()], 0);
      known = { ...fillSite(site, size), bytes: diskUse(site) };
      for (const [name, secret] of liveSecrets(site)) secrets.set(`at first, ${name}`, secret);
      assert.ok(known.files.length > size.files && Object.keys(known.objects).length > 50);
    });
    after(() => {
      watch?.stop();
      site?.down();
    });

    it('backs up, encrypted for a key of its own', async () => {
      const made = await backup('site.backup');
      ({ file, key } = made);
      assert.equal(made.json['encryption'], 'recipients');
      assert.equal(made.json['verified'], true);
      const raw = readFileSync(file);
      for (const canary of canaries().values())
        assert.equal(raw.includes(canary), false, 'a secret lies open in the backup');
    });

    if (kills === 'every') {
      it('threats 123 and 133: the pod killed during the dump leaves no backup', async () => {
        const path = join(site.folder, 'broken.backup');
        const running = site.start(['backup', 'create', '-o', path, '--plain']);
        for (let tries = 0; tries < 600 && !inCopy(site); tries++) await sleep(50);
        assert.ok(existsSync(`${path}.partial`));
        deletePod(site);
        const ran = await running.ended;
        assert.ok(ran.status === 8 || ran.status === 6, `${ran.status} ${ran.err}`.slice(-3000));
        assert.equal(existsSync(path), false);
        assert.equal(existsSync(`${path}.partial`), false);
      });
    }

    it('threat 127: refuses a target that is not empty, and says what is there', async () => {
      const { err } = await run(restoreArgs(...flags()), 8);
      assert.match(err, /RESTORE_REFUSED: the target is not empty/);
      assert.match(err, /--replace/);
    });

    it('threat 130: another cluster needs a word, and the plan shows what is written otherwise', async () => {
      site.must('up', '--fresh');
      const refused = await run(restoreArgs(...flags()), 11);
      assert.match(refused.err, /another cluster[\s\S]*--to-new-cluster/);
      const domain = await run(restoreArgs(...flags(), '--domain', 'new.test'), 11);
      assert.match(domain.err, /DECISION_NEEDED/);
      const before = site.kubectl('get', 'secrets,configmaps,pods,pvc,leases', '-A', '-o', 'name');
      const shown = await run(
        restoreArgs(...flags(), '--to-new-cluster', '--domain', 'new.test', '--dry-run'),
        0,
      );
      assert.match(shown.out, /rewritten cluster UID: \S+ becomes/);
      assert.match(shown.out, /rewritten URLs: runai\.test becomes new\.test/);
      assert.match(shown.out, /rewritten values of runai-backend: .*domain/);
      assert.match(shown.out, /rewritten Ingress runai-backend\/runai-backend-ingress: .*host/);
      assert.match(
        shown.out,
        /rewritten Secret runai-backend\/runai-backend-tls: the one that is there stays/,
      );
      assert.match(shown.out, /nothing inside the databases/);
      assert.equal(site.kubectl('get', 'secrets,configmaps,pods,pvc,leases', '-A', '-o', 'name'), before);
    });

    it('threats 81 and 132: comes back on an empty cluster, every row, file and object, killed at steps on the way', async () => {
      const planned = await finish(start({ toNewCluster: true, dryRun: true }));
      const steps = planned.json['steps'] as { id: string }[];
      const points = steps.flatMap(({ id }) => [`${id}|intent`, `${id}|effect`]);
      // A step that holds already has no effect to die after: waiting often does, namespaces are there, and a fresh
      // install made no second database.
      const certain = points.filter(
        (point) => !/^(wait|apply:namespaces|namespaces|drop:second)/.test(point),
      );
      const chosen = kills === 'every' ? points : sample(certain, 3, random);
      const wanted = certain.filter((point) => chosen.includes(point));
      const { left } = await killedAt(restore, { toNewCluster: true }, chosen);
      assert.deepEqual(
        wanted.filter((point) => left.has(point)),
        [],
        'points that no kill reached',
      );
      demandSame();
      assert.doesNotMatch(replicas(), /=0/);
    });

    it('another backup differs only in time', async () => {
      second = await backup('again.backup');
      assert.deepEqual(await differences({ file, key }, second), ['createdAt', 'clusterUid']);
    });

    it('threat 128: pg_restore that fails in the middle leaves the live database alone and the product running', async () => {
      const before = { rows: untouched(site), replicas: replicas() };
      const words = { only: ['database'], replace: true, toNewCluster: true };
      const row = Math.floor(rowsOfJobs(size.rows) * 0.7);
      poison(site, row);
      const { json, status } = await finish(start(words));
      assert.equal(status, 1, JSON.stringify(json));
      assert.equal(json['code'], 'RESTORE_FAILED');
      assert.match(String(json['message']), /pg_restore failed; the live database was not touched/);
      assert.match(String(json['message']), /dropped again/);
      assert.match(String(json['found']), new RegExp(`COPY jobs, line ${row}\\b`));
      assert.doesNotMatch(
        String(json['found']),
        /Failing row|[0-9a-f]{32}/,
        'the row itself may be a secret',
      );
      const share = shareTaken(String(json['found']));
      // Of a small dump all is in pg_restore's pipe before the server says no.
      assert.ok(share >= 0.5 && (share < 0.95 || size.rows < 1_000_000), `failed after ${share} of the dump`);
      assert.deepEqual({ rows: untouched(site), replicas: replicas() }, before);
      assert.doesNotMatch(site.must('psql', 'postgres', 'SELECT datname FROM pg_database'), /airgap/);
      const kept = readdirSync(site.stateDir, { recursive: true, encoding: 'utf8' });
      assert.ok(
        kept.some((name) => name.endsWith('/before-restore.backup')),
        'there is a safety backup',
      );
    });

    if (failures > 0) {
      it(`threat 128: no write to the live database in ${failures} injected failures`, async () => {
        const before = untouched(site);
        for (let round = 0; round < failures; round++) {
          const what = await fail(site, start({}), random, size);
          console.error(`disaster ${version}: failure ${round + 1}: ${what}`);
          poison(site, undefined);
          assert.equal(untouched(site), before, what);
          assert.doesNotMatch(replicas(), /=0/, what);
        }
      });
    }

    it('threat 129: killed while everything is scaled to none, the numbers come back first', async () => {
      poison(site, undefined);
      site.kubectl('apply', '-f', site.file('slow.yaml', slowWriter(site)));
      site.kubectl('-n', 'runai-backend', 'rollout', 'status', 'deployment/slow-writer', '--timeout=120s');
      const before = replicas();
      const running = start({});
      const isStopped = /^Deployment\/\S+=0 [1-9]/m;
      for (let tries = 0; tries < 3000 && running.child.exitCode === null; tries++) {
        if (isStopped.test(replicas())) break;
        await sleep(50);
      }
      running.child.kill('SIGKILL');
      const ran = await running.ended;
      assert.equal(ran.out, '', `it was too fast to be killed: ${ran.out}`);
      assert.match(replicas(), isStopped);
      const done = await finish(start({}));
      assert.equal(done.json['outcome'], 'restored', `${done.out}\n${done.err.slice(-2000)}`);
      assert.equal(replicas(), before);
      site.kubectl('-n', 'runai-backend', 'delete', 'deployment', 'slow-writer');
    });

    it('threat 127: what was replaced stays beside, and the safety backup is one', async () => {
      const names = site.must(
        'psql',
        'postgres',
        "SELECT datname FROM pg_database WHERE datname LIKE '%airgap%' ORDER BY 1",
      );
      assert.equal(names, 'backend_airgap_old\nsecond ü_airgap_old');
      const again = ['--only', 'database', '--replace', '--to-new-cluster', '--new-run', '--dry-run'];
      const { err } = await run(restoreArgs(...flags(), ...again), 8);
      assert.match(err, /RESTORE_REFUSED: [\s\S]*backend_airgap_old[\s\S]*DROP DATABASE/);
      for (const name of names.split('\n')) site.must('psql', 'postgres', `DROP DATABASE "${name}"`);
      demandSame();
      const [saved = ''] = readdirSync(site.stateDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('/before-restore.backup'),
      );
      const path = join(site.stateDir, saved);
      const keys = readdirSync(join(path, '..')).filter((name) => name.endsWith('.key'));
      const open = keys.flatMap((name) => ['--identity', join(path, '..', name)]);
      await run(['backup', 'verify', path, ...open], 0);
    });

    if (kills === 'every') {
      it('volumes that outlived the product get their claims back, under another domain', async () => {
        const claims = site.json('-n', 'runai-backend', 'get', 'pvc') as unknown as { items: Claim[] };
        for (const { spec } of claims.items)
          site.kubectl(
            'patch',
            'pv',
            spec.volumeName,
            '-p',
            '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}',
          );
        site.must('psql', 'backend', 'CREATE TABLE newer_than_the_backup AS SELECT 1');
        const folders = metricsFolder(site);
        site.kubectl(
          'delete',
          'namespace',
          'runai-backend',
          'runai',
          'by-hand-a',
          'by-hand-b',
          '--timeout=180s',
        );
        const rebind = claims.items.map(({ metadata }) => metadata.name);
        const words = { rebind, domain: 'new.test', toNewCluster: true, newRun: true };
        const points = rebind.flatMap((claim) =>
          ['intent', 'effect'].map((boundary) => `rebind:runai-backend/${claim}|${boundary}`),
        );
        const { left } = await killedAt(restore, words, points);
        assert.deepEqual([...left], [], 'points that no kill reached');
        assert.equal(site.must('psql', 'backend', 'SELECT * FROM newer_than_the_backup'), '1');
        assert.equal(metricsFolder(site), folders);
        assert.deepEqual(fileFacts(site), known.files);
        const ingress = site.kubectl(
          '-n',
          'runai-backend',
          'get',
          'ingress',
          'runai-backend-ingress',
          '-o',
          'yaml',
        );
        assert.match(ingress, /host: new\.test/);
        assert.doesNotMatch(ingress, /runai\.test/);
      });
    }

    it('threat 136: no secret in any output, argument list or record', () => {
      for (const [name, secret] of liveSecrets(site)) secrets.set(name, secret);
      for (const path of [key, second.key])
        secrets.set(path, readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '');
      assert.deepEqual(findSecrets(site, secrets, { said, watch }), []);
    });
  });
}

interface Claim {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly volumeName: string };
}

function sample<T>(all: readonly T[], count: number, random: () => number): T[] {
  const left = all.map((_, index) => index);
  const chosen = Array.from(
    { length: count },
    () => left.splice(Math.floor(random() * left.length), 1)[0] ?? 0,
  );
  return chosen.sort((a, b) => a - b).map((index) => all[index] as T);
}
