import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { acquireHostLock, hostLockHolder } from '../../src/run/host-lock.js';
import { identifyProcess, livenessOf } from '../../src/run/process-identity.js';
import { makeFolder } from './support.js';

const top = makeFolder('lock');
after(() => rmSync(top, { recursive: true, force: true }));

let count = 0;
function freshOptions() {
  const folder = join(top, `lock-${count++}`);
  return { folder, runId: 'run-a', purpose: 'install', now: () => Date.UTC(2026, 10, 21) };
}

/** Writes a lock file as another process would have left it. */
async function plant(folder: string, change: Record<string, unknown>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const own = await identifyProcess();
  const file = {
    ...own,
    runId: 'run-x',
    since: '2026-11-20T08:00:00.000Z',
    purpose: 'install',
    released: false,
  };
  writeFileSync(join(folder, 'lock.1'), JSON.stringify({ ...file, ...change }));
}

test('threat 88: the second is refused and told who and since when; after the release it gets in', async () => {
  const options = freshOptions();
  const first = await acquireHostLock(options);
  await assert.rejects(
    acquireHostLock({ ...options, runId: 'run-b' }),
    (error: Error & Record<string, unknown>) => {
      assert.equal(error['code'], 'LOCKED');
      assert.match(error.message, /run-a is at work since 2026-11-21T00:00:00/);
      assert.match(String(error['found']), new RegExp(`process ${process.pid}: install`));
      return true;
    },
  );
  assert.deepEqual(await hostLockHolder(options.folder), {
    runId: 'run-a',
    since: '2026-11-21T00:00:00.000Z',
    pid: process.pid,
  });
  await first.release();
  assert.equal(await hostLockHolder(options.folder), undefined);
  const second = await acquireHostLock({ ...options, runId: 'run-b' });
  assert.equal(second.number, first.number + 1);
});

test('threat 90: a holder is replaced only when it is provably gone', async () => {
  const gone = await deadPid();
  const rows: [string, Record<string, unknown>, boolean][] = [
    ['no such process', { pid: gone }, true],
    ['the pid belongs to a later process', { startTicks: '1' }, true],
    ['another boot of this host', { bootId: '00000000-0000-0000-0000-000000000000' }, true],
    ['alive', {}, false],
    ['another host on the same disk', { host: 'elsewhere', pid: gone }, false],
    ['another PID namespace', { pidNamespace: 'pid:[1]', pid: gone }, false],
  ];
  for (const [name, change, taken] of rows) {
    const options = freshOptions();
    await plant(options.folder, change);
    if (taken) assert.equal((await acquireHostLock(options)).number, 2, name);
    else await assert.rejects(acquireHostLock(options), { code: 'LOCKED' }, name);
  }
});

test('a holder out of sight can be taken over by its run id, a living one cannot', async () => {
  const away = freshOptions();
  await plant(away.folder, { host: 'elsewhere' });
  await assert.rejects(acquireHostLock({ ...away, takeover: 'run-y' }), { code: 'LOCKED' });
  assert.equal((await acquireHostLock({ ...away, takeover: 'run-x' })).number, 2);
  const alive = freshOptions();
  await plant(alive.folder, {});
  await assert.rejects(acquireHostLock({ ...alive, takeover: 'run-x' }), { code: 'LOCKED' });
});

test('a lock file cut short by a power loss holds nobody up', async () => {
  const options = freshOptions();
  mkdirSync(options.folder, { recursive: true });
  writeFileSync(join(options.folder, 'lock.1'), '{"pid":');
  assert.equal((await acquireHostLock(options)).number, 2);
});

test('the past of a lock is cleaned away but for its newest part', async () => {
  const options = freshOptions();
  for (let turn = 0; turn < 80; turn++) await (await acquireHostLock(options)).release();
  const names = readdirSync(options.folder);
  assert.ok(names.includes('lock.80') && !names.includes('lock.1'));
  assert.ok(names.length <= 66 && names.every((name) => name.startsWith('lock.')));
});

test('threat 90: a killed and unreaped process counts as gone', async () => {
  const child = spawn('sleep', ['60']);
  const identity = await identifyProcess(child.pid);
  assert.equal(await livenessOf(identity), 'alive');
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  assert.equal(await livenessOf(identity), 'gone');
});

test('threat 88: 2,000 races of two processes: never two holders, and somebody always gets in', {
  timeout: 60_000,
}, async () => {
  const folder = join(top, 'races');
  mkdirSync(folder);
  const racers = [racer(folder), racer(folder)];
  await Promise.all(racers.map((one) => one.next()));
  let won = 0;
  for (let race = 0; race < 2000; race++) {
    // Odd races share one lock, so that its numbers grow; of the others every second starts from a dead holder's.
    const name = race % 2 === 1 ? 'shared' : String(race);
    if (race % 4 === 0) await plant(join(folder, name), { startTicks: '1' });
    const answers = await Promise.all(racers.map((one) => one.ask(`go ${name}`)));
    assert.ok(!answers.includes('both'), `two holders in race ${race}`);
    assert.ok(answers.includes('won'), `nobody got in, race ${race}: ${answers}`);
    won += answers.filter((answer) => answer === 'won').length;
  }
  for (const one of racers) one.end();
  assert.ok(won >= 2000 && won < 4000, `${won} of 4000 tries won`);
});

function racer(folder: string) {
  const script = fileURLToPath(new URL('./racer.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  return {
    next,
    ask: (question: string) => {
      child.stdin?.write(`${question}\n`);
      return next();
    },
    end: () => child.stdin?.end(),
  };
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.on('exit', resolve));
  const pid = child.pid as number;
  assert.ok(!existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(' Z '));
  return pid;
}
