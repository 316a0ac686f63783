import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import { canaries, findSecrets, liveSecrets } from './support/secrets.js';
import { fillDatabase, fillVolume, passwordValues, SMALL } from './support/site.js';
import { watchCommandLines } from './support/watch.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: broken streams and drills on the test node, because AIRGAP_CLUSTER_TESTS is not 1');
const seed = Number(process.env['AIRGAP_TEST_SEED'] ?? Date.now() % 1_000_000);

const at = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
const HEAD = `
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { connect } from ${at('../../src/kube/client.ts')};
import { openBackup } from ${at('../../src/recovery/archive/open.ts')};
import { createBackupWriter } from ${at('../../src/recovery/archive/writer.ts')};
import { createBackup } from ${at('../../src/recovery/create.ts')};
import { verifyBackupFile } from ${at('../../src/recovery/verify.ts')};
import { seeded } from ${at('../install/support/node.ts')};
import { startExecProxy } from ${at('../kube/support/exec-proxy.ts')};
const tell = (value) => console.log(JSON.stringify(value));
const signal = new AbortController().signal;
/** A backup of some parts, through a proxy that injures streams; what came of it. */
async function make(file, choices, injure, encryption = { kind: 'plain' }) {
  const proxy = await startExecProxy({ kubeconfig: process.env.KUBECONFIG, injure });
  const client = await connect({ kubeconfig: proxy.kubeconfig, env: {} });
  try {
    await createBackup({
      client, output: file, encryption, choices: new Set(choices), toolVersion: '0.0.0',
      env: process.env, now: Date.now, random: randomBytes, emit: () => {}, signal,
    });
    return { ok: true, calls: proxy.calls };
  } catch (error) {
    return { ok: false, code: error.code, exit: error.exitStatus, text: error.message + ': ' + error.found, calls: proxy.calls };
  } finally {
    client.close();
    await proxy.close();
  }
}
const isDump = (call) => call.command.at(-1) === 'backend';
const isCopy = (call) => call.pod.startsWith('airgap-read-');
`;

interface Attempt {
  readonly kind: string;
  readonly of: string;
  readonly after: number;
  readonly total: number;
  readonly injured: boolean;
  readonly ok: boolean;
  readonly code?: string;
  readonly exit?: number;
  readonly text?: string;
  readonly left: readonly string[];
}

describe('what breaks while a backup is made, and a drill', { skip: !wanted, timeout: 1_200_000 }, () => {
  let site: TestNode;
  let file = '';
  let key = '';
  const said: string[] = [];

  /** Runs lines inside the node's network; what they told last. */
  function script<T>(text: string): T {
    const ran = site.script(HEAD + text);
    said.push(ran.out, ran.err);
    assert.equal(ran.status, 0, ran.err);
    return JSON.parse(ran.out.trim().split('\n').at(-1) ?? 'null') as T;
  }
  const run = async (...args: string[]): Promise<Ran> => {
    const ran = await site.airgap(...args);
    said.push(ran.out, ran.err);
    return ran;
  };
  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const databaseRuns = (): void => {
    const set = 'statefulset/runai-backend-postgresql';
    site.kubectl('-n', 'runai-backend', 'rollout', 'status', set, '--timeout=120s');
  };
  const helpers = (): unknown[] =>
    site.json('get', 'pods', '-A', '-l', 'airgap/helper=true')['items'] as unknown[];

  before(async () => {
    site = startNode('broken');
    const bundle = site.bundle('2.13.66');
    file = join(site.folder, 'whole.backup');
    const values = join(site.folder, 'values.json');
    writeFileSync(values, JSON.stringify(passwordValues('2.13.66')), { mode: 0o600 });
    const flags = ['--registry', site.registry, '--plain-http', '--timeout', '5m', '--yes'];
    ended(await run('install', bundle, '--domain', 'runai.test', '--backend-values', values, ...flags), 0);
    fillDatabase(site, SMALL);
    // More than the pipes and buffers on the way hold, so that what is cut is not yet made.
    const big = `CREATE TABLE big AS SELECT g, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) AS t FROM generate_series(1, 400000) g`;
    site.must('psql', 'backend', big);
    fillVolume(site, SMALL);
    console.error(`broken: seed ${seed} (AIRGAP_TEST_SEED gives it again)`);
  });
  after(() => site?.down());

  it('threats 121, 122, 131: streams truncated at 20 random places, and changed at 10 more, are all found', () => {
    const attempts = script<Attempt[]>(`
      const random = seeded(${seed});
      const folder = ${JSON.stringify(site.folder)} + '/cuts';
      const { mkdirSync } = await import('node:fs');
      mkdirSync(folder, { recursive: true });
      const sizes = {};
      for (const [of, parts, is] of [['dump', ['database'], isDump], ['copy', ['metrics'], isCopy]]) {
        const whole = await make(folder + '/' + of, parts, () => undefined);
        if (!whole.ok) throw new Error(JSON.stringify(whole));
        sizes[of] = whole.calls.filter(is).reduce((most, { bytes }) => Math.max(most, bytes), 0);
        rmSync(folder + '/' + of);
        rmSync(folder + '/' + of + '.verified.json');
      }
      const attempts = [];
      for (let n = 0; n < 30; n++) {
        const [of, parts, is] = n % 2 === 0 ? ['dump', ['database'], isDump] : ['copy', ['metrics'], isCopy];
        const kind = n >= 20 ? 'flip' : n % 4 < 2 ? 'cut' : 'lose';
        const after = Math.floor(random() * sizes[of]);
        let hit;
        const injure = (call) => {
          if (!is(call)) return undefined;
          hit = call;
          return { kind, after };
        };
        const { calls: _calls, ...came } = await make(folder + '/x.backup', parts, injure);
        attempts.push({ kind, of, after, total: sizes[of], injured: hit?.injured === true, ...came, left: readdirSync(folder) });
        for (const name of readdirSync(folder)) rmSync(folder + '/' + name);
      }
      tell(attempts);`);
    for (const attempt of attempts) {
      const shown = JSON.stringify(attempt);
      assert.ok(attempt.injured, `not injured: ${shown}`);
      assert.deepEqual([attempt.ok, attempt.exit, attempt.left], [false, 8, []], shown);
      assert.match(attempt.text ?? '', /did not arrive as it was sent|could not be read to its end/, shown);
      assert.doesNotMatch(attempt.text ?? '', /airgap:|canary/, 'facts hold settings, which may be secrets');
    }
    const count = (kind: string): number => attempts.filter((attempt) => attempt.kind === kind).length;
    assert.deepEqual([count('cut'), count('lose'), count('flip')], [10, 10, 10]);
    console.error(
      `broken: ${attempts.map(({ kind, of, after, total }) => `${kind} ${of} ${after}/${total}`).join(', ')}`,
    );
    assert.deepEqual(helpers(), []);
  });

  it('threats 121, 122: a list or roles that lose their end spoil a backup too', () => {
    const attempts = script<Attempt[]>(`
      const random = seeded(${seed} + 2);
      const folder = ${JSON.stringify(site.folder)} + '/ends';
      const { mkdirSync } = await import('node:fs');
      mkdirSync(folder, { recursive: true });
      const parts = ['database'];
      const whole = await make(folder + '/whole', parts, () => undefined);
      if (!whole.ok) throw new Error(JSON.stringify(whole));
      for (const name of readdirSync(folder)) rmSync(folder + '/' + name);
      const attempts = [];
      // Of the first question, whether the login works, nothing can be lost that matters; after the roles come dumps.
      const last = whole.calls.findIndex(({ command }) => command.at(-1) === '');
      for (const [at, { bytes, command }] of whole.calls.entries()) {
        if (at === 0 || at > last) continue;
        for (const kind of ['lose', 'cut']) {
          const after = Math.floor(random() * bytes);
          let seen = 0;
          let hit;
          const injure = (call) => {
            if (seen++ !== at) return undefined;
            hit = call;
            return { kind, after };
          };
          const { calls: _calls, ...came } = await make(folder + '/x.backup', parts, injure);
          attempts.push({ kind, of: command.at(-1), after, total: bytes, injured: hit?.injured === true, ...came, left: readdirSync(folder) });
          for (const name of readdirSync(folder)) rmSync(folder + '/' + name);
        }
      }
      tell(attempts);`);
    assert.ok(attempts.length >= 4, JSON.stringify(attempts));
    for (const attempt of attempts) {
      const shown = JSON.stringify(attempt);
      assert.ok(attempt.injured, `not injured: ${shown}`);
      assert.deepEqual([attempt.ok, attempt.left], [false, []], shown);
      assert.ok([6, 8].includes(attempt.exit ?? 0), shown);
    }
  });

  it('threats 121, 123: pg_dump, its session and the pod killed in the middle of the dump', () => {
    const told = script<Record<string, Attempt>>(`
      const { execFile } = await import('node:child_process');
      const { promisify } = await import('node:util');
      const kubectl = (...words) => promisify(execFile)('kubectl', ['-n', 'runai-backend', ...words]).then(() => {}, (error) => console.error(String(error)));
      const pod = 'runai-backend-postgresql-0';
      const ways = {
        tool: () => kubectl('exec', pod, '--', 'bash', '-c', 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = pg_dump ] && kill -9 \${p#/proc/}; done; true'),
        session: () => kubectl('exec', pod, '--', 'bash', '-c', 'for p in /proc/[0-9]*; do grep -aq "postgres: .* COPY" $p/cmdline 2>/dev/null && kill -TERM \${p#/proc/}; done; true'),
        pod: () => kubectl('delete', 'pod', pod, '--force', '--grace-period=0'),
      };
      const told = {};
      const answers = () => kubectl('exec', pod, '--', 'sh', '-c', 'for i in $(seq 60); do PGPASSWORD=$POSTGRES_POSTGRES_PASSWORD psql -h 127.0.0.1 -U postgres -Atqc "SELECT 1" && exit; sleep 1; done; exit 1');
      for (const [way, meanwhile] of Object.entries(ways)) {
        await answers();
        const file = ${JSON.stringify(site.folder)} + '/' + way + '.backup';
        let hit;
        const injure = (call) => {
          if (!isDump(call)) return undefined;
          hit = call;
          return { kind: 'hold', after: 1_000_000, meanwhile };
        };
        const { calls: _calls, ...came } = await make(file, ['database'], injure);
        told[way] = { ...came, injured: hit?.injured === true, left: [file, file + '.partial'].filter(existsSync) };
      }
      tell(told);`);
    console.error(`broken: ${JSON.stringify(told)}`);
    for (const way of ['tool', 'session', 'pod']) {
      const { injured, ok, exit, left } = told[way] ?? ({} as Attempt);
      assert.deepEqual(
        { injured, ok, exit, left },
        { injured: true, ok: false, exit: 8, left: [] },
        JSON.stringify(told),
      );
    }
    databaseRuns();
  });

  it('threat 136: a backup in two ways, with every program that the machine starts watched meanwhile', async () => {
    const watch = await watchCommandLines();
    const made = JSON.parse(ended(await run('backup', 'create', '-o', file, '--format', 'json'), 0).out);
    key = made.keyFile;
    const pass = join(site.folder, 'pass.txt');
    writeFileSync(pass, 'canary-passphrase-8842\n', { mode: 0o600 });
    const locked = join(site.folder, 'locked.backup');
    ended(await run('backup', 'create', '-o', locked, '--passphrase-file', pass), 0);
    assert.ok(
      [...watch.lines()].some((line) => line.includes('pg_dump')),
      'pg_dump itself was seen',
    );
    const secrets = new Map([...canaries(), ...liveSecrets(site)]);
    secrets.set('the passphrase', 'canary-passphrase-8842');
    secrets.set('the identity', readFileSync(key, 'utf8').trim().split('\n').at(-1) ?? '');
    assert.deepEqual(findSecrets(site, secrets, { said, watch }), []);
    watch.stop();
    for (const [name, secret] of secrets)
      for (const path of [file, locked])
        assert.equal(readFileSync(path).includes(secret), false, `${name} in ${path}`);
  });

  it('threat 139: a wrong passphrase, a wrong key and none are refused, each with its words', async () => {
    const locked = join(site.folder, 'locked.backup');
    const wrong = join(site.folder, 'wrong.txt');
    writeFileSync(wrong, 'canary-passphrase-8843\n', { mode: 0o600 });
    const other = join(site.folder, 'pass.txt');
    ended(await run('backup', 'verify', locked, '--passphrase-file', other), 0);
    const refused = ended(await run('backup', 'verify', locked, '--passphrase-file', wrong), 8);
    assert.match(refused.err, /error BACKUP_KEY/);
    assert.match(ended(await run('backup', 'verify', file), 8).err, /error BACKUP_KEY/);
    assert.match(
      ended(await run('backup', 'verify', file, '--passphrase-file', other), 8).err,
      /error BACKUP_KEY/,
    );
    assert.match(
      ended(await run('restore', file, '--drill', '--passphrase-file', other), 8).err,
      /BACKUP_KEY/,
    );
  });

  it('threat 131: one flipped bit anywhere in a real backup, plain and encrypted, is found', () => {
    const missed = script<string[]>(`
      const random = seeded(${seed} + 1);
      const plain = ${JSON.stringify(site.folder)} + '/plain.backup';
      const made = await make(plain, ['config', 'secrets', 'database'], () => undefined);
      if (!made.ok) throw new Error(JSON.stringify(made));
      const identities = [readFileSync(${JSON.stringify(key)}, 'utf8').trim().split('\\n').at(-1)];
      const missed = [];
      for (const [path, unlock] of [[plain, {}], [${JSON.stringify(file)}, { identities }]]) {
        const bytes = readFileSync(path);
        const copy = path + '.flipped';
        // The first and last blocks hold what leads to all the rest.
        const places = [0, 20, 300, 511, 600, bytes.length - 1, bytes.length - 600, bytes.length - 1100, bytes.length - 2000];
        for (let n = 0; n < 12; n++) places.push(Math.floor(random() * bytes.length));
        for (const place of places) {
          const bit = 1 << Math.floor(random() * 8);
          bytes[place] ^= bit;
          writeFileSync(copy, bytes);
          bytes[place] ^= bit;
          const found = await verifyBackupFile(copy, { ...unlock, env: process.env }).then(({ ok }) => !ok, (error) => error.exitStatus === 8);
          if (!found) missed.push(path + ' at ' + place);
        }
        rmSync(copy);
      }
      tell(missed);`);
    assert.deepEqual(missed, []);
  });

  it('a drill proves the backup, and leaves nothing behind', async () => {
    const drill = ['restore', file, '--drill', '--identity', key];
    assert.match(ended(await run(...drill, '--dry-run'), 0).out, /of .*postgresql[\s\S]*restores .*backend/);
    const databases = site.must('psql', 'postgres', 'SELECT oid, datname FROM pg_database ORDER BY 1');
    const report = JSON.parse(ended(await run(...drill, '-o', 'json'), 0).out);
    const backend = report.databases.find(({ name }: { name: string }) => name === 'backend');
    assert.ok(
      backend.tables >= 5 && backend.rows > 400_000 && backend.largeObjects === 2,
      JSON.stringify(backend),
    );
    assert.match(report.server, /PostgreSQL/);
    assert.deepEqual(helpers(), []);
    assert.equal(site.must('psql', 'postgres', 'SELECT oid, datname FROM pg_database ORDER BY 1'), databases);
  });

  it('threat 124: dumps whose sums are right: one that ends early is no whole backup, one that lacks rows fails the drill', async () => {
    // What a broken pg_dump would have given: everything around it is right.
    script(`
      const identities = [readFileSync(${JSON.stringify(key)}, 'utf8').trim().split('\\n').at(-1)];
      const { execFileSync } = await import('node:child_process');
      const pod = ['-n', 'runai-backend', 'exec', 'runai-backend-postgresql-0', '--', 'bash', '-c'];
      const dump = 'PGPASSWORD=$POSTGRES_POSTGRES_PASSWORD pg_dump -h 127.0.0.1 -U postgres -Fc backend';
      const sql = 'PGPASSWORD=$POSTGRES_POSTGRES_PASSWORD psql -h 127.0.0.1 -U postgres backend -c ';
      const kubectl = (text) => execFileSync('kubectl', [...pod, text], { maxBuffer: 1 << 30 });
      kubectl(sql + '"DELETE FROM jobs WHERE id = 77"');
      const fewer = kubectl(dump);
      const backup = await openBackup(${JSON.stringify(file)}, { identities });
      const whole = Buffer.concat(await backup.stream('database/backend.dump').toArray());
      const rewrite = async (path, content) => {
        const writer = await createBackupWriter(path, { encryption: { kind: 'plain' } });
        const { parts, schemaVersion: _schema, kind: _kind, ...facts } = backup.manifest;
        for (const { path: part, role, meta, chunks } of parts) {
          if (role === 'readme') continue;
          const more = { role, ...(meta ? { meta } : {}) };
          if (part === 'database/backend.dump') await writer.addStream(part, Readable.from([content]), more);
          else if (chunks) await writer.addStream(part, backup.stream(part), more);
          else await writer.addFile(part, await backup.read(part), more);
        }
        await writer.finish(facts);
      };
      await rewrite(${JSON.stringify(site.folder)} + '/fewer.backup', fewer);
      await rewrite(${JSON.stringify(site.folder)} + '/short.backup', whole.subarray(0, Math.floor(whole.length * 0.6)));
      await backup.close();
      tell(true);`);
    const fewer = join(site.folder, 'fewer.backup');
    const short = join(site.folder, 'short.backup');
    ended(await run('backup', 'verify', fewer), 0);
    const one = ended(await run('restore', fewer, '--drill'), 8);
    assert.match(one.err, /error RESTORE_FAILED[\s\S]*table public\.jobs has 14999 rows instead of 15000/);
    for (const args of [
      ['backup', 'verify', short],
      ['restore', short, '--drill'],
    ])
      assert.match(ended(await run(...args), 8).err, /error BACKUP_INVALID[\s\S]*ends within/);
    assert.deepEqual(helpers(), []);
  });

  it('threat 133: a target that fills up is told, and nothing is left there', async () => {
    const small = join(site.folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small]);
    try {
      const ran = ended(await run('backup', 'create', '-o', join(small, 'x.backup')), 2);
      assert.match(ran.err, /error DISK_FULL[\s\S]*removed/);
      assert.deepEqual(readdirSync(small), []);
      assert.equal(existsSync(join(small, 'x.backup')), false);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
