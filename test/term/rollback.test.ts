import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRollback } from '../../src/install/rollback/findings.js';
import { makeRollbackPlan } from '../../src/install/rollback/plan.js';
import type { RollbackOutcome, RollbackView } from '../../src/install/rollback/types.js';
import { formatRollbackPlan, formatRolledBack, rollbackJson } from '../../src/term/rollback.js';
import { rollbackPlanPage } from '../../src/term/rollback-html.js';
import { originOf, revisionOf, siteOf, touched } from '../install/rollback/support.js';

const before = revisionOf('runai-backend', '2.9.25', {
  status: 'superseded',
  values: { postgresql: { password: 'canary-1' } },
});
const ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'keycloak', namespace: 'runai-backend' };
const fixed = [{ ref, why: 'spec.selector is another one and cannot be changed' }];

function view(more: Partial<RollbackView> = {}): RollbackView {
  const origin = originOf();
  const site = siteOf({ releases: [touched('cluster'), touched('control-plane', { before, fixed })] });
  const { runId, title, createdAt } = origin.identity;
  return {
    origin: { runId, title, createdAt, finished: true },
    cluster: site.cluster,
    helm: 'v3.22.0 (/bin/helm)',
    ...makeRollbackPlan({ origin, site, controlPlane: 'roll-back' }),
    findings: judgeRollback(origin, site, { migration: 'refuse', controlPlane: 'roll-back' }),
    ...more,
  };
}

test('the plan says what is taken back, what is not, and marks what is destructive', () => {
  const text = formatRollbackPlan(view());
  assert.match(text, /^rollback of run run-up \(runai 2\.13\.66 on site\)\n {2}cluster {3}site, https:/);
  assert.match(text, /What is not undone\n {2}the images of the newer version stay/);
  assert.match(text, /delete statefulset keycloak, which helm makes again: .* \[DESTRUCTIVE\]/);
  assert.match(text, /FAIL {2}database/);
  const page = rollbackPlanPage(view());
  assert.match(page, /class="badge bad">destructive</);
  assert.match(page, /What is not undone/);
});

test('nothing to take back is said in so many words', () => {
  const { plan } = view();
  const text = formatRollbackPlan(view({ changes: false, plan: { ...plan, steps: [] } }));
  assert.match(text, /Nothing has to be taken back\n$/);
});

test('threats 54 and 136: no value of a release is in any form of it, and a title cannot move the cursor', () => {
  const shown = view({ origin: { ...view().origin, title: 'x\x1b[2J<b>' } });
  const outcome: RollbackOutcome = {
    ...{ outcome: 'rolled-back', view: shown, steps: [], health: [], revisions: { 'runai-backend': 3 } },
    ...{
      runId: 'run-back',
      runFolder: '/runs/run-back',
      report: '/runs/run-back/report.html',
      duration: 61_000,
    },
  };
  const forms = [formatRollbackPlan(shown), rollbackPlanPage(shown), formatRolledBack(outcome)];
  for (const text of [...forms, JSON.stringify(rollbackJson(outcome))])
    assert.doesNotMatch(text, /canary|\x1b/);
  assert.doesNotMatch(rollbackPlanPage(shown), /<b>/);
  assert.match(
    formatRolledBack(outcome),
    /release runai-backend: revision 3[\s\S]*report: \/runs\/run-back\/report\.html/,
  );
  const json = JSON.parse(JSON.stringify(rollbackJson(outcome)));
  for (const step of json.steps)
    for (const key of ['id', 'title', 'command', 'destructive', 'saves'])
      assert.ok(key in step, `${step.id} ${key}`);
  assert.equal('input' in json.steps[0], false);
});
