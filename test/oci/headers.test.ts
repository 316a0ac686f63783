import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  LONGEST_WAIT,
  parseChallenges,
  parseContentRange,
  parseNextLink,
  parseRetryAfter,
  parseUploadRange,
} from '../../src/oci/headers.js';

const CHALLENGES: readonly (readonly [string, unknown])[] = [
  ['Basic realm="x"', [{ scheme: 'basic', params: { realm: 'x' } }]],
  ['Basic', [{ scheme: 'basic', params: {} }]],
  [
    'Bearer realm="https://a/token",service="r",scope="repository:a/b:pull,push"',
    [
      {
        scheme: 'bearer',
        params: { realm: 'https://a/token', service: 'r', scope: 'repository:a/b:pull,push' },
      },
    ],
  ],
  [
    'Negotiate, Basic realm="a, b=\\"c\\"", Bearer realm=https',
    [
      { scheme: 'negotiate', params: {} },
      { scheme: 'basic', params: { realm: 'a, b="c"' } },
      { scheme: 'bearer', params: { realm: 'https' } },
    ],
  ],
  ['bearer  realm = "x" , service = y', [{ scheme: 'bearer', params: { realm: 'x', service: 'y' } }]],
  ['', []],
  ['"', []],
];

for (const [header, expected] of CHALLENGES) {
  test(`challenges of ${header || '(nothing)'}`, () => assert.deepEqual(parseChallenges(header), expected));
}

test('the next link is found among others', () => {
  assert.equal(parseNextLink('</v2/a/tags/list?last=x&n=2>; rel="next"'), '/v2/a/tags/list?last=x&n=2');
  assert.equal(parseNextLink('<a>; rel="prev", <b>; title="x"; rel=next'), 'b');
  assert.equal(parseNextLink('<a>; rel="nextish"'), undefined);
  assert.equal(parseNextLink(''), undefined);
});

test('threat 66: the range of an upload, or nothing when it is nonsense', () => {
  assert.equal(parseUploadRange('0-99'), 100);
  assert.equal(parseUploadRange('bytes=0-99'), 100);
  assert.equal(parseUploadRange('0-0'), 0);
  for (const text of [undefined, '', '5-9', '0--1', '0-x', '-1', '0-99999999999999999']) {
    assert.equal(parseUploadRange(text), undefined);
  }
});

test('content ranges', () => {
  assert.deepEqual(parseContentRange('bytes 5-9/10'), { start: 5, total: 10 });
  assert.deepEqual(parseContentRange('bytes 5-9/*'), { start: 5, total: undefined });
  assert.equal(parseContentRange('bytes */10'), undefined);
  assert.equal(parseContentRange(undefined), undefined);
});

test('threat 61: Retry-After in seconds, as a date, and absurd', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  assert.equal(parseRetryAfter('7', now), 7000);
  assert.equal(parseRetryAfter('Sat, 21 Nov 2026 10:00:30 GMT', now), 30_000);
  assert.equal(parseRetryAfter('Sat, 21 Nov 2020 10:00:30 GMT', now), 0);
  assert.equal(parseRetryAfter('99999999', now), LONGEST_WAIT);
  assert.equal(parseRetryAfter('Sat, 21 Nov 2099 10:00:30 GMT', now), LONGEST_WAIT);
  for (const text of [undefined, '', 'soon', '-5', '1.5'])
    assert.equal(parseRetryAfter(text, now), undefined);
});

test('no header crashes or hangs the readers', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'Bearer =",\\<>;rel-0123456789 /nxt\u00e9'.split('')),
    maxLength: 400,
  });
  fc.assert(
    fc.property(text, (header) => {
      for (const { scheme } of parseChallenges(header)) assert.ok(scheme.length > 0);
      parseNextLink(header);
      const reached = parseUploadRange(header);
      assert.ok(reached === undefined || Number.isSafeInteger(reached));
      parseContentRange(header);
      const wait = parseRetryAfter(header, 0);
      assert.ok(wait === undefined || (wait >= 0 && wait <= LONGEST_WAIT));
    }),
    { numRuns: 2000 },
  );
  const started = process.cpuUsage();
  parseChallenges(`Bearer ${'a="b",'.repeat(100_000)}`);
  parseNextLink('<'.repeat(500_000));
  assert.ok(
    process.cpuUsage(started).user < 1_000_000,
    'a second of processor time, however busy the machine is',
  );
});
