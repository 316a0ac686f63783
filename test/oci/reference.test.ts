import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../../src/errors.js';
import {
  formatReference,
  isRegistryHost,
  parseReference,
  parseRegistryAddress,
  tagOrDigestOf,
} from '../../src/oci/reference.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const GOOD: readonly (readonly [string, string])[] = [
  ['busybox', 'docker.io/library/busybox'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['bats/bats:v1', 'docker.io/bats/bats:v1'],
  ['index.docker.io/bats/bats', 'docker.io/bats/bats'],
  ['localhost/a', 'localhost/a'],
  ['localhost:5000/a:b', 'localhost:5000/a:b'],
  ['registry.example.com/run-ai-prod/operator:2.13.66', 'registry.example.com/run-ai-prod/operator:2.13.66'],
  ['127.0.0.1:5001/a/b_c/d.e/f--g:T_1.2-3', '127.0.0.1:5001/a/b_c/d.e/f--g:T_1.2-3'],
  ['[::1]:5000/a', '[::1]:5000/a'],
  [`nvcr.io/nvidia/x@${DIGEST}`, `nvcr.io/nvidia/x@${DIGEST}`],
  [`nvcr.io/nvidia/x:v1@${DIGEST}`, `nvcr.io/nvidia/x:v1@${DIGEST}`],
  ['HOST/a', 'HOST/a'],
];

for (const [text, canonical] of GOOD) {
  test(`${text} is ${canonical}`, () => {
    const parsed = parseReference(text);
    assert.equal(formatReference(parsed), canonical);
    assert.deepEqual(parseReference(canonical), parsed);
  });
}

const BAD = [
  '',
  ':tag',
  'a:',
  'a:b:c',
  'A',
  'example.com/A',
  'example.com/',
  'example.com//a',
  'example.com/a/',
  'example.com:99999/a',
  'example.com:0/a',
  'example.com/a..b',
  'example.com/../etc/passwd',
  'example.com/a:$(reboot)',
  'example.com/a:-x',
  `example.com/a:${'x'.repeat(129)}`,
  `example.com/${'a/'.repeat(130)}a`,
  'a'.repeat(64),
  `example.com/a@sha256:${'A'.repeat(64)}`,
  'example.com/a@',
  'http://example.com/a',
  'exa mple.com/a',
  '-example.com/a',
];

for (const text of BAD) {
  test(`threat 48: ${JSON.stringify(text.slice(0, 60))} is no reference`, () => {
    assert.throws(
      () => parseReference(text),
      (error) => isAirgapError(error, 'REFERENCE_INVALID') && error.exitStatus === 3,
    );
  });
}

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const host = fc.stringMatching(/^[a-z0-9]{1,6}(-[a-z0-9]{1,4})?\.[a-z]{2,5}(:[1-9][0-9]{0,3})?$/);

test('what is formatted is parsed to the same', () => {
  fc.assert(
    fc.property(
      host,
      fc.array(component, { minLength: 1, maxLength: 4 }),
      fc.option(tag),
      (registry, path, name) => {
        fc.pre(registry !== 'index.docker.io');
        const reference = { registry, repository: path.join('/'), ...(name === null ? {} : { tag: name }) };
        assert.deepEqual(parseReference(formatReference(reference)), reference);
      },
    ),
  );
});

test('threat 48: no input is taken for a reference that holds shell words or path steps', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a.:/@-_A1$ ;\\\n[]~'.split('')) }), (text) => {
      let formatted: string;
      try {
        formatted = formatReference(parseReference(text));
      } catch (error) {
        assert.ok(isAirgapError(error));
        return;
      }
      assert.doesNotMatch(formatted, /\.\.\/|[$ ;\\\n~]|\/\//);
    }),
    { numRuns: 3000 },
  );
});

test('tags and digests are asked for in this order: digest, tag, latest', () => {
  assert.equal(tagOrDigestOf(parseReference('a')), 'latest');
  assert.equal(tagOrDigestOf(parseReference('a:b')), 'b');
  assert.equal(tagOrDigestOf(parseReference(`a:b@${DIGEST}`)), DIGEST);
});

const ADDRESSES: readonly (readonly [string, { host: string; prefix?: string }])[] = [
  ['registry.example.com', { host: 'registry.example.com' }],
  ['registry.example.com:5000/runai/prod', { host: 'registry.example.com:5000', prefix: 'runai/prod' }],
  ['registry.example.com/', { host: 'registry.example.com' }],
  ['[fd00::1]:5000/x', { host: '[fd00::1]:5000', prefix: 'x' }],
  ['myhost', { host: 'myhost' }],
];

for (const [text, expected] of ADDRESSES) {
  test(`threat 75: ${text} is a registry with or without a prefix`, () => {
    assert.deepEqual(parseRegistryAddress(text), expected);
  });
}

for (const text of ['https://a.example.com', 'a.example.com/Prefix', 'user@a.example.com', '', 'a b']) {
  test(`${JSON.stringify(text)} is no registry address`, () => {
    assert.throws(
      () => parseRegistryAddress(text),
      (error) => isAirgapError(error, 'REFERENCE_INVALID'),
    );
  });
}

test('hosts are names, IPv4 or bracketed IPv6, with a port that exists', () => {
  for (const good of ['a', 'a.b', 'a-b.c:1', '1.2.3.4:65535', '[::1]', '[::1]:80'])
    assert.ok(isRegistryHost(good), good);
  for (const bad of ['', 'a_b', 'a:', 'a:0', 'a:65536', '::1', 'a/b', '.a', 'a.', '-a']) {
    assert.ok(!isRegistryHost(bad), bad);
  }
});
