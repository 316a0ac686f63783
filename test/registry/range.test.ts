import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContentRange, parseRange } from '../../src/registry/range.js';

const RANGES: readonly (readonly [string | undefined, ReturnType<typeof parseRange>])[] = [
  [undefined, 'whole'],
  ['bytes=0-', { start: 0, end: 99 }],
  ['bytes=10-19', { start: 10, end: 19 }],
  ['bytes=90-500', { start: 90, end: 99 }],
  ['bytes=-10', { start: 90, end: 99 }],
  ['bytes=-500', { start: 0, end: 99 }],
  ['bytes=99-99', { start: 99, end: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=20-10', 'whole'],
  ['bytes=0-1,5-6', 'whole'],
  ['items=0-1', 'whole'],
  ['bytes=-', 'whole'],
  ['bytes=99999999999999999999-', 'unsatisfiable'],
];

for (const [header, expected] of RANGES) {
  test(`Range ${header} of 100 bytes`, () => {
    assert.deepEqual(parseRange(header, 100), expected);
  });
}

test('no range of nothing can be satisfied', () => {
  assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable');
  assert.equal(parseRange('bytes=-5', 0), 'unsatisfiable');
});

const CONTENT_RANGES: readonly (readonly [string, ReturnType<typeof parseContentRange>])[] = [
  ['0-99', { start: 0, end: 99 }],
  ['bytes 100-199/1000', { start: 100, end: 199 }],
  ['bytes 100-199/*', { start: 100, end: 199 }],
  ['5-4', undefined],
  ['-5', undefined],
  ['0-', undefined],
  ['a-b', undefined],
  ['0x0-0x5', undefined],
  ['1-2-3', undefined],
];

for (const [header, expected] of CONTENT_RANGES) {
  test(`Content-Range ${header}`, () => {
    assert.deepEqual(parseContentRange(header), expected);
  });
}
