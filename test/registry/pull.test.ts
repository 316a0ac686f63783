import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { test } from 'node:test';
import { createRegistry } from '../../src/oci/registry.js';
import {
  ask,
  codeOf,
  digestOf,
  jsonOf,
  noise,
  pushBlob,
  pushImage,
  startBundle,
  startFolder,
} from './support.js';

test('the base answers, with the header of the protocol', async (t) => {
  const { url } = await startFolder(t);
  for (const path of ['/v2/', '/v2']) {
    const answer = await ask('GET', `${url}${path}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0');
  }
});

test('a registry that can be pushed to tells how much room it has; a bundle has none to tell', async (t) => {
  const { url, root } = await startFolder(t);
  const client = createRegistry(new URL(url).host, { plainHttp: true, env: {} });
  const told = await client.freeSpace();
  await client.close();
  const { bavail, bsize } = await statfs(root);
  assert.ok(told !== undefined && Math.abs(told - bavail * bsize) < 1e9, String(told));
  const bundle = await startBundle(t);
  assert.equal((await ask('GET', `${bundle.url}/v2/`)).headers['airgap-free-bytes'], undefined);
});

test('parts of a blob', async (t) => {
  const { url } = await startFolder(t);
  const bytes = noise(3_000_000);
  await pushBlob(url, 'a', bytes);
  const get = (range: string) =>
    ask('GET', `${url}/v2/a/blobs/${digestOf(bytes)}`, { headers: { Range: range } });
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=1048570-2097160', 1_048_570, 2_097_160],
    ['bytes=2999999-', 2_999_999, 2_999_999],
    ['bytes=-7', 2_999_993, 2_999_999],
  ] as const) {
    const answer = await get(range);
    assert.equal(answer.status, 206);
    assert.equal(answer.headers['content-range'], `bytes ${start}-${end}/3000000`);
    assert.ok(answer.body.equals(bytes.subarray(start, end + 1)), range);
  }
  const beyond = await get('bytes=3000000-');
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers['content-range'], 'bytes */3000000');
  assert.equal((await get('bytes=0-1,5-6')).body.length, 3_000_000);
  const head = await ask('HEAD', `${url}/v2/a/blobs/${digestOf(bytes)}`);
  assert.equal(head.headers['accept-ranges'], 'bytes');
  assert.equal(head.headers['content-length'], '3000000');
});

test('what a client has already is not sent again', async (t) => {
  const { url } = await startFolder(t);
  const { layer, digest } = await pushImage(url, 'a', 'v1');
  for (const path of [`blobs/${digestOf(layer)}`, `manifests/${digest}`, 'manifests/v1']) {
    const first = await ask('GET', `${url}/v2/a/${path}`);
    const again = await ask('GET', `${url}/v2/a/${path}`, {
      headers: { 'If-None-Match': String(first.headers.etag) },
    });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
  }
});

test('what is not there has its own code', async (t) => {
  const { url } = await startFolder(t);
  await pushImage(url, 'a', 'v1');
  const digest = `sha256:${'0'.repeat(64)}`;
  const cases = [
    ['/v2/a/manifests/v2', 'MANIFEST_UNKNOWN'],
    [`/v2/a/manifests/${digest}`, 'MANIFEST_UNKNOWN'],
    ['/v2/b/manifests/v1', 'MANIFEST_UNKNOWN'],
    [`/v2/a/blobs/${digest}`, 'BLOB_UNKNOWN'],
    ['/v2/b/tags/list', 'NAME_UNKNOWN'],
  ] as const;
  for (const [path, code] of cases) {
    const answer = await ask('GET', `${url}${path}`);
    assert.equal(answer.status, 404);
    assert.equal(codeOf(answer), code);
  }
  assert.equal(codeOf(await ask('GET', `${url}/v2/a/blobs/sha256:x`)), 'DIGEST_INVALID');
});

test('a method that an endpoint does not have is refused with those it has', async (t) => {
  const { url } = await startFolder(t);
  const answer = await ask('POST', `${url}/v2/a/manifests/v1`, { body: 'x' });
  assert.equal(answer.status, 405);
  assert.equal(codeOf(answer), 'UNSUPPORTED');
  assert.equal(answer.headers.allow, 'GET, PUT, DELETE, HEAD');
  assert.equal((await ask('HEAD', `${url}/v2/a/blobs/uploads/`)).status, 405);
});

test('tags and repositories in pages', async (t) => {
  const { url } = await startFolder(t);
  for (const tag of ['v2', 'V1', 'v10', '_x']) await pushImage(url, 'b/c', tag);
  await pushImage(url, 'a', 'v1');
  await pushBlob(url, 'only-blobs', noise(1));
  const tags = async (query: string) => jsonOf(await ask('GET', `${url}/v2/b/c/tags/list${query}`));
  assert.deepEqual(await tags(''), { name: 'b/c', tags: ['V1', '_x', 'v10', 'v2'] });
  assert.deepEqual(await tags('?n=0'), { name: 'b/c', tags: [] });
  const first = await ask('GET', `${url}/v2/b/c/tags/list?n=3`);
  assert.equal(first.headers.link, '</v2/b/c/tags/list?n=3&last=v10>; rel="next"');
  assert.deepEqual(await tags('?n=3&last=v10'), { name: 'b/c', tags: ['v2'] });
  assert.equal((await ask('GET', `${url}/v2/b/c/tags/list?n=x`)).status, 400);
  const catalog = await ask('GET', `${url}/v2/_catalog?n=2`);
  assert.deepEqual(jsonOf(catalog), { repositories: ['a', 'b/c'] });
  assert.equal(catalog.headers.link, '</v2/_catalog?n=2&last=b%2Fc>; rel="next"');
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/only-blobs/tags/list`)), {
    name: 'only-blobs',
    tags: [],
  });
  assert.equal((await ask('GET', `${url}/v2/b/tags/list`)).status, 404);
});

test('no request reaches outside the folder', async (t) => {
  const { url } = await startFolder(t);
  const paths = [
    '/../../../../etc/passwd',
    '/v2/../../../../etc/passwd',
    '/v2/a/../../../../etc/manifests/passwd',
    '/v2/%2e%2e/%2e%2e/etc/manifests/passwd',
    '/v2/a/manifests/..%2f..%2f..%2fetc%2fpasswd',
    '/v2/a/blobs/sha256:..%2f..%2fetc',
    '/v2/a/blobs/uploads/..%2f..%2fx',
    '/v2//etc/manifests/passwd',
    '/v2/a\\b/tags/list',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const { status } = await ask(method, `${url}${path}`, { body: 'x' });
      assert.ok(status === 400 || status === 404 || status === 405, `${method} ${path}: ${status}`);
    }
  }
});
