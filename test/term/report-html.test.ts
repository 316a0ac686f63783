import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import { reportJson, reportPage } from '../../src/term/report-html.js';
import { upgradeReport } from './support/report.js';

/** Anything by which a page would ask for something outside itself, or run something. */
const OUTWARD =
  /<(script|link|img|iframe|object|embed|base|form|a)\b|\b(src|href|action|srcset)\s*=|@import|url\(|\bon\w+\s*=/i;

test('one page tells all: outcome, next, steps with times, what was saved and changed, proof', () => {
  const text = reportPage(upgradeReport()).replaceAll('<wbr>', '');
  for (const part of [
    'runai 2.13.66',
    'finished',
    'What to do next',
    'airgap rollback --run 20261121T100000Z-3f9c2a1b --dry-run',
    'upgrade the control plane from 2.9.25 to 2.13.66',
    'destructive',
    'undone by: the saved object',
    'deleted/ingress.runai-backend-ingress.json',
    'global.domain',
    'proven',
    '1.81 GB sent in 41 blobs',
    'GPU operator',
    '1 database, 47 tables, 5003 rows; before the upgrade: 1 database, 41 tables, 5012 rows',
    '<td class="num">5012</td>',
  ])
    assert.ok(text.includes(part), part);
  assert.ok(!text.includes('report/begun.json'), 'its own notes are not listed');
});

test('it opens offline and runs nothing: no script, no address, and a policy that forbids both', () => {
  const text = reportPage(upgradeReport());
  assert.doesNotMatch(text, OUTWARD);
  assert.match(text, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.match(text, /@media print/);
});

test('threat 54: what a cluster, a registry or helm says is shown as it is and never becomes part of the page', () => {
  const hostile = '<script>alert(1)</script>"\'><img src=x onerror=y>\x1b[2J\u202e';
  const report = upgradeReport({
    steps: 4,
    error: new AirgapError('HELM_FAILED', hostile, { found: hostile }),
  });
  const { facts } = report;
  const cluster = facts.cluster && { ...facts.cluster, context: hostile };
  const text = reportPage({
    ...report,
    title: hostile,
    facts: { ...facts, ...(cluster ? { cluster } : {}), registry: hostile },
  });
  assert.doesNotMatch(text, /<script|<img|\x1b|\u202e/);
  assert.ok(text.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
});

test('threat 136: neither the page nor the JSON names a secret', () => {
  const report = upgradeReport({
    steps: 2,
    error: new AirgapError('REGISTRY_DENIED', 'push failed', {
      found: 'https://user:canary-secret-2@reg.site/v2/ password=canary-secret-3',
    }),
  });
  for (const text of [reportPage(report), reportJson(report)]) {
    assert.doesNotMatch(text, /canary/);
    assert.ok(text.includes('[redacted]'));
  }
});

test('a run that failed says why, what to do, and how far it came', () => {
  const report = upgradeReport({
    steps: 5,
    error: new AirgapError('HELM_FAILED', 'helm upgrade runai-backend failed'),
  });
  assert.equal(report.outcome, 'failed');
  const text = reportPage(report);
  assert.match(text, /Why it stopped[\s\S]*helm upgrade runai-backend failed <code>HELM_FAILED<\/code>/);
  assert.match(text, /then go on with airgap install \/media\/runai-air-gapped-2\.13\.66\.tar/);
  const states = report.steps.map(({ state }) => state);
  assert.deepEqual(states.slice(4, 7), ['done', 'failed', 'waiting']);
  const asked = upgradeReport({ steps: 1, error: new AirgapError('DECISION_NEEDED', 'x') });
  assert.deepEqual(
    [asked.outcome, upgradeReport({ error: new AirgapError('INTERRUPTED', 'x') }).outcome],
    ['needs-operator', 'interrupted'],
  );
});

test('the JSON has the same facts in a stable form', () => {
  const json = JSON.parse(reportJson(upgradeReport()));
  assert.equal(json.schema, 1);
  assert.deepEqual(
    [json.kind, json.outcome, json.runId],
    ['install', 'finished', '20261121T100000Z-3f9c2a1b'],
  );
  for (const step of json.steps)
    for (const key of ['id', 'title', 'command', 'destructive', 'saves', 'state', 'took'])
      assert.ok(key in step, key);
  const { took, steps } = json;
  assert.equal(
    took,
    steps.reduce((sum: number, step: { took: number }) => sum + step.took, 0),
  );
  assert.equal(json.facts.proof.containers, 22);
});
