import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import { asAirgapError, errorJson, formatError } from '../../src/term/error.js';

const sample = new AirgapError('BLOB_MISMATCH', 'blob 3f9c in product-1.4.tar does not match its digest', {
  expected: 'sha256:3f9c  (10 bytes)',
  found: 'sha256:a071  (10 bytes)',
  hint: 'copy the file again',
});

test('an error shows code and fault, both values, one thing to do', () => {
  assert.equal(
    formatError(sample),
    [
      'error BLOB_MISMATCH: blob 3f9c in product-1.4.tar does not match its digest',
      '  expected  sha256:3f9c  (10 bytes)',
      '  found     sha256:a071  (10 bytes)',
      'hint: copy the file again',
    ].join('\n'),
  );
});

test('all faults are listed, a flood is counted', () => {
  const faults = Array.from({ length: 60 }, (_, index) => ({
    where: `spec.yaml:${index}:1`,
    what: 'unknown key',
  }));
  const lines = formatError(new AirgapError('SPEC_INVALID', 'spec.yaml has 60 faults', { faults })).split(
    '\n',
  );
  assert.equal(lines[1], '  - spec.yaml:0:1: unknown key');
  assert.ok(lines.includes('  … and 10 more (all of them with --log-format json)'));
  assert.equal(
    (errorJson(new AirgapError('SPEC_INVALID', 'x', { faults }))['faults'] as unknown[]).length,
    60,
  );
});

test('JSON carries the same fields and the exit status', () => {
  assert.deepEqual(errorJson(sample), {
    type: 'error',
    code: 'BLOB_MISMATCH',
    exit: 4,
    message: sample.message,
    expected: sample.expected,
    found: sample.found,
    hint: 'copy the file again',
  });
});

test('what is not ours is an INTERNAL error that keeps its cause, shown with --debug only', () => {
  const cause = new TypeError('x is not a function');
  assert.equal(asAirgapError(cause).exitStatus, 1);
  assert.ok(!formatError(cause).includes('TypeError'));
  assert.ok(formatError(cause, { debug: true }).includes('TypeError'));
});

test('threats 54 and 136: escapes and secrets do not reach the terminal', () => {
  const text = formatError(
    new AirgapError('HELM_FAILED', 'helm says \x1b[2Jpassword=hunter22 at https://a:b@host/'),
  );
  assert.ok(!text.includes('\x1b') && !text.includes('hunter22') && !text.includes('a:b@'));
});

test('threat 136: faults as JSON are as clean as their text', () => {
  const where = 'https://a:b@host/';
  const fault = { where, what: 'password=hunter22', expected: 'token=x1', found: 'Bearer', offset: 3 };
  const error = new AirgapError('CLUSTER_REFUSED', 'refused', { faults: [fault, { where: 'x', what: 'y' }] });
  const { faults } = errorJson(error) as { faults: Record<string, unknown>[] };
  assert.doesNotMatch(JSON.stringify(faults), /hunter22|a:b@/);
  assert.deepEqual(faults[1], { where: 'x', what: 'y' });
  assert.equal(faults[0]?.['offset'], 3);
});
