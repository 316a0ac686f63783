import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCrdDryRun } from '../../../src/install/checks/crd-dry-run.js';

const held = [
  { field: '.spec.versions', by: 'argocd-controller' },
  { field: '.spec.names', by: 'argocd-controller' },
];

test('threat 100: the manager and a field are named, with the line that takes them over', () => {
  const finding = judgeCrdDryRun([{ name: 'projects.run.ai', held }], 17);
  assert.equal(finding.outcome, 'fail');
  assert.equal(
    finding.seen,
    '1 of 17 are refused: projects.run.ai: .spec.versions and 1 more belongs to argocd-controller',
  );
  assert.match(finding.advice ?? '', /let argocd-controller stop managing .* --force-conflicts/);
});

test('what else the server says is told in its words', () => {
  const finding = judgeCrdDryRun([{ name: 'a.b', held: [], why: 'admission webhook denied it' }], 1);
  assert.match(finding.seen, /a\.b: admission webhook denied it/);
  assert.doesNotMatch(finding.advice ?? '', /force-conflicts/);
  assert.equal(judgeCrdDryRun([], 3).outcome, 'pass');
});
