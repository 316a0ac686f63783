import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContentDigest, readContentDigest } from '../../src/registry/content-digest.js';
import { Refusal } from '../../src/registry/refusal.js';

test('sha256 and sha512 are read', () => {
  assert.deepEqual(readContentDigest(`sha256:${'0a'.repeat(32)}`), {
    algorithm: 'sha256',
    hex: '0a'.repeat(32),
    text: `sha256:${'0a'.repeat(32)}`,
  });
  assert.equal(readContentDigest(`sha512:${'f'.repeat(128)}`)?.algorithm, 'sha512');
});

const FAULTY = [
  '',
  'sha256',
  'sha256:',
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}\n`,
  `sha256:${'../'.repeat(21)}a`,
  `sha512:${'a'.repeat(64)}`,
  `sha1:${'a'.repeat(40)}`,
  `md5:${'a'.repeat(32)}`,
  `toString:${'a'.repeat(64)}`,
  `__proto__:${'a'.repeat(64)}`,
  'a'.repeat(64),
];

test('digests that do not follow the grammar are refused', () => {
  for (const text of FAULTY) {
    assert.equal(readContentDigest(text), undefined, text);
    assert.throws(
      () => parseContentDigest(text),
      (error) => error instanceof Refusal && error.code === 'DIGEST_INVALID',
    );
  }
});
