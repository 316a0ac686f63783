import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysFor, normalKey, parseAuthFile } from '../../src/oci/auth-file.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('threat 77: entries of every kind are read', () => {
  const file = parseAuthFile(
    JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': { auth: base64('hub:pw') },
        'a.example.com:5000': { auth: base64('u:p:with:colons') },
        'b.example.com': { username: 'u', password: 'p' },
        'c.example.com': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
        'd.example.com': { registrytoken: 'ready' },
        'e.example.com': {},
        'quay.io/org/repo': { auth: base64('robot:x') },
      },
      credHelpers: { 'gcr.io': 'gcloud' },
      credsStore: 'desktop',
    }),
  );
  assert.deepEqual(Object.fromEntries(file.auths), {
    'docker.io': { kind: 'basic', username: 'hub', password: 'pw' },
    'a.example.com:5000': { kind: 'basic', username: 'u', password: 'p:with:colons' },
    'b.example.com': { kind: 'basic', username: 'u', password: 'p' },
    'c.example.com': { kind: 'identity', token: 'refresh' },
    'd.example.com': { kind: 'bearer', token: 'ready' },
    'quay.io/org/repo': { kind: 'basic', username: 'robot', password: 'x' },
  });
  assert.equal(file.credHelpers.get('gcr.io'), 'gcloud');
  assert.equal(file.credsStore, 'desktop');
});

test('threat 77: a file with nothing in it is no fault', () => {
  const file = parseAuthFile('{}');
  assert.deepEqual([file.auths.size, file.credHelpers.size, file.credsStore], [0, 0, undefined]);
});

const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['no JSON', '{', /not JSON/],
  ['a list', '[]', /not a JSON object/],
  ['auths that are a list', '{"auths":[]}', /auths is not an object/],
  ['an entry that is text', '{"auths":{"a":"x"}}', /auths\["a"\]/],
  ['bad base64', '{"auths":{"a":{"auth":"!!! secret !!!"}}}', /not base64/],
  [
    'base64 without a colon',
    `{"auths":{"a":{"auth":"${base64('nocolon')}"}}}`,
    /not base64 of user:password/,
  ],
  ['a helper that is a number', '{"credHelpers":{"a":1}}', /credHelpers\["a"\]/],
];

for (const [name, text, reason] of BAD) {
  test(`threat 77: ${name} is a fault, and no secret is shown`, () => {
    assert.throws(
      () => parseAuthFile(text),
      (error: Error) => reason.test(error.message) && !/secret|nocolon/.test(error.message),
    );
  });
}

test('the longest prefix is looked up first', () => {
  assert.deepEqual(keysFor('quay.io', 'org/sub/repo'), [
    'quay.io/org/sub/repo',
    'quay.io/org/sub',
    'quay.io/org',
    'quay.io',
  ]);
  assert.deepEqual(keysFor('quay.io'), ['quay.io']);
});

test('keys are one under all their spellings', () => {
  for (const key of [
    'https://index.docker.io/v1/',
    'index.docker.io',
    'registry-1.docker.io',
    'docker.io',
    'https://docker.io/',
  ]) {
    assert.equal(normalKey(key), 'docker.io', key);
  }
  assert.equal(normalKey('http://a.example.com:5000/v2/'), 'a.example.com:5000');
});
