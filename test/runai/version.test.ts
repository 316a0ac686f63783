import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareVersions,
  crosses,
  formatMinor,
  inRange,
  isAtLeast,
  parseVersion,
} from '../../src/runai/version.js';
import { version } from './facts.js';

test('versions as charts, clusters and people write them', () => {
  const rows: [string, [number, number, number] | undefined][] = [
    ['2.13.66', [2, 13, 66]],
    ['v1.33', [1, 33, 0]],
    ['2.13.66-adobe', [2, 13, 66]],
    ['v1.27.4+k3s1', [1, 27, 4]],
    ['v3.14.0', [3, 14, 0]],
    [' 2.9 ', [2, 9, 0]],
    ['2', undefined],
    ['', undefined],
    ['latest', undefined],
    ['2.x', undefined],
    ['-2.9', undefined],
    ['2.9999999999', undefined],
  ];
  for (const [text, expected] of rows) {
    const found = parseVersion(text);
    assert.deepEqual(found && [found.major, found.minor, found.patch], expected, text);
  }
});

test('order is by numbers, and total', () => {
  assert.ok(compareVersions(version('2.9.25'), version('2.13.0')) < 0);
  assert.equal(compareVersions(version('2.13'), version('v2.13.0')), 0);
  const any = fc.tuple(fc.nat(3), fc.nat(30), fc.nat(99)).map((numbers) => version(numbers.join('.')));
  fc.assert(
    fc.property(any, any, any, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) || 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    }),
  );
});

test('crossing the beginning of a release', () => {
  assert.equal(crosses(version('2.8.99'), version('2.9.0'), 2, 9), true);
  assert.equal(crosses(version('2.9.0'), version('2.13.0'), 2, 9), false);
  assert.equal(crosses(version('2.7.0'), version('2.8.0'), 2, 9), false);
  assert.equal(isAtLeast(version('3.0.0'), 2, 12), true);
  assert.equal(formatMinor(version('2.13.66')), '2.13');
});

test('ranges', () => {
  const rows: [string, string, boolean | undefined][] = [
    ['1.28.9', '>=1.23 <=1.28', true],
    ['1.29.0', '>=1.23 <=1.28', false],
    ['1.28.9', '>=1.23 <1.29', true],
    ['1.22.17', '>=1.23 <1.29', false],
    ['22.9.2', '=22.9', true],
    ['22.10.0', '22.9', false],
    ['1.28.9', '>= 1.23 < 1.29', true],
    ['1.28.9', '>1.28', false],
    ['1.29.0', '>1.28', true],
    ['2.8.1', '>=2.8', true],
    ['2.8.1', '~2.8', undefined],
    ['2.8.1', '', undefined],
    ['2.8.1', '>=2.8 || <2.4', undefined],
  ];
  for (const [text, range, expected] of rows)
    assert.equal(inRange(version(text), range), expected, `${text} in ${range}`);
});
