import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseStrictJson } from '../../src/bundle/json.js';

const LIMITS = { size: 10_000, depth: 8, values: 1000 };

function read(text: string | Buffer) {
  return parseStrictJson(Buffer.from(text as string), 'x.json', LIMITS);
}

function faultOf(text: string | Buffer): string {
  const result = read(text);
  assert.equal(result.ok, false, `accepted: ${String(text).slice(0, 60)}`);
  return result.ok ? '' : `${result.fault.where} ${result.fault.what}`;
}

const BAD: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['duplicate key', '{"a":1,"a":2}', /x\.json:1:8 has the key "a" twice/],
  ['duplicate key by escape', '{"a":1,"\\u0061":2}', /has the key "a" twice/],
  ['duplicate key deep inside', '{"x":[{"a":{},"b":1,"a":3}]}', /"a" twice/],
  ['__proto__', '{"__proto__":{"x":1}}', /__proto__/],
  ['__proto__ by escape', '{"\\u005f_proto__":1}', /__proto__/],
  ['bad UTF-8', Buffer.from([0x22, 0xff, 0x22]), /is not UTF-8/],
  ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), /is not UTF-8/],
  ['encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /is not UTF-8/],
  ['BOM', Buffer.from('\ufeff{}'), /is not JSON/],
  ['lone surrogate', '"\\ud800"', /half of a surrogate pair/],
  ['lone low surrogate', '{"a":"x\\udc00"}', /half of a surrogate pair/],
  ['float size', '{"size":1.5}', /the number 1\.5/],
  ['float that is whole', '{"size":1.0}', /the number 1\.0/],
  ['exponent', '{"size":1e3}', /the number 1e3/],
  ['beyond 2^53', '{"size":9007199254740993}', /9007199254740993/],
  ['huge', `{"size":${'9'.repeat(400)}}`, /no integer within 2\^53/],
  ['minus zero', '[-0]', /the number -0/],
  ['leading zero', '[012]', /the number 012/],
  ['deep nesting', '['.repeat(9), /nested deeper than 8/],
  ['very deep nesting', '['.repeat(5000), /nested deeper than 8/],
  ['too many values', `[${'1,'.repeat(1001)}1]`, /more than 1000 values/],
  ['too large', ' '.repeat(10_001), /is too large/],
  ['single quotes', "{'a':1}", /is not JSON/],
  ['trailing comma', '[1,]', /is not JSON/],
  ['comment', '[1] // x', /is not JSON/],
  ['two documents', '{} {}', /is not JSON/],
  ['NaN', '[NaN]', /is not JSON/],
  ['control character in a string', '"a\u0001b"', /is not a JSON string/],
  ['unfinished string', '"abc', /is not a JSON string/],
  ['unfinished escape', '"abc\\', /is not a JSON string/],
  ['empty', '', /is not JSON/],
];

for (const [name, text, pattern] of BAD) {
  test(`threat 39: JSON is refused: ${name}`, () => {
    assert.match(faultOf(text), pattern);
  });
}

test('the place of a fault is named by line and column', () => {
  assert.match(faultOf('{\n  "a": 1,\n  "a": 2\n}'), /^x\.json:3:3 /);
});

test('threat 39: what is accepted means the same to JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 6 }), (text) => {
      const result = read(text);
      if (result.ok) assert.deepEqual(result.value, JSON.parse(text));
    }),
  );
});

test('threat 39: no text makes the scan throw or hang', () => {
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '1',
    '-',
    'e',
    'true',
    ' ',
    '\\u',
    'é',
    '"a"',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
      const text = tokens.join('');
      const result = read(text);
      if (result.ok) assert.doesNotThrow(() => JSON.parse(text));
    }),
    { numRuns: 3000 },
  );
});
