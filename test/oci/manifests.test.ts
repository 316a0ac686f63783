import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { MEDIA } from '../../src/oci/types.js';
import { pairOf } from './support/client.js';
import { refuse, reply } from './support/faults.js';
import { makeImage, manifestOf } from './support/images.js';

const image = makeImage([10]);
const { manifest } = image;
const MANIFEST = /\/manifests\//;

test('a manifest comes with its exact bytes, by tag and by digest', async (t) => {
  const { fake, client } = await pairOf(t);
  const odd = Buffer.from(`\n ${manifest.bytes.toString()}\n\n`);
  const digest = fake.putManifest('a/b', 'v1', odd, `${MEDIA.ociManifest}; charset=utf-8`);
  for (const name of ['v1', digest]) {
    const found = await client.manifest('a/b', name);
    assert.deepEqual(found.bytes, odd);
    assert.deepEqual(found.descriptor, { mediaType: MEDIA.ociManifest, digest, size: odd.length });
  }
  assert.match(
    String(fake.seen[0]?.headers.accept),
    /vnd\.oci\.image\.index.*vnd\.docker\.distribution\.manifest\.list/,
  );
});

test('a prefix goes before every repository', async (t) => {
  const { fake, client } = await pairOf(t, { prefix: 'mirror/runai' });
  fake.putManifest('mirror/runai/a', 'v1', manifest.bytes, MEDIA.ociManifest);
  assert.equal(await client.hasManifest('a', 'v1'), manifest.descriptor.digest);
  assert.equal(fake.seen[0]?.path, '/v2/mirror/runai/a/manifests/v1');
});

test('a manifest that is not there is named', async (t) => {
  const { fake, client } = await pairOf(t);
  await assert.rejects(client.manifest('a/b', 'v9'), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_NOT_FOUND') && error.exitStatus === 5);
    assert.equal(error.message, `the manifest ${fake.host}/a/b:v9 cannot be read`);
    return true;
  });
  assert.equal(await client.hasManifest('a/b', 'v9'), undefined);
});

test('threat 41: a manifest with another digest than was asked for or promised is refused', async (t) => {
  const { fake, client } = await pairOf(t);
  const other = makeImage([11]).manifest;
  const type = { 'content-type': MEDIA.ociManifest };
  fake.on('GET', MANIFEST, reply(200, type, other.bytes));
  await assert.rejects(client.manifest('a', manifest.descriptor.digest), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
  fake.on(
    'GET',
    MANIFEST,
    reply(200, { ...type, 'docker-content-digest': manifest.descriptor.digest }, other.bytes),
  );
  await assert.rejects(client.manifest('a', 'v1'), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
});

test('threat 46: schema 1 is refused by its name', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on(
    'GET',
    MANIFEST,
    reply(200, { 'content-type': MEDIA.dockerSchema1 }, '{"schemaVersion":1,"fsLayers":[]}'),
  );
  await assert.rejects(
    client.manifest('a', 'v1'),
    (error) => isAirgapError(error, 'IMAGE_UNSUPPORTED') && error.exitStatus === 3,
  );
});

test('threat 43: a Content-Type that contradicts the document is refused', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', MANIFEST, reply(200, { 'content-type': MEDIA.ociIndex }, manifest.bytes));
  await assert.rejects(client.manifest('a', 'v1'), (error) => isAirgapError(error, 'IMAGE_INVALID'));
});

test('a server that names no type leaves it to the document', async (t) => {
  const { fake, client } = await pairOf(t);
  const docker = manifestOf({ config: image.config, layers: image.layers }, MEDIA.dockerManifest);
  fake.on('GET', MANIFEST, reply(200, { 'content-type': 'application/json' }, docker.bytes));
  assert.equal((await client.manifest('a', 'v1')).descriptor.mediaType, MEDIA.dockerManifest);
});

test('a manifest without end is cut', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', MANIFEST, reply(200, {}, Buffer.alloc(6 * 1024 * 1024, 0x20)));
  await assert.rejects(
    client.manifest('a', 'v1'),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && /too large/.test(error.message),
  );
});

test('HEAD without a digest is made good by GET', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putManifest('a', 'v1', manifest.bytes, MEDIA.ociManifest);
  fake.on('HEAD', MANIFEST, reply(200));
  assert.equal(await client.hasManifest('a', 'v1'), manifest.descriptor.digest);
});

test('a manifest is put with its bytes and type', async (t) => {
  const { fake, client } = await pairOf(t);
  for (const bytes of image.blobs.values()) fake.putBlob('a', bytes);
  await client.putManifest('a', 'v1', manifest);
  assert.deepEqual(fake.manifestsOf('a').get('v1'), { type: MEDIA.ociManifest, bytes: manifest.bytes });
});

test('threat 67: a registry that stores it as something else is found out', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', MANIFEST, reply(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }));
  await assert.rejects(client.putManifest('a', 'v1', manifest), (error) =>
    isAirgapError(error, 'REGISTRY_CONTENT'),
  );
});

test('threat 62: a manifest survives a registry that fails for a while', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putManifest('a', 'v1', manifest.bytes, MEDIA.ociManifest);
  fake.on('GET', MANIFEST, reply(502), { times: 3 });
  assert.equal((await client.manifest('a', 'v1')).bytes.length, manifest.bytes.length);
});

test('deleting', async (t) => {
  const { fake, client } = await pairOf(t);
  const digest = fake.putManifest('a', 'v1', manifest.bytes, MEDIA.ociManifest);
  await client.deleteManifest('a', digest as `sha256:${string}`);
  assert.ok(!fake.manifestsOf('a').has(digest));
});

test('threat 54: the words of a registry are capped and shown without escapes and secrets', async (t) => {
  const { fake, client } = await pairOf(t);
  const message = `\x1b]0;PASSED\x07${'x'.repeat(5000)} password=hunter2`;
  fake.on('GET', MANIFEST, refuse(403, 'DENIED', message));
  await assert.rejects(client.manifest('a', 'v1'), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_DENIED'));
    assert.ok((error.found ?? '').length < 500);
    assert.doesNotMatch(error.found ?? '', /\x1b|PASSED|hunter2/);
    return true;
  });
});

test('an error body without end is not read to its end', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', MANIFEST, ({ response }) => {
    response.writeHead(403);
    const chunk = Buffer.alloc(65536, 0x61);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
    return true;
  });
  await assert.rejects(client.manifest('a', 'v1'), (error) => isAirgapError(error, 'REGISTRY_DENIED'));
});
