import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { MEDIA } from '../../src/oci/types.js';
import { IMAGES, noise, type SampleImage, sample } from '../bundle/helpers.js';
import { ask, codeOf, digestOf, jsonOf, startBundle } from './support.js';

const [operator, busybox] = IMAGES as readonly [SampleImage, SampleImage];
const BASE = operator.layers[0] as Buffer;

const manifestOf = async (url: string, name: string, reference: string) => {
  const answer = await ask('GET', `${url}/v2/${name}/manifests/${reference}`);
  return {
    answer,
    document: JSON.parse(answer.body.toString()) as { layers: { digest: string; size: number }[] },
  };
};

test('the images of a bundle are pulled by target name, tag and digest, byte for byte', async (t) => {
  const { url, bytes, layout } = await startBundle(t);
  for (const image of layout.manifest.images) {
    const [name, tag] = image.target.split(':') as [string, string];
    const { answer, document } = await manifestOf(url, name, tag);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], image.descriptor.mediaType);
    assert.equal(answer.headers['docker-content-digest'], image.descriptor.digest);
    assert.equal(digestOf(answer.body), image.descriptor.digest);
    const byDigest = await manifestOf(url, name, image.descriptor.digest);
    assert.ok(byDigest.answer.body.equals(answer.body));
    for (const layer of document.layers) {
      const blob = await ask('GET', `${url}/v2/${name}/blobs/${layer.digest}`);
      assert.equal(digestOf(blob.body), layer.digest);
      assert.ok(bytes.includes(blob.body), 'the bytes stand in the bundle as they are');
    }
  }
});

test('parts of a blob come from their place in the file', async (t) => {
  const { url } = await startBundle(t);
  const path = `${url}/v2/operator/blobs/${digestOf(BASE)}`;
  const answer = await ask('GET', path, { headers: { Range: 'bytes=100-299' } });
  assert.equal(answer.status, 206);
  assert.equal(answer.headers['content-range'], 'bytes 100-299/5000');
  assert.ok(answer.body.equals(BASE.subarray(100, 300)));
  const end = await ask('GET', path, { headers: { Range: 'bytes=-1' } });
  assert.ok(end.body.equals(BASE.subarray(4999)));
  assert.equal((await ask('HEAD', path)).headers['content-length'], '5000');
  assert.equal((await ask('GET', path, { headers: { Range: 'bytes=5000-' } })).status, 416);
});

test('tags, repositories, and what is not there', async (t) => {
  const { url } = await startBundle(t);
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/_catalog`)), { repositories: ['busybox', 'operator'] });
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/operator/tags/list`)), {
    name: 'operator',
    tags: ['2.13.66'],
  });
  assert.equal(codeOf(await ask('GET', `${url}/v2/nobody/tags/list`)), 'NAME_UNKNOWN');
  assert.equal(codeOf(await ask('GET', `${url}/v2/operator/manifests/2.13.67`)), 'MANIFEST_UNKNOWN');
  assert.equal(
    codeOf(await ask('GET', `${url}/v2/busybox/blobs/${digestOf(operator.layers[1] as Buffer)}`)),
    'BLOB_UNKNOWN',
  );
  const referrers = await ask('GET', `${url}/v2/operator/referrers/${digestOf(BASE)}`);
  assert.deepEqual(jsonOf(referrers), { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [] });
});

test('a mirror gets images by the registry they came from', async (t) => {
  const { url, layout } = await startBundle(t);
  const digest = layout.manifest.images.find(({ target }) => target.startsWith('operator'))?.descriptor
    .digest;
  const found = async (path: string) =>
    (await ask('HEAD', `${url}/v2/${path}`)).headers['docker-content-digest'];
  assert.equal(await found('run-ai-prod/operator/manifests/2.13.66?ns=registry.example.com'), digest);
  assert.equal(
    await found('run-ai-prod/operator/manifests/2.13.66?ns=registry.example.org'),
    digest,
    'the only source with this path',
  );
  assert.equal(await found('run-ai-prod/operator/manifests/2.13.66'), digest);
  assert.equal(await found('registry.example.com/run-ai-prod/operator/manifests/2.13.66'), digest);
  assert.ok(await found('library/busybox/manifests/1.36?ns=docker.io'));
  assert.ok(
    await found('busybox/manifests/1.36?ns=site.example:5000'),
    'a mirror of the site registry asks by target',
  );
  const blob = await ask(
    'GET',
    `${url}/v2/run-ai-prod/operator/blobs/${digestOf(BASE)}?ns=registry.example.com`,
  );
  assert.ok(blob.body.equals(BASE));
});

test('two sources with one path: only the mirror that says which gets one', async (t) => {
  const layers = [noise(10, 'x')];
  const images = ['one.example', 'two.example'].map((host, index) => ({
    source: `${host}/team/app:v1`,
    target: `app${index}:v1`,
    layers,
  }));
  const { url } = await startBundle(t, sample({ images }));
  assert.equal((await ask('HEAD', `${url}/v2/team/app/manifests/v1`)).status, 404);
  const one = await ask('GET', `${url}/v2/team/app/manifests/v1?ns=one.example`);
  const two = await ask('GET', `${url}/v2/team/app/manifests/v1?ns=two.example`);
  assert.equal(one.status, 200);
  assert.equal(two.status, 200);
  assert.ok(!one.body.equals(two.body));
});

test('pushing to a bundle is refused, whatever the way', async (t) => {
  const { url, path } = await startBundle(t);
  const before = createHash('sha256')
    .update(await readWhole(path))
    .digest('hex');
  const digest = digestOf(BASE);
  const tries: readonly (readonly [string, string])[] = [
    ['POST', '/v2/operator/blobs/uploads/'],
    ['POST', `/v2/operator/blobs/uploads/?mount=${digest}&from=busybox`],
    ['POST', `/v2/operator/blobs/uploads/?digest=${digest}`],
    ['PATCH', '/v2/operator/blobs/uploads/x'],
    ['PUT', `/v2/operator/blobs/uploads/x?digest=${digest}`],
    ['GET', '/v2/operator/blobs/uploads/x'],
    ['PUT', '/v2/operator/manifests/new'],
    ['DELETE', '/v2/operator/manifests/2.13.66'],
    ['DELETE', `/v2/operator/blobs/${digest}`],
  ];
  for (const [method, target] of tries) {
    const answer = await ask(method, `${url}${target}`, { body: 'x' });
    assert.equal(answer.status, 405, `${method} ${target}`);
    assert.equal(codeOf(answer), 'UNSUPPORTED');
    assert.match(answer.body.toString(), /read-only/);
  }
  assert.equal(
    createHash('sha256')
      .update(await readWhole(path))
      .digest('hex'),
    before,
  );
});

test('nothing is unpacked: the folder of the bundle holds the bundle alone', async (t) => {
  const { url, path } = await startBundle(t);
  const before = await stat(path);
  for (const layer of [...operator.layers, ...busybox.layers]) {
    await ask('GET', `${url}/v2/operator/blobs/${digestOf(layer)}`);
  }
  assert.deepEqual(await readdir(dirname(path)), ['runai-air-gapped-2.13.66.tar']);
  const after = await stat(path);
  assert.deepEqual([after.size, after.mtimeMs, after.ino], [before.size, before.mtimeMs, before.ino]);
});

test('a damaged blob never arrives whole', async (t) => {
  const layer = noise(3_000_000, 'large');
  const { url, path, bytes } = await startBundle(t, sample({ images: [{ ...operator, layers: [layer] }] }));
  const offset = bytes.indexOf(layer.subarray(0, 4096)) + 1_500_000;
  const file = await open(path, 'r+');
  await file.write(Buffer.from([(layer[1_500_000] as number) ^ 1]), 0, 1, offset);
  await file.close();
  await assert.rejects(
    ask('GET', `${url}/v2/operator/blobs/${digestOf(layer)}`),
    /aborted|ECONNRESET|hang up/,
  );
});

test('a damaged manifest is not given out', async (t) => {
  const { url, path, bytes, layout } = await startBundle(t);
  const position = layout.byPath.get(`blobs/sha256/${layout.manifest.images[0]?.descriptor.digest.slice(7)}`);
  const offset = (position?.offset ?? 0) + 20;
  const file = await open(path, 'r+');
  await file.write(Buffer.from([(bytes[offset] as number) ^ 1]), 0, 1, offset);
  await file.close();
  const name = layout.manifest.images[0]?.target.replace(':', '/manifests/');
  const answer = await ask('GET', `${url}/v2/${name}`);
  assert.equal(answer.status, 500);
  assert.match(answer.body.toString(), /BLOB_MISMATCH/);
});

async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}
