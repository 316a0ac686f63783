import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRealm, judgeRedirect, resolveUpload } from '../../src/oci/policy.js';

const REDIRECTS: readonly (readonly [string, string, 'with' | 'without' | 'no'])[] = [
  ['https://r.example.com/v2/a', 'https://r.example.com/b', 'with'],
  ['https://r.example.com/v2/a', 'https://cdn.example.net/b', 'without'],
  ['https://r.example.com/v2/a', 'https://r.example.com:8443/b', 'without'],
  ['http://r.example.com/v2/a', 'https://r.example.com/b', 'without'],
  ['https://r.example.com/v2/a', 'http://r.example.com/b', 'no'],
  ['https://r.example.com/v2/a', 'http://cdn.example.net/b', 'no'],
  ['https://r.example.com/v2/a', 'file:///etc/passwd', 'no'],
  ['https://r.example.com/v2/a', 'https://u:p@cdn.example.net/b', 'no'],
  ['https://r.example.com/v2/a', 'https://169.254.169.254/latest/meta-data', 'no'],
  ['https://r.example.com/v2/a', 'https://127.0.0.1/b', 'no'],
  ['https://r.example.com/v2/a', 'https://localhost/b', 'no'],
  ['https://r.example.com/v2/a', 'https://[::1]/b', 'no'],
  ['https://r.example.com/v2/a', 'https://[fe80::1]/b', 'no'],
  ['https://r.example.com/v2/a', 'https://[::ffff:127.0.0.1]/b', 'no'],
  ['https://r.example.com/v2/a', 'https://2130706433/b', 'no'],
  ['http://127.0.0.1:5000/v2/a', 'http://127.0.0.1:9000/b', 'without'],
];

for (const [from, to, expected] of REDIRECTS) {
  test(`threat 70: ${from} to ${to}: ${expected} credentials`, () => {
    const verdict = judgeRedirect(new URL(from), new URL(to));
    assert.equal(verdict.follow ? (verdict.withCredentials ? 'with' : 'without') : 'no', expected);
  });
}

const REALMS: readonly (readonly [string, string, readonly string[], boolean])[] = [
  ['https://registry-1.docker.io', 'https://auth.docker.io/token', [], true],
  ['https://nvcr.io', 'https://nvcr.io/proxy_auth', [], true],
  ['https://registry.example.com:5000', 'https://registry.example.com:5001/auth', [], true],
  ['https://registry.example.com', 'https://gitlab.example.com/jwt/auth', [], true],
  ['https://registry.example.com', 'https://example.net/token', [], false],
  ['https://registry.example.com', 'https://example.net/token', ['example.net'], true],
  ['https://a.example.co.uk', 'https://b.other.co.uk/token', [], false],
  ['https://a.example.co.uk', 'https://auth.example.co.uk/token', [], true],
  ['https://registry.example.com', 'http://registry.example.com/token', [], false],
  ['http://registry.example.com', 'http://registry.example.com/token', [], true],
  ['https://registry.example.com', 'https://10.0.0.1/token', [], false],
  ['https://10.0.0.2', 'https://10.0.0.1/token', [], false],
  ['https://registry.example.com', 'https://u:p@registry.example.com/token', [], false],
  ['https://registry.example.com', 'file:///etc/passwd', [], false],
  ['https://registry.example.com', 'token', [], false],
  ['https://registry', 'https://other/token', [], false],
];

for (const [registry, realm, allowed, trusted] of REALMS) {
  test(`threat 71: ${registry} naming ${realm} is ${trusted ? 'believed' : 'not believed'}`, () => {
    assert.equal(judgeRealm(new URL(registry), realm, allowed).trusted, trusted);
  });
}

test('an upload goes on at a relative or absolute place, and keeps TLS when a proxy hides it', () => {
  const registry = new URL('https://r.example.com:8443/v2/a/blobs/uploads/');
  assert.equal(
    resolveUpload(registry, '/v2/a/blobs/uploads/1?s=2')?.href,
    'https://r.example.com:8443/v2/a/blobs/uploads/1?s=2',
  );
  assert.equal(resolveUpload(registry, 'http://r.example.com/v2/x')?.href, 'https://r.example.com:8443/v2/x');
  assert.equal(resolveUpload(registry, 'http://other.example.com/v2/x'), undefined);
  assert.equal(resolveUpload(registry, 'http://[bad'), undefined);
});
