import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../../src/oci/reference.js';
import { formatRelocation, relocate, targetCollisions } from '../../src/pack/relocate.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

for (const [source, flat, kept, prefixed] of [
  [
    'gcr.io/run-ai-prod/operator:2.13.66',
    'operator:2.13.66',
    'run-ai-prod/operator:2.13.66',
    'site/operator:2.13.66',
  ],
  ['busybox', 'busybox:latest', 'library/busybox:latest', 'site/busybox:latest'],
  ['localhost:5000/a/b/c:1', 'c:1', 'a/b/c:1', 'site/c:1'],
  [`quay.io/x/y@${DIGEST}`, `y@${DIGEST}`, `x/y@${DIGEST}`, `site/y@${DIGEST}`],
  [`quay.io/x/y:1@${DIGEST}`, 'y:1', 'x/y:1', 'site/y:1'],
] as const) {
  test(`${source} is relocated by each rule`, () => {
    const reference = parseReference(source);
    assert.equal(relocate(reference, { rule: 'flat' }), flat);
    assert.equal(relocate(reference, { rule: 'keep-path' }), kept);
    assert.equal(relocate(reference, { rule: 'prefix', prefix: 'site' }), prefixed);
  });
}

test('threat 80: images that would land on one name are all listed', () => {
  const faults = targetCollisions([
    { source: 'a.io/x/app:1', target: 'app:1', reasons: ['chart one'] },
    { source: 'b.io/y/app:1', target: 'app:1', reasons: ['chart two'] },
    { source: 'b.io/y/app:2', target: 'app:2', reasons: [] },
  ]);
  assert.equal(faults.length, 1);
  assert.equal(faults[0]?.where, 'app:1');
  assert.match(String(faults[0]?.found), /a\.io\/x\/app:1 \(chart one\); b\.io\/y\/app:1 \(chart two\)/);
});

test('the manifest names the rule', () => {
  assert.equal(formatRelocation({ rule: 'keep-path' }), 'keep-path');
  assert.equal(formatRelocation({ rule: 'prefix', prefix: 'a/b' }), 'prefix:a/b');
});
