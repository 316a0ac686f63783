import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownBelonging } from '../../src/install/belonging.js';
import { judgeUnmarked } from '../../src/install/preflight-upgrade.js';
import type { Plan, PlanStep } from '../../src/run/types.js';
import { composeSteps } from '../../src/runai/steps/compose.js';
import { factsOf } from '../runai/facts.js';
import { object, owned } from './support/step.js';

const NS = 'runai';
const WHOSE = { release: 'runai-cluster', namespace: NS };

test('a mark counts by its value', () => {
  const labelled = (labels: Record<string, string>, kind = 'ConfigMap') =>
    ownBelonging(object(kind, 'x', NS, { metadata: { labels } }), WHOSE);
  assert.equal(labelled({ release: 'runai-cluster' }), 'product');
  assert.equal(labelled({ release: 'other' }), 'others');
  assert.equal(labelled({ app: 'corp' }), 'others');
  assert.equal(labelled({}), 'others');
  assert.equal(labelled({ app: 'corp' }, 'Deployment'), 'unmarked');
  assert.equal(labelled({ 'app.kubernetes.io/managed-by': 'Helm' }, 'Deployment'), 'product');
  assert.equal(labelled({ 'app.kubernetes.io/managed-by': 'corp', app: 'runai' }, 'Deployment'), 'others');
});

test('Helm’s own mark goes over every label', () => {
  const mine = object('Deployment', 'x', NS, { metadata: { labels: { app: 'runai-x' } } });
  assert.equal(ownBelonging(owned(mine, 'corp', NS), WHOSE), 'others');
  assert.equal(ownBelonging(owned(mine, 'runai-cluster', NS), WHOSE), 'product');
  assert.equal(ownBelonging(owned(mine, 'runai-backend', 'runai-backend'), WHOSE), 'others');
});

test('what the plan deletes without knowing whose it is is shown, and asked about by its very list', () => {
  const unmarked = (...names: string[]) =>
    names.map((name) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: NS, name }));
  const plan = (...names: string[]): Plan => {
    const facts = factsOf({ from: '2.8.20', to: '2.13.66', site: { unmarked: unmarked(...names) } });
    const steps = composeSteps(facts) as unknown as PlanStep[];
    return { kind: 'install', title: '', bundleId: '', clusterUid: '', steps };
  };
  const step = plan('a', 'b').steps.find(({ id }) => id === 'delete:cluster-leftovers');
  assert.deepEqual(step?.deletes, ['deployment runai/a', 'deployment runai/b']);
  const [asked] = judgeUnmarked(plan('a', 'b'), []);
  assert.equal(asked?.outcome, 'fail');
  assert.match(asked.seen, /deployment runai\/a, deployment runai\/b/);
  const id = /--acknowledge=(leftovers@[0-9a-f]{8})$/.exec(asked.advice ?? '')?.[1] ?? '';
  assert.equal(judgeUnmarked(plan('a', 'b'), [id])[0]?.outcome, 'warn');
  assert.equal(judgeUnmarked(plan('a', 'b', 'c'), [id])[0]?.outcome, 'fail', 'another list asks again');
  assert.deepEqual(judgeUnmarked(plan(), []), []);
});
