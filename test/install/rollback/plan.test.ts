import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRollback } from '../../../src/install/rollback/findings.js';
import { releasesOf } from '../../../src/install/rollback/observe.js';
import { makeRollbackPlan } from '../../../src/install/rollback/plan.js';
import { actionOf, type RollbackRequest } from '../../../src/install/rollback/plan-types.js';
import { checkPlan } from '../../../src/run/plan.js';
import type { Action } from '../../../src/runai/steps/types.js';
import { CLUSTER, originOf, revisionOf, siteOf, touched, UPGRADE } from './support.js';

const planOf = (more: Partial<RollbackRequest> = {}) =>
  makeRollbackPlan({ origin: originOf(), site: siteOf(), controlPlane: 'roll-back', ...more });
const idsOf = (made: ReturnType<typeof makeRollbackPlan>): string[] => made.plan.steps.map(({ id }) => id);

test('both releases: the cluster part before the control plane, what was deleted comes back, all of it is proven', () => {
  const made = planOf();
  assert.deepEqual(idsOf(made), [
    'save',
    'helm-rollback:runai-cluster',
    'helm-rollback:runai-backend',
    'restore:objects/runai-backend',
    'restore-ingress:6',
    'wait:runai-backend',
    'wait:runai-cluster',
    'check-claims:5',
    'prove:release',
  ]);
  checkPlan(made.plan);
  assert.equal(made.plan.kind, 'rollback');
  const step = made.plan.steps[2];
  assert.equal(step?.command, 'helm rollback runai-backend 1 -n runai-backend');
  assert.match(step?.title ?? '', /from control-plane-2\.13\.66 to revision 1, control-plane-2\.9\.25/);
  assert.match(JSON.stringify(made.plan), /"saves"/);
});

test('the same facts give the same plan; no value of a release is in it', () => {
  const secret = { password: 'canary-1' };
  const before = revisionOf('runai-backend', '2.9.25', { values: secret, status: 'superseded' });
  const site = siteOf({ releases: [touched('control-plane', { before })] });
  assert.deepEqual(planOf({ site }), planOf({ site }));
  assert.doesNotMatch(JSON.stringify(planOf({ site })), /canary/);
});

test('what cannot be undone is said: images, database, volumes, definitions', () => {
  const site = siteOf({
    crds: {
      back: ['a.run.ai'],
      stay: [{ name: 'projects.run.ai', why: 'v2 is stored' }],
      added: ['new.run.ai'],
    },
  });
  const { stays, plan } = planOf({ site });
  assert.equal(plan.steps[1]?.id, 'crds');
  assert.equal(stays.length, 5);
  for (const word of [
    /images .* stay/,
    /database stays/,
    /pvc-postgresql .*Retain/,
    /projects\.run\.ai stays .* v2/,
    /the run brought stay.*: new\.run\.ai/,
  ])
    assert.ok(
      stays.some((text) => word.test(text)),
      String(word),
    );
});

test('threat 94: definitions of which no earlier copy is to be had are said to stay', () => {
  const site = siteOf({ crds: { back: [], stay: [], added: [], unknown: true } });
  const { stays, plan } = planOf({ site });
  assert.ok(!plan.steps.some(({ id }) => id === 'crds'));
  assert.ok(
    stays.some((text) => /^definitions stay as they are now: .*the host that began the run/.test(text)),
  );
});

test('claims that only the newer version’s stateful sets made stay, and that is said', () => {
  const set = (name: string, replicas: number): string =>
    JSON.stringify({
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name } },
      spec: { replicas, volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
    });
  const before = revisionOf('runai-backend', '2.12.3', { manifest: set('thanos', 1) });
  const manifest = `${set('thanos', 1)}\n---\n${set('redis', 2)}`;
  const now = revisionOf('runai-backend', '2.13.66', { revision: 2, manifest });
  const live = { release: 'runai-backend', namespace: 'runai-backend', revisions: [before, now] };
  const { stays } = planOf({ site: siteOf({ releases: [touched('control-plane', { before, live })] }) });
  const told = stays.filter((text) => /^claims/.test(text));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /with their data: data-redis-0, data-redis-1$/);
});

test('the control plane can be kept: only the cluster part goes back', () => {
  const made = planOf({ controlPlane: 'keep' });
  assert.deepEqual(idsOf(made), [
    'save',
    'helm-rollback:runai-cluster',
    'wait:runai-cluster',
    'prove:release',
  ]);
  assert.ok(made.stays.some((text) => /control plane stays at the newer/.test(text)));
});

test('an upgrade that stopped before helm: its release goes "back" to where it is, so that what was deleted is made again', () => {
  const origin = originOf(UPGRADE, {
    untouched: ['helm', 'check-claims', 'restore-ingress', 'crds'],
    open: true,
  });
  assert.deepEqual(
    releasesOf(origin).map(({ release, upgraded }) => [release, upgraded]),
    [['runai-backend', false]],
  );
  const before = revisionOf('runai-backend', '2.9.25');
  const live = { release: 'runai-backend', namespace: 'runai-backend', revisions: [before] };
  const stopped = touched('control-plane', { before, live, upgraded: false, missing: ['ingress way-in'] });
  const made = planOf({ origin, site: siteOf({ releases: [stopped] }) });
  assert.ok(idsOf(made).includes('helm-rollback:runai-backend'));
  assert.ok(idsOf(made).includes('restore-ingress:6'), 'patches that were saved come back');
  assert.ok(!made.stays.some((text) => /database/.test(text)));
});

test('threat 106: a workload that cannot become the old one is deleted first: marked, saved, and users are without it', () => {
  const ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'keycloak', namespace: 'runai-backend' };
  const fixed = [{ ref, why: 'spec.selector is another one and cannot be changed' }];
  const { plan } = planOf({ site: siteOf({ releases: [touched('control-plane', { fixed })] }) });
  checkPlan(plan);
  const [, deletion, back] = plan.steps;
  assert.equal(deletion?.id, 'delete:statefulset/keycloak');
  assert.deepEqual([deletion?.destructive, deletion?.outage], [true, 'starts']);
  assert.match(deletion?.saves[0] ?? '', /claims stay/);
  assert.equal(back?.id, 'helm-rollback:runai-backend');
  assert.equal(plan.steps.findLast(({ id }) => id.startsWith('wait:'))?.outage, 'ends');
});

test('a cluster part that was uninstalled and installed anew: the new one goes, helm’s memory of the old one comes back', () => {
  const runaiConfig = { apiVersion: 'run.ai/v1', kind: 'RunaiConfig', name: 'runai', namespace: 'runai' };
  const gone: Action[] = [
    { kind: 'helm-uninstall', release: 'runai-cluster', namespace: 'runai' },
    {
      kind: 'delete-leftovers',
      release: 'runai-cluster',
      namespace: 'runai',
      kinds: [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
      labelled: [],
      objects: [{ apiVersion: 'v1', kind: 'Service', name: 'kubelet', namespace: 'kube-system' }],
      unmarked: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobodys', namespace: 'runai' }],
      unfinalize: [runaiConfig],
    },
    { kind: 'helm', role: 'cluster', release: 'runai-cluster', namespace: 'runai', settings: {} },
    {
      kind: 'restore-runaiconfig',
      object: runaiConfig,
      ...{ release: 'runai-cluster', after: 'install' },
    },
  ];
  const now = revisionOf('runai-cluster', '2.13.66');
  const live = { release: 'runai-cluster', namespace: 'runai', revisions: [now] };
  const releases = [touched('cluster', { live, recordGone: true })];
  const made = planOf({ origin: originOf(gone), site: siteOf({ releases }) });
  assert.deepEqual(idsOf(made), [
    'save',
    'helm-uninstall:runai-cluster',
    'delete:leftovers/runai-cluster',
    'restore:record/runai-cluster',
    'helm-rollback:runai-cluster',
    'restore:objects/runai-cluster',
    'restore-runaiconfig:3',
    'wait:runai-cluster',
    'prove:release',
  ]);
  checkPlan(made.plan);
  const [, , left, , back] = made.plan.steps;
  const action = back && actionOf(back);
  assert.equal(action?.kind === 'helm-rollback' && action.target.seen, 1);
  const {
    objects: _elsewhere,
    unmarked: _nobodys,
    ...rule
  } = gone[1] as Extract<Action, { kind: 'delete-leftovers' }>;
  assert.deepEqual(
    left && actionOf(left),
    { ...rule, objects: [], unmarked: [] },
    'by the rule of the way there',
  );
  const empty = { ...live, revisions: [] };
  const half = siteOf({ releases: [touched('cluster', { live: empty, recordGone: true, upgraded: false })] });
  const begun = planOf({ origin: originOf(gone), site: half });
  assert.ok(!idsOf(begun).includes('helm-uninstall:runai-cluster'));
  const free = begun.plan.steps.find(({ id }) => id === 'delete:leftovers/runai-cluster');
  assert.deepEqual(
    free && actionOf(free),
    { ...rule, kinds: [], objects: [], unmarked: [] },
    'what the old one left stays; what waits for its operator is freed',
  );
});

test('a cluster part of another name: its successor goes under its own, and the old one comes back under its', () => {
  const place = { release: 'runai-operator', namespace: 'runai' };
  const rule = { kinds: [], labelled: [], objects: [], unmarked: [], unfinalize: [] };
  const actions: Action[] = [
    { kind: 'helm-uninstall', ...place },
    { kind: 'delete-leftovers', ...place, ...rule },
    { kind: 'helm', role: 'cluster', release: 'runai-cluster', namespace: 'runai', settings: {} },
  ];
  const chart = { name: 'runai-operator', version: '2.3.1', appVersion: '2.3.1' };
  const before = { ...revisionOf('runai-cluster', '2.3.1'), name: 'runai-operator', chart };
  const sets = JSON.stringify({
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'new' } },
    spec: { volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
  });
  const newer = revisionOf('runai-cluster', '2.13.66', { manifest: sets });
  const successor = { release: 'runai-cluster', namespace: 'runai', revisions: [newer] };
  const old = { ...place, before, recordGone: true, live: { ...place, revisions: [] }, successor };
  const made = planOf({ origin: originOf(actions), site: siteOf({ releases: [touched('cluster', old)] }) });
  assert.deepEqual(idsOf(made), [
    'save',
    'helm-uninstall:runai-cluster',
    'delete:leftovers/runai-cluster',
    'restore:record/runai-operator',
    'helm-rollback:runai-operator',
    'restore:objects/runai-operator',
    'wait:runai-operator',
    'prove:release',
  ]);
  checkPlan(made.plan);
  const left = made.plan.steps[2];
  assert.deepEqual(left && actionOf(left), { kind: 'delete-leftovers', ...rule, ...CLUSTER });
  assert.match(made.plan.steps[1]?.title ?? '', /runai-cluster, .* the runai-operator that was uninstalled/);
  assert.ok(made.stays.some((text) => /^claims .*: data-new-0$/.test(text)));
  const owned = { ...old, successor: { ...successor, owner: 'Argo CD app' } };
  const findings = judgeRollback(originOf(actions), siteOf({ releases: [touched('cluster', owned)] }), {
    migration: 'refuse',
    controlPlane: 'roll-back',
  });
  assert.ok(
    findings.some(({ id, seen }) => id === 'rollback.owner.runai-operator' && /Argo CD app/.test(seen)),
  );
});

test('a first install has nothing before it, and what is as before is no step', () => {
  const { before: _none, ...fresh } = touched('control-plane');
  const installed = planOf({ origin: originOf([]), site: siteOf({ releases: [fresh] }) });
  assert.deepEqual([installed.changes, installed.plan.steps], [false, []]);
  assert.match(installed.stays[0] ?? '', /installed anew .*helm uninstall runai-backend/);
  const old = revisionOf('runai-cluster', '2.9.25');
  const live = { release: 'runai-cluster', namespace: 'runai', revisions: [old, { ...old, revision: 3 }] };
  const held = planOf({ origin: originOf([]), site: siteOf({ releases: [touched('cluster', { live })] }) });
  assert.equal(held.changes, false);
  assert.deepEqual(held.holds, ['release runai-cluster is runai-cluster-2.9.25 as before']);
});
