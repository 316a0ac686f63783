import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimatePlan } from '../../src/install/estimate.js';
import type { PlanView } from '../../src/install/types.js';
import { outcomeJson } from '../../src/term/install.js';
import { formatPlan } from '../../src/term/plan.js';
import { planPage } from '../../src/term/plan-html.js';
import { upgradePlan } from './support/report.js';

function view(more: Partial<PlanView> = {}): PlanView {
  const { made, site } = upgradePlan();
  return {
    bundle: { file: '/b.tar', id: 'c'.repeat(64), product: 'runai', version: '2.13.66' },
    images: 'carried',
    cluster: site.cluster,
    registry: 'reg.site:5000',
    helm: 'v3.22.0 (/bin/helm)',
    plan: made.plan,
    made,
    done: [],
    estimate: estimatePlan(made.plan, { toSend: 1_800_000_000 }),
    findings: [{ id: 'gpu.operator', title: 'GPU operator', outcome: 'warn', seen: 'not there' }],
    ...more,
  };
}

test('text, JSON and page show the same steps in order, each destructive one marked, with bytes and time', () => {
  const shown = view();
  const destructive = shown.plan.steps.filter((step) => step.destructive);
  assert.ok(destructive.length >= 1);
  const text = formatPlan(shown);
  assert.equal(text.match(/\[DESTRUCTIVE\]/g)?.length, destructive.length);
  assert.match(text, /roughly {3}\d+ min \d\d s, 1\.80 GB to send/);
  const html = planPage(shown);
  assert.equal(html.match(/class="badge bad">destructive</g)?.length, destructive.length);
  assert.match(html, /<dt>to send<\/dt><dd>1\.80 GB<\/dd>/);
  const places = shown.plan.steps.map(({ title }) => html.indexOf(title));
  assert.ok(places.every((at, index) => at > (places[index - 1] ?? 0)));
  const outcome = {
    outcome: 'planned',
    view: shown,
    steps: [],
    health: [],
    revisions: {},
    duration: 1,
  } as const;
  const json = JSON.parse(JSON.stringify(outcomeJson(outcome)));
  assert.deepEqual(
    json.steps
      .filter((step: { destructive: boolean }) => step.destructive)
      .map(({ id }: { id: string }) => id),
    destructive.map(({ id }) => id),
  );
  assert.equal(json.estimate.bytes, 1_800_000_000);
  assert.equal(json.steps.find(({ id }: { id: string }) => id === 'push').estimate.bytes, 1_800_000_000);
});

test('threats 54 and 136: a page of a plan holds no secret and nothing that a cluster says becomes part of it', () => {
  const { cluster } = view();
  const html = planPage(view(cluster ? { cluster: { ...cluster, context: '<b>x</b>' } } : {}));
  assert.doesNotMatch(html, /canary|<b>|<script/);
  assert.ok(html.includes('&lt;b&gt;x&lt;/b&gt;'));
});

test('a run that goes on: what is done is marked and costs nothing more', () => {
  const shown = view();
  const { made: _made, ...rest } = shown;
  const estimate = estimatePlan(shown.plan, { toSend: 0, done: ['push'] });
  const going = { ...rest, resumes: '20261121T100000Z-3f9c2a1b', done: ['push'], estimate };
  assert.match(planPage(going), /done already/);
  assert.match(formatPlan(going), /push all images .* \[done already\]/);
  assert.equal(estimate.steps['push'], undefined);
  assert.ok(estimate.seconds < shown.estimate.seconds);
});

test('a plan that cannot begin says so; one without a cluster too', () => {
  const failing = planPage(
    view({ findings: [{ id: 'owners', title: 'owner', outcome: 'fail', seen: 'Argo CD' }] }),
  );
  assert.match(failing, /It cannot begin: 1 check failed/);
  const { cluster: _none, ...alone } = view();
  assert.match(planPage(alone), /No cluster was looked at/);
});

test('the page lists own changes first, then every default of the chart, under a heading with their number', () => {
  const shown = view();
  const [first, ...others] = shown.made?.releases ?? [];
  assert.ok(first && shown.made);
  const changes = [
    { kind: 'changed', path: 'mine', before: '1', after: '2', origin: 'own' },
    { kind: 'added', path: 'theirs', after: '3', origin: 'default' },
  ] as const;
  const text = planPage({ ...shown, made: { ...shown.made, releases: [{ ...first, changes }, ...others] } });
  const at = ['>mine<', 'runai-backend: 1 default of the chart', '>theirs<'].map((part) =>
    text.indexOf(part),
  );
  assert.ok(
    at.every((place, index) => place > (at[index - 1] ?? 0)),
    at.join(),
  );
});
