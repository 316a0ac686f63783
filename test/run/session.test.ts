import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { hasOpenIntent } from '../../src/run/progress.js';
import { openSession, type SessionOptions } from '../../src/run/session.js';
import { findUnfinished, listRunFolders } from '../../src/run/store.js';
import { memoryCluster as cluster } from './memory-cluster.js';
import { makeFolder, sessionOptions } from './support.js';
import { describeWorld, effects, executors, fillWorld, makePlan, makeWorld, type World } from './world.js';

const top = makeFolder('session');
after(() => rmSync(top, { recursive: true, force: true }));

const UID = makePlan().clusterUid;
let count = 0;
const fresh = (name: string): string => join(top, `${name}-${count++}`);

/** Stops like a Ctrl-C once the given step was performed. */
async function runUntil(
  root: string,
  world: World,
  stepId: string | undefined,
  more: Partial<SessionOptions> = {},
) {
  const stop = new AbortController();
  const session = await openSession(sessionOptions(root, { signal: stop.signal, ...more }));
  try {
    await session.execute(executors(world), {
      onBoundary: (step, boundary) => {
        if (step === stepId && boundary === 'committed') stop.abort(new Error('SIGINT'));
      },
    });
  } catch (error) {
    if ((error as AirgapError).code !== 'INTERRUPTED') throw error;
  } finally {
    await session.close();
  }
  return session;
}

test('an interrupted run is gone on with, without its flags; a finished one is not', async () => {
  const root = fresh('state');
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const first = await runUntil(root, world, 'delete:ingress');
  assert.equal(first.resumed, false);
  const second = await runUntil(root, world, undefined, { inputs: {} });
  assert.equal(second.resumed, true);
  assert.equal(second.run.identity.runId, first.run.identity.runId);
  assert.equal(await findUnfinished(root, UID), undefined);
  const third = await openSession(sessionOptions(root, { random: (size) => Buffer.alloc(size, 0xee) }));
  assert.equal(third.resumed, false);
  await third.close();
});

test('threat 95: folders and files are for their owner only', async () => {
  const root = fresh('state');
  const session = await openSession(sessionOptions(root));
  await session.saved.put('values/runai-backend.yaml', 'password: x');
  const { statSync } = await import('node:fs');
  for (const name of readdirSync(session.run.folder, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(session.run.folder, name));
    assert.equal(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, name);
  }
  assert.equal(statSync(session.run.folder).mode & 0o777, 0o700);
  await session.close();
});

test('threat 93: another bundle, flag or kind does not go on with it; all differences are named; --new-run ends it', async () => {
  const root = fresh('state');
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  await runUntil(root, world, 'keep:pvc');
  const other = { bundleId: 'e'.repeat(64), inputs: { domain: 'other.test' }, kind: 'restore' as const };
  await assert.rejects(openSession(sessionOptions(root, other)), (error: AirgapError) => {
    assert.equal(error.code, 'RUN_MISMATCH');
    assert.deepEqual(
      error.faults.map((fault) => fault.where),
      ['command', 'bundle id', 'domain'],
    );
    return true;
  });
  const again = await openSession(
    sessionOptions(root, { ...other, unfinished: 'give-up', random: (size) => Buffer.alloc(size, 0xee) }),
  );
  assert.equal(again.resumed, false);
  await again.close();
  assert.equal((await listRunFolders(root, UID)).length, 2);
});

test('threat 88: a second session on this host is refused while the first is open', async () => {
  const root = fresh('state');
  const first = await openSession(sessionOptions(root));
  await assert.rejects(openSession(sessionOptions(root)), { code: 'LOCKED' });
  await first.close();
  await (await openSession(sessionOptions(root))).close();
});

test('threat 94: another host is refused while the first works, and goes on with its run when it stopped', async () => {
  const side = cluster();
  const [here, there] = [fresh('here'), fresh('there')];
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const away = { cluster: side, place: 'other:1', random: (size: number) => Buffer.alloc(size, 0xaa) };
  const open = await openSession(sessionOptions(here, { cluster: side }));
  await assert.rejects(openSession(sessionOptions(there, away)), { code: 'LOCKED' });
  await open.close();

  const first = await runUntil(here, world, 'delete:ingress', { cluster: side });
  const second = await runUntil(there, world, 'scale:0', away);
  assert.equal(second.resumed, true);
  assert.equal(second.run.identity.runId, first.run.identity.runId);
  assert.ok(second.journal.fence > first.journal.fence);
  assert.deepEqual(JSON.parse(String(await second.saved.get('objects/ingress.json'))).patch, 'by hand');

  // Back on the first host: it learns what was done elsewhere, and does none of it twice.
  const third = await runUntil(here, world, undefined, { cluster: side });
  assert.equal(third.run.identity.runId, first.run.identity.runId);
  assert.deepEqual(effects(world).filter((line) => line.startsWith('delete ingress')).length, 1);
  assert.equal((describeWorld(world)['replicas'] as { count: number }).count, 1);

  // And the second host learns that it is over: it begins a new run instead of going on.
  const fourth = await openSession(
    sessionOptions(there, { ...away, random: (size) => Buffer.alloc(size, 0xbb) }),
  );
  assert.equal(fourth.resumed, false);
  await fourth.close();
});

test('threat 94: a host that is lost inside a step: the other knows that it was begun, and saves nothing over its copies', async () => {
  const side = cluster();
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const [here, there] = [fresh('here'), fresh('there')];
  const stop = new Error('the host is lost');
  let lost: typeof side.data;
  const first = await openSession(sessionOptions(here, { cluster: side }));
  await assert.rejects(
    first.execute(
      executors({
        ...world,
        crash: (point) => {
          if (point !== 'delete sts-postgresql') return;
          // What a lost host leaves is what the cluster was told before.
          lost = { ...side.data };
          throw stop;
        },
      }),
    ),
    stop,
  );
  await first.close();
  side.data = lost;
  const second = await openSession(sessionOptions(there, { cluster: side }));
  assert.ok(hasOpenIntent('delete:statefulsets', second.journal.records));
  await second.execute(executors(world));
  await second.close();
  const saved = second.journal.records.filter(
    ({ phase, step }) => phase === 'saved' && step === 'delete:statefulsets',
  );
  assert.deepEqual(saved, [], 'what is left is not saved over what was');
  assert.equal(JSON.parse(String(await second.saved.get('objects/sts-keycloak.json'))).uid, 'sts-1');
  assert.equal(effects(world).filter((line) => line.startsWith('delete sts')).length, 2);
});

test('a run that was given up here is not gone on with, although its copy in the cluster is not told yet', async () => {
  const side = cluster();
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const [here, there] = [fresh('here'), fresh('there')];
  await runUntil(here, world, 'push', { cluster: side });
  const stale = side.data;
  const later = sessionOptions(here, {
    cluster: side,
    unfinished: 'give-up',
    random: () => Buffer.alloc(4, 0xbb),
  });
  const killed = await openSession(later);
  await killed.close();
  assert.equal(side.data, stale, 'it died before its first step');
  const resumed = await openSession(sessionOptions(here, { cluster: side }));
  assert.equal(resumed.run.identity.runId, killed.run.identity.runId);
  await resumed.close();
  // Another host took the run over in the meantime: what it did is not ignored.
  await runUntil(there, world, 'keep:pvc', { cluster: side });
  await assert.rejects(openSession(sessionOptions(here, { cluster: side })), { code: 'RUN_MISMATCH' });
});

test('different unfinished runs here and in the cluster: nobody guesses', async () => {
  const side = cluster();
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const [here, there] = [fresh('here'), fresh('there')];
  await runUntil(here, world, 'push');
  await runUntil(there, world, 'push', { cluster: side, random: (size) => Buffer.alloc(size, 0xaa) });
  await assert.rejects(openSession(sessionOptions(here, { cluster: side })), { code: 'RUN_MISMATCH' });
});

test('what may not be given up is asked about under the locks: the run stays, and the locks are free again', async () => {
  const [root, side] = [fresh('state'), cluster()];
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const { run } = await runUntil(root, world, 'delete:ingress', { cluster: side });
  const refused = new Error('not asked to');
  const held: boolean[] = [];
  const mayGiveUp = async (): Promise<void> => {
    held.push((await side.lease.get(new AbortController().signal))?.holder !== '');
    throw refused;
  };
  await assert.rejects(
    openSession(sessionOptions(root, { cluster: side, unfinished: 'give-up', mayGiveUp })),
    refused,
  );
  assert.deepEqual(held, [true]);
  await runUntil(root, world, undefined, { cluster: side, mayGiveUp });
  assert.equal(held.length, 1, 'a run that goes on gives nothing up');
  assert.equal((await listRunFolders(root, UID)).length, 1);
  assert.match(readFileSync(join(run.folder, 'journal.jsonl'), 'utf8'), /"finished"/);
});

test('a record damaged in the middle stops, and --new-run puts it aside whole', async () => {
  const root = fresh('state');
  const world = makeWorld(fresh('site'));
  fillWorld(world);
  const { run } = await runUntil(root, world, 'keep:pvc');
  const path = join(run.folder, 'journal.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, [lines[0], lines[2], ...lines.slice(3)].join('\n'));
  await assert.rejects(openSession(sessionOptions(root)), { code: 'JOURNAL_DAMAGED' });
  const next = await openSession(
    sessionOptions(root, { unfinished: 'give-up', random: (size) => Buffer.alloc(size, 0xee) }),
  );
  await next.close();
  assert.ok(readdirSync(join(run.folder, '..')).some((name) => name.startsWith('.damaged-')));
});

test('a plan or identity edited after the run began is damage', async () => {
  for (const file of ['plan.json', 'run.json']) {
    const root = fresh('state');
    const world = makeWorld(fresh('site'));
    fillWorld(world);
    const { run } = await runUntil(root, world, 'keep:pvc');
    const path = join(run.folder, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace('2.13', '2.14'));
    await assert.rejects(openSession(sessionOptions(root)), { code: 'JOURNAL_DAMAGED' }, file);
  }
});

test('what was saved and edited later is not used', async () => {
  const session = await openSession(sessionOptions(fresh('state')));
  const item = await session.saved.put('objects/ingress.json', '{}');
  assert.deepEqual(await session.saved.list(), [item]);
  appendFileSync(join(session.run.folder, 'saved', 'objects', 'ingress.json'), ' ');
  await assert.rejects(session.saved.get('objects/ingress.json'), { code: 'BACKUP_INVALID' });
  for (const name of ['../x', '/x', 'a//b', 'a/../b', '.x', '']) {
    await assert.rejects(session.saved.put(name, ''), { code: 'INTERNAL' }, name);
  }
  await session.close();
});

test('a plan that cannot be made leaves no run and no lock behind', async () => {
  const root = fresh('state');
  const failing = sessionOptions(root, {
    plan: async () => {
      throw new Error('no plan');
    },
  });
  await assert.rejects(openSession(failing), /no plan/);
  assert.deepEqual(await listRunFolders(root, UID), []);
  await (await openSession(sessionOptions(root))).close();
});

test('threat 129: a backup that was killed with something stopped is given up by nobody', async () => {
  const root = fresh('stopped');
  const plan = { ...makePlan(), kind: 'backup' as const };
  const begun = await openSession(sessionOptions(root, { kind: 'backup', plan: async () => plan }));
  await begun.close();
  for (const unfinished of ['give-up', 'resume'] as const)
    await assert.rejects(
      openSession(sessionOptions(root, { unfinished, random: (size) => Buffer.alloc(size, 0xee) })),
      (error: AirgapError) => error.code === 'RUN_MISMATCH' && /airgap backup resume/.test(error.hint),
    );
  assert.equal((await findUnfinished(root, UID))?.identity.runId, begun.run.identity.runId);
});
