import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, suggest } from '../../../src/pack/spec/suggest.js';

for (const [one, other, distance] of [
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['platform', 'platforms', 1],
  ['plattforms', 'platforms', 1],
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
] as const) {
  test(`from "${one}" to "${other}" are ${distance} edits`, () =>
    assert.equal(editDistance(one, other), distance));
}

test('the nearest name is suggested, and none when none is near', () => {
  const known = ['path', 'repo', 'release', 'relocate'];
  assert.equal(suggest('pth', known), 'path');
  assert.equal(suggest('relase', known), 'release');
  assert.equal(suggest('x', known), undefined);
  assert.equal(suggest('credentials', known), undefined);
});
