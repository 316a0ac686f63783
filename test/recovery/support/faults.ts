import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ran, Running, TestNode } from '../../install/support/node.js';
import { rowsOfJobs, type Size } from './site.js';

/** Takes its time to stop, so that a kill falls into the outage. */
export function slowWriter(site: TestNode): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: slow-writer, namespace: runai-backend }
spec:
  selector: { matchLabels: { app: slow-writer } }
  template:
    metadata: { labels: { app: slow-writer } }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: slow
          image: ${site.registry}/airgap-node/busybox:1
          command: [sh, -c, 'trap "" TERM; while :; do sleep 1; done']
`;
}

/** From this row on `jobs` refuses rows in sessions of the superuser that come from now on. */
export function poison(site: TestNode, from: number | undefined): void {
  const change = from === undefined ? 'RESET airgap_test.poison' : `SET airgap_test.poison = '${from}'`;
  site.must('psql', 'postgres', `ALTER ROLE postgres ${change}`);
}

/** Which share of the dump pg_restore had read when it failed; what was sent may be more, by what lies in buffers. */
export function shareTaken(found: string): number {
  const [, taken, all] = / after (\d+) of (\d+) bytes/.exec(found) ?? [];
  return Number(taken) / Number(all);
}

/** The boundary at which a restore that was to be killed was. */
function diedAt(err: string): string | undefined {
  const last = err.split('\n').findLast((line) => line.startsWith('{"type":"boundary"'));
  const { step, boundary, dies } = JSON.parse(last ?? '{}');
  return dies ? `${step}|${boundary}` : undefined;
}

/** A restore in a process of its own that ended, with what it printed. */
export interface EndedRestore extends Ran {
  readonly json: Record<string, unknown>;
}

/**
 * Restores, killed at the first boundary it meets of those that are left, until it comes through. Going on needs none of
 * the words that began it.
 * @returns what it said in all, and the points that no kill reached
 */
export async function killedAt(
  restore: (words: Record<string, unknown>, dieAt: readonly string[]) => Promise<EndedRestore>,
  first: Record<string, unknown>,
  points: readonly string[],
): Promise<{ readonly said: string; readonly left: ReadonlySet<string> }> {
  const left = new Set(points);
  let said = '';
  for (let words = first; ; words = { registry: undefined, plainHttp: undefined }) {
    const ran = await restore(words, [...left]);
    said += ran.err;
    if (ran.json['outcome'] === 'restored') return { said, left };
    const point = diedAt(ran.err);
    assert.ok(
      ran.out === '' && point !== undefined && left.delete(point),
      `${ran.out}\n${ran.err.slice(-2000)}`,
    );
    console.error(`killed at ${point}`);
  }
}

/** Whether a dump reads a table at this moment. */
export function inCopy(site: TestNode): boolean {
  const sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active'";
  return site.must('psql', 'backend', sql) !== '0';
}

/** Lets a restore into the running product fail in one of several ways; says in which. */
export async function fail(
  site: TestNode,
  running: Running,
  random: () => number,
  size: Size,
): Promise<string> {
  const into = running.said(/"progress","stage":"database:backend"/).then(() => sleep(random() * 1500));
  // Not every way waits for it.
  into.catch(() => {});
  const inPod = (script: string): void =>
    void site.node(
      'exec',
      'kubectl',
      '-n',
      'runai-backend',
      'exec',
      'runai-backend-postgresql-0',
      '--',
      'bash',
      '-c',
      script,
    );
  const ways: readonly (readonly [string, () => Promise<void>])[] = [
    [
      'a row that a constraint refuses',
      async () => poison(site, Math.ceil(random() * rowsOfJobs(size.rows) * 0.95)),
    ],
    ['airgap killed', async () => into.then(() => void running.child.kill('SIGKILL'))],
    ['interrupted by the operator', async () => into.then(() => void running.child.kill('SIGINT'))],
    [
      'pg_restore killed',
      async () =>
        // It may not have begun yet: the database is made first.
        into.then(() =>
          inPod(
            'for i in $(seq 200); do p=$(grep -lx pg_restore /proc/[0-9]*/comm | cut -d/ -f3); [ -n "$p" ] && kill -9 $p && exit; sleep 0.1; done',
          ),
        ),
    ],
    [
      'its session ended by the server',
      async () =>
        into.then(async () => {
          const sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE '%airgap_new'";
          for (let tries = 0; tries < 50 && site.must('psql', 'postgres', sql) === ''; tries++)
            await sleep(50);
        }),
    ],
    [
      'no room for temporary files',
      async () =>
        void site.must(
          'psql',
          'postgres',
          "ALTER ROLE postgres SET temp_file_limit = 0; ALTER ROLE postgres SET maintenance_work_mem = '1MB'",
        ),
    ],
    ['the API server gone', async () => into.then(() => void site.must('stop-api'))],
    ['the database’s pod deleted', async () => into.then(() => deletePod(site))],
  ];
  const [what, act] = ways[Math.floor(random() * ways.length)] ?? assert.fail();
  await Promise.race([act(), running.ended]);
  if (what === 'the API server gone') {
    await Promise.race([running.ended, sleep(20_000)]);
    site.must('start-api');
  }
  const ran = await running.ended;
  assert.ok(!ran.out.includes('"restored"'), `${what}: it came through: ${ran.out}`);
  awaitDatabase(site);
  site.must(
    'psql',
    'postgres',
    'ALTER ROLE postgres RESET temp_file_limit; ALTER ROLE postgres RESET maintenance_work_mem',
  );
  return `${what}: ${ran.out === '' ? 'no last words' : String(JSON.parse(ran.out).message)}`;
}

/** Deletes the database's pod, and waits for the one that follows. */
export function deletePod(site: TestNode): void {
  const pod = ['-n', 'runai-backend', 'pod', 'runai-backend-postgresql-0'];
  site.kubectl('delete', ...pod, '--force', '--grace-period=0');
  awaitDatabase(site);
}

/** Until the database answers: after a crash it reads its log first. @throws AssertionError after four minutes */
export function awaitDatabase(site: TestNode): void {
  const until = Date.now() + 240_000;
  for (;;) {
    const { status, err } = site.node('psql', 'postgres', 'SELECT 1');
    if (status === 0) return;
    assert.ok(Date.now() < until, `the database does not come back: ${err}`);
    spawnSync('sleep', ['0.5']);
  }
}
