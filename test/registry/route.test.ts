import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../src/registry/refusal.js';
import { parseTarget } from '../../src/registry/route.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const ROUTES: readonly (readonly [string, object])[] = [
  ['/v2/', { endpoint: 'base' }],
  ['/v2', { endpoint: 'base' }],
  ['/v2/_catalog?n=3', { endpoint: 'catalog' }],
  ['/v2/a/tags/list', { endpoint: 'tags', name: 'a' }],
  ['/v2/a/b-c/d_e/manifests/v1', { endpoint: 'manifest', name: 'a/b-c/d_e', last: 'v1' }],
  [`/v2/a/manifests/${DIGEST}`, { endpoint: 'manifest', name: 'a', last: DIGEST }],
  [`/v2/a/blobs/${DIGEST.replace(':', '%3A')}`, { endpoint: 'blob', name: 'a', last: DIGEST }],
  ['/v2/a/blobs/uploads/', { endpoint: 'uploads', name: 'a' }],
  ['/v2/a/blobs/uploads', { endpoint: 'uploads', name: 'a' }],
  ['/v2/a/blobs/uploads/x-y', { endpoint: 'upload', name: 'a', last: 'x-y' }],
  [`/v2/a/referrers/${DIGEST}?artifactType=x`, { endpoint: 'referrers', name: 'a', last: DIGEST }],
  ['/v2/blobs/manifests/manifests/v1', { endpoint: 'manifest', name: 'blobs/manifests', last: 'v1' }],
  ['/v2/tags/list/tags/list', { endpoint: 'tags', name: 'tags/list' }],
  ['/v2/a%2Fb/tags/list', { endpoint: 'tags', name: 'a/b' }],
];

for (const [url, expected] of ROUTES) {
  test(`route ${url}`, () => {
    assert.deepEqual(parseTarget(url).route, expected);
  });
}

const REFUSED: readonly (readonly [string, number, string])[] = [
  ['/', 404, 'UNSUPPORTED'],
  ['/v1/search', 404, 'UNSUPPORTED'],
  ['/v2/a', 404, 'UNSUPPORTED'],
  ['/v2/A/tags/list', 400, 'NAME_INVALID'],
  ['/v2//tags/list', 400, 'NAME_INVALID'],
  ['/v2/../tags/list', 400, 'NAME_INVALID'],
  ['/v2/a/../../etc/tags/list', 400, 'NAME_INVALID'],
  ['/v2/%2e%2e/%2e%2e/tags/list', 400, 'NAME_INVALID'],
  ['/v2/a%00b/tags/list', 400, 'NAME_INVALID'],
  ['/v2/a%5cb/tags/list', 400, 'NAME_INVALID'],
  ['/v2/_layers/tags/list', 400, 'NAME_INVALID'],
  ['/v2/.airgap/tags/list', 400, 'NAME_INVALID'],
  ['/v2/a/_manifests/tags/list', 400, 'NAME_INVALID'],
  ['/v2/%E0%A4%A/tags/list', 400, 'NAME_INVALID'],
  [`/v2/${'a/'.repeat(200)}a/tags/list`, 400, 'NAME_INVALID'],
];

for (const [url, status, code] of REFUSED) {
  test(`route refused: ${url.slice(0, 60)}`, () => {
    assert.throws(
      () => parseTarget(url),
      (error) => error instanceof Refusal && error.status === status && error.code === code,
    );
  });
}
