import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { estimatePlan } from '../../src/install/estimate.js';
import { afterInstall, installFacts, keepBegun } from '../../src/install/report.js';
import type { PlanView } from '../../src/install/types.js';
import { openSavedStore } from '../../src/run/saved.js';
import { estimateText } from '../../src/term/plan.js';
import { upgradePlan, upgradeReport } from '../term/support/report.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-report-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function view(more: Partial<PlanView> = {}): PlanView {
  const { made, site } = upgradePlan();
  return {
    bundle: { file: '/b.tar', id: 'c'.repeat(64), product: 'runai', version: '2.13.66' },
    ...{ images: 'carried', cluster: site.cluster, plan: made.plan, made, done: [], findings: [] },
    estimate: estimatePlan(made.plan, { toSend: 0 }),
    ...more,
  };
}

test('a later process of the run still tells what was found and decided, and what earlier ones proved', async () => {
  const saved = openSavedStore(join(folder, 'run'));
  await keepBegun(saved, view());
  const health = { namespace: 'runai-backend', healthy: true, workloads: 3, troubles: [] };
  await installFacts(saved, view(), {
    health: new Map([['runai-backend', health]]),
    revisions: new Map([['runai-backend', 2]]),
  });
  const { made: _made, ...resumed } = view({ resumes: 'run', findings: [] });
  const facts = await installFacts(saved, resumed, {
    health: new Map([['runai', { ...health, namespace: 'runai' }]]),
    revisions: new Map([['runai-cluster', 5]]),
    proof: { ok: true, pods: 1, containers: 1, images: 1, faults: [] },
  });
  assert.ok((facts.values['runai-backend']?.length ?? 0) > 0, 'values of the plan that was approved');
  assert.deepEqual(facts.revisions, { 'runai-backend': 2, 'runai-cluster': 5 });
  assert.deepEqual(
    facts.health.map(({ namespace }) => namespace),
    ['runai-backend', 'runai'],
  );
  assert.equal(facts.proof?.ok, true);
  assert.doesNotMatch(JSON.stringify(facts), /canary/);
});

test('what to do next: how to go back, what has no place any more, what was not put back', () => {
  const report = upgradeReport();
  const [first = '', ...rest] = afterInstall(report);
  assert.match(first, /log in at https:\/\/runai\.site/);
  assert.ok(rest.some((text) => text.includes(`airgap rollback --run ${report.runId} --dry-run`)));
  const steps = report.steps.map((step) => ({ ...step, detail: 'not put back: tls entry' }));
  assert.ok(
    afterInstall({ ...report, steps }).some((text) => /look at this by hand: .*not put back/.test(text)),
  );
  const untouched = report.steps.map((step) => ({ ...step, state: 'waiting' as const }));
  const stopped = afterInstall({ ...report, outcome: 'failed', steps: untouched });
  assert.ok(!stopped.some((text) => /go back/.test(text)), 'nothing was changed yet');
  const half = afterInstall({ ...report, outcome: 'failed' });
  assert.ok(half.some((text) => /^or go back: airgap rollback/.test(text)));
  for (const outcome of ['finished', 'failed'] as const)
    assert.ok(
      !afterInstall({ ...report, outcome, first: true }).some((text) => /go back/.test(text)),
      'nothing was there before',
    );
});

test('an estimate of an upgrade counts the backup by its size, apart from what is sent', () => {
  const { made } = upgradePlan();
  const without = estimatePlan(made.plan, { toSend: 1 });
  const all = estimatePlan(made.plan, { toSend: 1, toSave: 3_000_000_000 });
  assert.deepEqual([all.bytes, all.toSave, without.toSave], [1, 3_000_000_000, undefined]);
  assert.equal(all.steps['backup']?.bytes, 3_000_000_000);
  assert.equal(all.seconds - without.seconds, 100, '30 MB/s');
  assert.match(estimateText(all), /1 bytes to send, a backup of at most 3\.00 GB/);
  assert.equal(estimatePlan(made.plan, { toSend: 1, toSave: 3, done: ['backup'] }).toSave, undefined);
});

test('an estimate adds up what is left: bytes once, and nothing for what is done', () => {
  const { made } = upgradePlan();
  const all = estimatePlan(made.plan, { toSend: 100_000_000 });
  assert.equal(all.bytes, 100_000_000);
  assert.equal(all.steps['push']?.seconds, 4);
  assert.equal(
    all.seconds,
    Object.values(all.steps).reduce((sum, { seconds }) => sum + seconds, 0),
  );
  const done = made.plan.steps.map(({ id }) => id);
  assert.deepEqual(
    [
      estimatePlan(made.plan, { toSend: 5, done }).bytes,
      estimatePlan(made.plan, { toSend: 5, done }).seconds,
    ],
    [0, 0],
  );
});
