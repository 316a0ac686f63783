import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chartValue,
  documents,
  indent,
  mergeValues,
  setValue,
  type Values,
  when,
} from '../../../scripts/lib/standin/charts/text.js';

describe('template text', () => {
  it('indents all lines but empty ones', () => {
    assert.equal(indent('a:\n\n  b: 1', 2), '  a:\n\n    b: 1');
  });

  it('joins manifests and wraps conditions', () => {
    assert.equal(documents('\na: 1\n', 'b: 2'), '---\na: 1\n---\nb: 2\n');
    assert.equal(when('.x', '\na: 1\n'), '{{- if .x }}\na: 1\n{{- end }}\n');
  });

  it('reads values by index where a key is no identifier', () => {
    assert.equal(chartValue('global', 'domain'), '$.Values.global.domain');
    assert.equal(chartValue('nginx-ingress', 'enabled'), '(index $.Values "nginx-ingress" "enabled")');
  });
});

describe('values', () => {
  it('sets and merges nested keys', () => {
    const values: Values = { a: { b: 1 }, c: 'x' };
    setValue(values, ['a', 'd', 'e'], 2);
    setValue(values, ['c', 'f'], 3);
    assert.deepEqual(values, { a: { b: 1, d: { e: 2 } }, c: { f: 3 } });
    assert.deepEqual(mergeValues({ a: { b: 1, c: [1] } }, { a: { c: [2], d: 3 } }), {
      a: { b: 1, c: [2], d: 3 },
    });
    assert.throws(() => setValue({}, [], 1));
  });
});
