import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { demandNoFailure, type Finding } from '../../src/install/findings.js';
import { type BundleFacts, judgeBundle } from '../../src/install/preflight-bundle.js';
import { readSeenSequence, withSequence } from '../../src/install/seen-sequence.js';
import { formatMirror } from '../../src/run/mirror.js';
import { createRun } from '../../src/run/store.js';
import { manifestOf } from './support/observation.js';

const NOW = Date.UTC(2026, 0, 1);
const day = (count: number): number => NOW / 1000 - count * 86_400;

function judge(
  more: Partial<BundleFacts> & { readonly bundle?: Partial<BundleFacts['manifest']> },
): Finding[] {
  const { bundle, ...facts } = more;
  return judgeBundle({
    manifest: { ...manifestOf('2.13.66'), sequence: 37, ...bundle },
    now: NOW,
    acknowledged: [],
    ...facts,
  });
}

const row = (findings: readonly Finding[], id: string): Finding => {
  const found = findings.find((finding) => finding.id === id);
  assert.ok(found, id);
  return found;
};

function refused(findings: readonly Finding[], exit: number): string {
  let text = '';
  assert.throws(
    () => demandNoFailure(findings),
    (error: { exitStatus: number; hint: string; faults: readonly { what: string }[] }) => {
      text = `${error.faults.map(({ what }) => what).join()} ${error.hint}`;
      return error.exitStatus === exit;
    },
  );
  return text;
}

test('threat 30: an older bundle than the cluster saw needs the operator, who names its very version', () => {
  const old = { seen: { sequence: 41 } };
  assert.match(
    refused(judge(old), 11),
    /the cluster saw sequence 41, this is 37.*--allow-downgrade=2\.13\.66/,
  );
  refused(judge({ ...old, allowDowngrade: '2.13.6' }), 11);
  const allowed = judge({ ...old, allowDowngrade: '2.13.66' });
  assert.equal(row(allowed, 'bundle.sequence').outcome, 'warn');
  demandNoFailure(allowed);
  for (const sequence of [36, 37]) demandNoFailure(judge({ seen: { sequence } }));
  assert.deepEqual(
    judge({}).filter(({ id }) => id === 'bundle.sequence'),
    [],
    'nothing is remembered: nothing to say',
  );
  const none = judgeBundle({ manifest: manifestOf('2.13.66'), now: NOW, acknowledged: [], ...old });
  assert.equal(row(none, 'bundle.sequence').outcome, 'warn');
});

test('threat 31: a leap ahead is asked about before it is remembered for ever', () => {
  const seen = { sequence: 41 };
  const leap = { seen, bundle: { sequence: Number.MAX_SAFE_INTEGER } };
  assert.match(refused(judge(leap), 11), /nothing older is accepted afterwards/);
  refused(judge({ ...leap, acknowledged: ['bundle.sequence@1042'] }), 11);
  demandNoFailure(judge({ ...leap, acknowledged: [`bundle.sequence@${Number.MAX_SAFE_INTEGER}`] }));
  demandNoFailure(judge({ seen, bundle: { sequence: 1041 } }));
  refused(judge({ seen, bundle: { sequence: 1042 } }), 11);
});

test('threat 32: an old bundle is told with its age, and refused with --max-age alone', () => {
  const fresh = judge({ bundle: { sourceDate: day(100) } });
  assert.equal(row(fresh, 'bundle.age').outcome, 'pass');
  const old = judge({ bundle: { sourceDate: day(550) } });
  assert.equal(row(old, 'bundle.age').outcome, 'warn');
  assert.match(row(old, 'bundle.age').seen, /^550 days, from 2024-06-30$/);
  demandNoFailure(old);
  demandNoFailure(judge({ bundle: { sourceDate: day(100) }, maxAge: 100 }));
  refused(judge({ bundle: { sourceDate: day(101) }, maxAge: 100 }), 11);
  refused(judge({ bundle: { sourceDate: 0 }, maxAge: 100 }), 11);
});

test('threat 36: a bundle of another product is refused as such', () => {
  assert.match(
    refused(judge({ bundle: { product: 'other' } }), 3),
    /nothing is known about installing other/,
  );
  demandNoFailure(judge({}));
});

test('threat 30: the highest sequence is remembered on the host and in the cluster; losing one does not matter', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'airgap-seen-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const clusterUid = '11111111-1111-1111-1111-111111111111';
  const none = { mirror: { read: async () => undefined, write: async () => {} } };
  assert.equal(await readSeenSequence(root, clusterUid, none), undefined);
  const run = (sequence: number, number: number) =>
    createRun(root, {
      runId: `2026010${number}T000000Z-00000000`,
      plan: { kind: 'install', title: 'x', bundleId: 'c'.repeat(64), clusterUid, steps: [] },
      inputs: withSequence({}, sequence, undefined),
      toolVersion: '0.1.0',
      now: () => NOW,
    });
  await run(41, 1);
  const later = await run(37, 2);
  assert.deepEqual(await readSeenSequence(root, clusterUid, none), { sequence: 41 });
  assert.deepEqual(await readSeenSequence(root, '22222222-2222-2222-2222-222222222222', none), undefined);
  const carried = {
    ...later,
    identity: { ...later.identity, inputs: withSequence({}, 37, { sequence: 41 }) },
  };
  const mirror = { mirror: { read: async () => formatMirror(carried, []), write: async () => {} } };
  assert.deepEqual(await readSeenSequence(join(root, 'lost'), clusterUid, mirror), { sequence: 41 });
  assert.deepEqual(withSequence({ a: 'b' }, undefined, undefined), { a: 'b' });
});
