import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import { acquireLease, type LeaseApi, type LeaseOptions, type LeaseRecord } from '../../src/run/lease.js';
import { type FakeClock, fakeClock } from './support.js';

/** The lease as an API server keeps it: every write gets a new resourceVersion, a stale one is a conflict. */
function server() {
  let lease: LeaseRecord | undefined;
  let version = 1;
  let down = false;
  const check = (): void => {
    if (down) throw new AirgapError('CLUSTER_UNREACHABLE', 'down');
  };
  const api: LeaseApi = {
    get: async () => {
      check();
      return lease;
    },
    create: async (body) => {
      check();
      if (lease) return 'conflict';
      lease = { ...body, resourceVersion: String(version++) };
      return lease;
    },
    update: async (body) => {
      check();
      if (lease?.resourceVersion !== body.resourceVersion) return 'conflict';
      lease = { ...body, resourceVersion: String(version++) };
      return lease;
    },
  };
  return {
    api,
    get lease() {
      return lease;
    },
    remove: () => {
      lease = undefined;
    },
    setDown: (value: 'up' | 'down') => {
      down = value === 'down';
    },
  };
}

function options(clock: FakeClock, runId = 'run-a', more: Partial<LeaseOptions> = {}): LeaseOptions {
  return { holder: { runId, place: 'host:1' }, clock, signal: new AbortController().signal, ...more };
}

test('taking, renewing, giving back', async () => {
  const clock = fakeClock();
  const cluster = server();
  const lease = await acquireLease(cluster.api, options(clock));
  assert.equal(lease.fence, 1);
  assert.equal(cluster.lease?.holder, 'run-a@host:1');
  assert.equal(cluster.lease?.durationSeconds, 60);
  assert.equal(cluster.lease?.renewTime, '2026-11-21T00:00:00.000000Z');
  await clock.advance(15_000);
  assert.equal(cluster.lease?.renewTime, '2026-11-21T00:00:15.000000Z');
  assert.equal(cluster.lease?.acquireTime, '2026-11-21T00:00:00.000000Z');
  await lease.guard();
  await lease.release();
  assert.equal(cluster.lease?.holder, '');
  const next = await acquireLease(cluster.api, options(clock, 'run-b'));
  assert.equal(next.fence, 2);
  await next.release();
});

test('threat 89: another holder is refused at once, with who and since when', async () => {
  const clock = fakeClock();
  const cluster = server();
  const lease = await acquireLease(cluster.api, options(clock));
  await assert.rejects(acquireLease(cluster.api, options(clock, 'run-b')), (error: AirgapError) => {
    assert.equal(error.code, 'LOCKED');
    assert.match(error.message, /run-a@host:1 holds the cluster since 2026-11-21T00:00:00/);
    assert.match(error.hint, /--takeover=run-a/);
    return true;
  });
  await lease.release();
});

test('the same run on the same host goes on at once, and its earlier process is fenced off', async () => {
  const clock = fakeClock();
  const cluster = server();
  const killed = await acquireLease(cluster.api, options(clock));
  const resumed = await acquireLease(cluster.api, options(clock));
  assert.equal(resumed.fence, 2);
  await resumed.guard();
  await assert.rejects(killed.guard(), { code: 'LOCK_LOST' });
  await killed.release();
  assert.equal(cluster.lease?.holder, 'run-a@host:1', 'who lost it does not give it back');
  await resumed.release();
});

test('another run of the same place goes on at once where the dead one is recorded; elsewhere it is refused', async () => {
  const clock = fakeClock();
  const cluster = server();
  const killed = await acquireLease(cluster.api, options(clock));
  const refused = { code: 'LOCKED' };
  const recorded = new Set(['run-a']);
  await assert.rejects(acquireLease(cluster.api, options(clock, 'run-b')), refused);
  const unknown = options(clock, 'run-b', { recorded: new Set(['run-z']) });
  await assert.rejects(acquireLease(cluster.api, unknown), refused);
  const elsewhere = options(clock, 'run-b', { recorded, holder: { runId: 'run-b', place: 'host:2' } });
  await assert.rejects(acquireLease(cluster.api, elsewhere), refused);
  const rollback = await acquireLease(cluster.api, options(clock, 'run-b', { recorded }));
  assert.equal(rollback.fence, 2);
  await assert.rejects(killed.guard(), { code: 'LOCK_LOST' });
  await killed.release();
  await rollback.release();
});

test('threat 90, 92: a takeover needs its run id and 180 s of silence that we saw ourselves', async () => {
  const clock = fakeClock();
  const cluster = server();
  const silent = await acquireLease(cluster.api, options(clock));
  cluster.setDown('down');
  await clock.advance(3_600_000);
  cluster.setDown('up');
  await assert.rejects(acquireLease(cluster.api, options(clock, 'run-b', { takeover: 'run-z' })), {
    code: 'LOCKED',
  });

  const dead = server();
  await dead.api.create(
    { ...(cluster.lease as LeaseRecord), renewTime: '1970-01-01T00:00:00.000000Z' },
    clockSignal(),
  );
  let taken = false;
  const taking = acquireLease(dead.api, options(clock, 'run-b', { takeover: 'run-a' })).then((lease) => {
    taken = true;
    return lease;
  });
  await clock.advance(179_000);
  assert.equal(taken, false, 'an ancient renewTime by its own clock proves nothing');
  await clock.advance(2_000);
  const lease = await taking;
  assert.equal(lease.fence, 2);
  await lease.release();
  await silent.release();
});

test('a holder that renews while it is watched keeps the lease', async () => {
  const clock = fakeClock();
  const cluster = server();
  const alive = await acquireLease(cluster.api, options(clock));
  const taking = assert.rejects(acquireLease(cluster.api, options(clock, 'run-b', { takeover: 'run-a' })), {
    code: 'LOCKED',
  });
  await clock.advance(200_000);
  await taking;
  await alive.guard();
  await alive.release();
});

test('threat 89: of two that take over the same silent holder one wins', async () => {
  const clock = fakeClock();
  const cluster = server();
  await cluster.api.create(
    { holder: 'run-a@gone', acquireTime: '', renewTime: 'x', durationSeconds: 60, transitions: 4 },
    clockSignal(),
  );
  const tries = ['run-b', 'run-c'].map((runId) =>
    acquireLease(cluster.api, options(clock, runId, { takeover: 'run-a' })).catch(
      (error: AirgapError) => error.code,
    ),
  );
  await clock.advance(400_000);
  const results = await Promise.all(tries);
  assert.deepEqual(results.map((result) => (typeof result === 'string' ? result : result.fence)).sort(), [
    5,
    'LOCKED',
  ]);
  for (const result of results) if (typeof result !== 'string') await result.release();
});

test('threat 90: a machine that slept stops before its next change when somebody took over, and goes on when nobody did', async () => {
  const clock = fakeClock();
  const cluster = server();
  const sleeper = await acquireLease(cluster.api, options(clock));
  clock.suspend(3_600_000);
  await sleeper.guard();
  assert.equal(cluster.lease?.renewTime, '2026-11-21T01:00:00.000000Z', 'renewed before going on');
  clock.suspend(3_600_000);
  await cluster.api.update(
    { ...(cluster.lease as LeaseRecord), holder: 'run-b@other', transitions: 2 },
    clockSignal(),
  );
  await assert.rejects(sleeper.guard(), { code: 'LOCK_LOST' });
  await sleeper.release();
  assert.equal(cluster.lease?.holder, 'run-b@other');
});

test('an API server that is away is not a lost lease; a deleted lease is', async () => {
  const clock = fakeClock();
  const cluster = server();
  const lease = await acquireLease(cluster.api, options(clock));
  cluster.setDown('down');
  await clock.advance(30_000);
  await assert.rejects(lease.guard(), { code: 'CLUSTER_UNREACHABLE' });
  cluster.setDown('up');
  await clock.advance(15_000);
  await lease.guard();
  cluster.remove();
  await assert.rejects(lease.guard(), { code: 'LOCK_LOST' });
  await lease.release();
});

test('two that create at once: one wins', async () => {
  const clock = fakeClock();
  const cluster = server();
  const results = await Promise.all(
    ['run-a', 'run-b'].map((runId) =>
      acquireLease(cluster.api, options(clock, runId)).catch((error) => error.code),
    ),
  );
  assert.equal(results.filter((result) => result === 'LOCKED').length, 1);
  for (const result of results) if (typeof result !== 'string') await result.release();
});

function clockSignal(): AbortSignal {
  return new AbortController().signal;
}
