import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkHeaders, pageOf, sortedNames } from '../../src/registry/paging.js';
import { Refusal } from '../../src/registry/refusal.js';

const TAGS = ['a', 'b', 'c', 'd', 'e'];

const PAGES: readonly (readonly [string, readonly string[], string | undefined])[] = [
  ['', TAGS, undefined],
  ['n=2', ['a', 'b'], 'b'],
  ['n=2&last=b', ['c', 'd'], 'd'],
  ['n=2&last=d', ['e'], undefined],
  ['n=5', TAGS, undefined],
  ['n=0', [], undefined],
  ['last=c', ['d', 'e'], undefined],
  ['last=bb', ['c', 'd', 'e'], undefined],
  ['n=3&last=z', [], undefined],
];

for (const [query, items, last] of PAGES) {
  test(`page ?${query}`, () => {
    const page = pageOf(TAGS, new URLSearchParams(query));
    assert.deepEqual(page.items, items);
    assert.equal(page.next?.last, last);
  });
}

test('a page size that is no number is refused', () => {
  for (const n of ['x', '-1', '1.5', '']) {
    assert.throws(() => pageOf(TAGS, new URLSearchParams({ n })), Refusal);
  }
});

test('names sort by code point', () => {
  assert.deepEqual(sortedNames(['b', 'a', 'B', '1', '_']), ['1', 'B', '_', 'a', 'b']);
});

test('following the links gives every name once, in order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,9}$/)),
      fc.integer({ min: 1, max: 5 }),
      (tags, n) => {
        const sorted = sortedNames(tags);
        const seen: string[] = [];
        let query: URLSearchParams | undefined = new URLSearchParams({ n: String(n) });
        while (query) {
          const page = pageOf(sorted, query);
          seen.push(...page.items);
          const link = linkHeaders('/v2/a/tags/list', page)['Link'];
          query = (link && new URL(link.slice(1, link.indexOf('>')), 'http://x').searchParams) || undefined;
        }
        assert.deepEqual(seen, sorted);
      },
    ),
  );
});
