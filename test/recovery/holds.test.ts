import assert from 'node:assert/strict';
import { it } from 'node:test';
import { holds } from '../../src/recovery/holds.js';

it('holds: what was saved is there, whatever else is there', () => {
  const rows: readonly (readonly [unknown, unknown, boolean])[] = [
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 2, d: 3 }] } }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: 1 }, undefined, false],
    [[1, 2], [1, 2, 3], false],
    [[1, 2], [2, 1], false],
    [{ a: {} }, {}, true],
    [{ a: '' }, {}, true],
    [{ a: 'x' }, {}, false],
    [{ a: [] }, {}, false],
  ];
  for (const [saved, live, expected] of rows)
    assert.equal(holds(saved, live), expected, JSON.stringify([saved, live]));
});
