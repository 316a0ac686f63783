import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandNoFailure } from '../../../src/install/findings.js';
import { judgeRollback } from '../../../src/install/rollback/findings.js';
import { originOf, revisionOf, siteOf, touched } from './support.js';

const refuse = { migration: 'refuse', controlPlane: 'roll-back' } as const;
const accept = { ...refuse, migration: 'accept' } as const;
const row = (findings: ReturnType<typeof judgeRollback>, id: string) =>
  findings.find((finding) => finding.id === id);

test('the newer control plane has run: exit 11 until somebody decides, with a restore as the better way', () => {
  const findings = judgeRollback(originOf(), siteOf(), refuse);
  const database = row(findings, 'rollback.database');
  assert.equal(database?.outcome, 'fail');
  assert.match(
    database?.advice ?? '',
    /airgap restore[\s\S]*--keep-control-plane[\s\S]*--accept-database-migration/,
  );
  assert.throws(() => demandNoFailure(findings), { code: 'DECISION_NEEDED', exitStatus: 11 });
  assert.doesNotThrow(() => demandNoFailure(judgeRollback(originOf(), siteOf(), accept)));
  const kept = judgeRollback(originOf(), siteOf(), { ...refuse, controlPlane: 'keep' });
  assert.equal(row(kept, 'rollback.database'), undefined);
  const before = siteOf({ releases: [touched('control-plane', { upgraded: false })] });
  assert.equal(row(judgeRollback(originOf(), before, refuse), 'rollback.database'), undefined);
  const old = revisionOf('runai-backend', '2.9.25');
  const live = { release: 'runai-backend', namespace: 'runai-backend', revisions: [old] };
  const died = siteOf({ releases: [touched('control-plane', { before: old, live, missing: ['secret x'] })] });
  assert.equal(
    row(judgeRollback(originOf(), died, refuse), 'rollback.database'),
    undefined,
    'killed between the intent and helm: no newer control plane ever ran',
  );
});

test('threats 109 and 116: a release that somebody works on or manages is not taken back', () => {
  const before = revisionOf('runai-backend', '2.9.25', { status: 'superseded' });
  const pending = revisionOf('runai-backend', '2.14.1', { revision: 3, status: 'pending-upgrade' });
  const place = { release: 'runai-backend', namespace: 'runai-backend' };
  const locked = siteOf({
    releases: [touched('control-plane', { live: { ...place, revisions: [before, pending] } })],
  });
  assert.throws(() => demandNoFailure(judgeRollback(originOf(), locked, accept)), {
    code: 'LOCKED',
    exitStatus: 9,
  });
  const managed = touched('cluster');
  const argo = siteOf({ releases: [{ ...managed, live: { ...managed.live, owner: 'Argo CD' } }] });
  assert.throws(() => demandNoFailure(judgeRollback(originOf(), argo, accept)), { code: 'DECISION_NEEDED' });
});

test('what the API server refuses stops it before anything changes', () => {
  const dryRun = [
    { name: 'IngressClass nginx', outcome: 'refused', why: 'belongs to release ingress-nginx' },
  ] as const;
  const site = siteOf({ releases: [touched('control-plane', { dryRun })] });
  assert.throws(() => demandNoFailure(judgeRollback(originOf(), site, accept)), { code: 'PREFLIGHT_FAILED' });
});

test('a cluster part that cannot go back stops the control plane: it must never be the older one', () => {
  const { before: _none, ...fresh } = touched('cluster');
  const site = siteOf({ releases: [fresh, touched('control-plane')] });
  const skew = row(judgeRollback(originOf(), site, accept), 'rollback.skew');
  assert.match(skew?.seen ?? '', /stay at 2\.13\.66, newer than the control plane 2\.9\.25/);
  assert.equal(row(judgeRollback(originOf(), siteOf(), accept), 'rollback.skew'), undefined);
  const kept = judgeRollback(originOf(), site, { ...accept, controlPlane: 'keep' });
  assert.equal(row(kept, 'rollback.skew'), undefined);
});

test('definitions that stay are named with the reason; a run that did not finish is given up, and that is said', () => {
  const stay = [{ name: 'projects.run.ai', why: 'v2 is stored in the cluster' }];
  const findings = judgeRollback(
    originOf([], { open: true }),
    siteOf({ crds: { back: ['a'], stay, added: [] } }),
    accept,
  );
  assert.match(
    row(findings, 'rollback.crds')?.seen ?? '',
    /1 go back, 1 stay: projects\.run\.ai \(v2 is stored/,
  );
  assert.match(row(findings, 'rollback.run')?.advice ?? '', /given up when the rollback begins/);
});
