import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../../src/errors.js';
import { digestOf, hexOf, isDigest, parseDigest, shortDigest } from '../../src/oci/digest.js';

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a sha256 digest is taken as it is', () => {
  assert.equal(parseDigest(`sha256:${HEX}`), `sha256:${HEX}`);
  assert.equal(hexOf(`sha256:${HEX}`), HEX);
  assert.equal(digestOf(Buffer.alloc(0)), `sha256:${HEX}`);
  assert.equal(shortDigest(`sha256:${HEX}`), 'sha256:e3b0c44298fc…');
});

const BAD = [
  'sha256:../../x',
  `sha256:${HEX.toUpperCase()}`,
  `sha256:${HEX.slice(1)}`,
  `sha256:${HEX}0`,
  `SHA256:${HEX}`,
  'sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709',
  `md5:${HEX.slice(32)}`,
  HEX,
  '',
  `sha256:${HEX}\n`,
  ` sha256:${HEX}`,
  `sha256:${HEX.slice(0, 62)}/x`,
];

for (const text of BAD) {
  test(`threat 42: ${JSON.stringify(text)} is refused by grammar`, () => {
    assert.throws(
      () => parseDigest(text),
      (error) => isAirgapError(error, 'REFERENCE_INVALID') && error.exitStatus === 3,
    );
  });
}

test('threat 42: sha512 is well formed and cannot travel', () => {
  assert.throws(
    () => parseDigest(`sha512:${HEX}${HEX}`),
    (error) => isAirgapError(error, 'IMAGE_UNSUPPORTED') && error.exitStatus === 3,
  );
});

test('threat 42: whatever is accepted is 71 harmless characters', () => {
  fc.assert(
    fc.property(fc.string(), (tail) => {
      const text = `sha256:${tail}`;
      if (isDigest(text)) assert.match(text, /^sha256:[0-9a-f]{64}$/);
    }),
  );
});
