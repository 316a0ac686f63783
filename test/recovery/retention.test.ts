import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseExpired, type KeptBackup } from '../../src/recovery/retention.js';

const backup = fc.record({
  path: fc.string({ minLength: 1, maxLength: 5 }),
  createdAt: fc.integer({ min: 0, max: 50 }),
  isVerified: fc.boolean(),
  clusterUid: fc.constantFrom('a', 'b', 'c'),
  holds: fc.constant(['config', 'database']),
});
const partial = backup.chain((one) =>
  fc.option(fc.subarray(['config', 'database', 'metrics']), { nil: undefined }).map((holds): KeptBackup => {
    const { holds: _all, ...rest } = one;
    return holds === undefined ? rest : { ...rest, holds };
  }),
);
const policy = fc.record(
  {
    keepLast: fc.integer({ min: -2, max: 6 }),
    keepWithin: fc.integer({ min: -10, max: 60 }),
    now: fc.integer({ min: -100, max: 100 }),
  },
  { requiredKeys: ['now'] },
);

test('threat 134: the newest verified backup of a cluster, and all that is newer, is never chosen', () => {
  fc.assert(
    fc.property(fc.array(backup, { maxLength: 30 }), policy, (backups, rules) => {
      const expired = new Set<KeptBackup>(chooseExpired(backups, rules));
      for (const uid of ['a', 'b', 'c']) {
        const own = backups.filter(({ clusterUid }) => clusterUid === uid);
        const verified = own.filter(({ isVerified }) => isVerified).map(({ createdAt }) => createdAt);
        const newest = verified.length === 0 ? Number.NEGATIVE_INFINITY : Math.max(...verified);
        for (const one of own) if (one.createdAt >= newest) assert.ok(!expired.has(one));
      }
    }),
    { numRuns: 2000 },
  );
});

test('threat 134: each rule keeps what it says', () => {
  fc.assert(
    fc.property(fc.array(backup, { maxLength: 30 }), policy, (backups, rules) => {
      const expired = chooseExpired(backups, rules);
      for (const { createdAt, clusterUid } of expired) {
        const better = backups.filter(
          (other) => other.clusterUid === clusterUid && other.isVerified && other.createdAt > createdAt,
        );
        assert.ok(better.length >= Math.max(1, rules.keepLast ?? 1));
        if (rules.keepWithin !== undefined) assert.ok(createdAt < rules.now - Math.max(0, rules.keepWithin));
      }
      assert.deepEqual(
        expired.map(({ createdAt }) => createdAt),
        expired.map(({ createdAt }) => createdAt).sort((a, b) => a - b),
      );
    }),
    { numRuns: 2000 },
  );
});

test('threat 134: what goes has a newer verified backup with all of its parts; what nobody knows the parts of stays', () => {
  fc.assert(
    fc.property(fc.array(partial, { maxLength: 30 }), policy, (backups, rules) => {
      const expired = chooseExpired(backups, rules);
      for (const { createdAt, clusterUid, holds } of expired) {
        const better = backups.filter(
          (other) =>
            other.clusterUid === clusterUid &&
            other.isVerified &&
            other.createdAt > createdAt &&
            holds?.every((part) => other.holds?.includes(part)),
        );
        assert.ok(better.length >= Math.max(1, rules.keepLast ?? 1));
      }
      const left = backups.filter((one) => !expired.includes(one));
      for (const uid of ['a', 'b', 'c']) {
        const best = (among: readonly KeptBackup[]): number =>
          Math.max(
            -1,
            ...among
              .filter(({ clusterUid, isVerified }) => clusterUid === uid && isVerified)
              .filter(({ holds }) => holds?.includes('database') && holds.includes('metrics'))
              .map(({ createdAt }) => createdAt),
          );
        assert.equal(best(left), best(backups));
      }
    }),
    { numRuns: 2000 },
  );
});

test('threat 134: partial backups replace partial ones, full ones replace both', () => {
  const make = (day: number, holds?: readonly string[]): KeptBackup => ({
    ...{ path: `${day}`, createdAt: day, isVerified: true, clusterUid: 'a' },
    ...(holds ? { holds } : {}),
  });
  const all = ['config', 'database', 'metrics'];
  const expired = (...backups: KeptBackup[]): string[] =>
    chooseExpired(backups, { keepLast: 1, now: 9 }).map(({ path }) => path);
  assert.deepEqual(expired(make(1, all), make(2, ['config']), make(3, ['config'])), ['2']);
  assert.deepEqual(expired(make(1, ['config']), make(2, ['metrics']), make(3, all)), ['1', '2']);
  assert.deepEqual(expired(make(1, all), make(2, ['config', 'database']), make(3, ['metrics'])), []);
  assert.deepEqual(expired(make(1), make(2, all), make(3, all)), ['2']);
  assert.deepEqual(expired(make(1, all), make(2)), []);
});

test('old backups go: the oldest first, verified or not', () => {
  const make = (day: number, isVerified: boolean): KeptBackup => ({
    path: `${day}`,
    createdAt: day,
    isVerified,
    clusterUid: 'a',
    holds: [],
  });
  const backups = [
    make(5, false),
    make(4, true),
    make(3, false),
    make(2, true),
    make(1, true),
    make(0, false),
  ];
  const paths = (rules: { keepLast?: number; keepWithin?: number }): string[] =>
    chooseExpired(backups, { ...rules, now: 6 }).map(({ path }) => path);
  assert.deepEqual(paths({ keepLast: 1 }), ['0', '1', '2', '3']);
  assert.deepEqual(paths({ keepLast: 2 }), ['0', '1']);
  assert.deepEqual(paths({ keepLast: 9 }), []);
  assert.deepEqual(paths({ keepWithin: 3 }), ['0', '1', '2']);
  assert.deepEqual(paths({ keepLast: 1, keepWithin: 4 }), ['0', '1']);
  assert.deepEqual(paths({}), []);
});
