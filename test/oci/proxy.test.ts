import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { isExempt, proxyFor } from '../../src/oci/proxy.js';

const HTTPS = new URL('https://registry.example.com:5000/v2/');
const HTTP = new URL('http://registry.example.com/v2/');

test('threat 75: each scheme has its variable, lower case first', () => {
  const env = { https_proxy: 'http://low:1', HTTPS_PROXY: 'http://high:1', HTTP_PROXY: 'plain:3128' };
  assert.equal(proxyFor(HTTPS, env)?.host, 'low:1');
  assert.equal(proxyFor(HTTP, env)?.href, 'http://plain:3128/');
  assert.equal(proxyFor(HTTP, {}), undefined);
});

test('threat 75: loopback never goes through a proxy', () => {
  const env = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1' };
  for (const url of ['http://127.0.0.1:5000', 'http://localhost', 'http://[::1]:5000', 'https://127.8.9.1']) {
    assert.equal(proxyFor(new URL(url), env), undefined, url);
  }
});

const EXEMPT: readonly (readonly [string, string, boolean])[] = [
  ['https://registry.example.com:5000', '*', true],
  ['https://registry.example.com:5000', 'example.com', true],
  ['https://registry.example.com:5000', '.example.com', true],
  ['https://registry.example.com:5000', '*.example.com', true],
  ['https://registry.example.com:5000', 'registry.example.com:5000', true],
  ['https://registry.example.com:5000', 'registry.example.com:443', false],
  ['https://registry.example.com', 'registry.example.com:443', true],
  ['https://registry.example.com:5000', 'ample.com', false],
  ['https://REGISTRY.example.com', 'other.com, registry.EXAMPLE.com', true],
  ['https://10.1.2.3', '10.0.0.0/8', true],
  ['https://11.1.2.3', '10.0.0.0/8', false],
  ['https://10.1.2.3', '10.1.2.3/32', true],
  ['https://[fd00::5]', 'fd00::5', true],
  ['https://[fd00::5]:5000', '[fd00::5]:5000', true],
  ['https://[fd00::5]:5000', '[fd00::5]:6000', false],
  ['https://registry.example.com', '', false],
];

for (const [url, list, expected] of EXEMPT) {
  test(`threat 75: NO_PROXY=${list || '(empty)'} ${expected ? 'covers' : 'does not cover'} ${url}`, () => {
    assert.equal(isExempt(new URL(url), list), expected);
    const env = { HTTPS_PROXY: 'http://p:1', NO_PROXY: list };
    assert.equal(proxyFor(new URL(url), env) === undefined, expected);
  });
}

test('a proxy variable that is no URL is named, and its value is not shown', () => {
  assert.throws(
    () => proxyFor(HTTPS, { HTTPS_PROXY: 'socks5://user:hunter2@p:1' }),
    (error) =>
      isAirgapError(error, 'USAGE') &&
      /HTTPS_PROXY/.test(error.message) &&
      !/hunter2/.test(JSON.stringify(error)),
  );
});
