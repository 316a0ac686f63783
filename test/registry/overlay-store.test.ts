import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAGES } from '../bundle/helpers.js';
import {
  ask,
  codeOf,
  digestOf,
  imageOf,
  jsonOf,
  pushBlob,
  pushImage,
  putManifest,
  startBoth,
  startFolder,
} from './support.js';

const [operator] = IMAGES;
const BASE = operator?.layers[0] as Buffer;

test('bundle and folder are seen as one', async (t) => {
  const { url } = await startBoth(t);
  const mine = await pushImage(url, 'operator', 'mine');
  await pushImage(url, 'site/app', 'v1');
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/_catalog`)), {
    repositories: ['busybox', 'operator', 'site/app'],
  });
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/operator/tags/list`)), {
    name: 'operator',
    tags: ['2.13.66', 'mine'],
  });
  assert.equal((await ask('GET', `${url}/v2/operator/manifests/2.13.66`)).status, 200);
  assert.ok((await ask('GET', `${url}/v2/operator/manifests/mine`)).body.equals(mine.manifest));
  assert.ok((await ask('GET', `${url}/v2/operator/blobs/${digestOf(BASE)}`)).body.equals(BASE));
  assert.equal((await ask('GET', `${url}/v2/nobody/tags/list`)).status, 404);
});

test('the folder is above: a tag pushed over one of the bundle wins, and deleting it shows the bundle again', async (t) => {
  const { url } = await startBoth(t);
  const before = await ask('GET', `${url}/v2/operator/manifests/2.13.66`);
  const { digest, manifest } = await pushImage(url, 'operator', '2.13.66');
  assert.ok((await ask('GET', `${url}/v2/operator/manifests/2.13.66`)).body.equals(manifest));
  assert.equal((await ask('DELETE', `${url}/v2/operator/manifests/${digest}`)).status, 202);
  assert.ok((await ask('GET', `${url}/v2/operator/manifests/2.13.66`)).body.equals(before.body));
});

test('what the bundle holds cannot be deleted', async (t) => {
  const { url } = await startBoth(t);
  for (const path of ['manifests/2.13.66', `blobs/${digestOf(BASE)}`]) {
    const answer = await ask('DELETE', `${url}/v2/operator/${path}`);
    assert.equal(answer.status, 405);
    assert.equal(codeOf(answer), 'UNSUPPORTED');
  }
  assert.equal((await ask('DELETE', `${url}/v2/operator/manifests/nothing`)).status, 404);
});

test('a pushed manifest takes along what it needs of the bundle: the folder is whole alone', async (t) => {
  const both = await startBoth(t);
  const config = Buffer.from('{"mine":true}');
  await pushBlob(both.url, 'operator', config);
  const manifest = imageOf(config, [BASE]);
  assert.equal((await putManifest(both.url, 'operator', 'mixed', manifest)).status, 201);
  const child = await ask('GET', `${both.url}/v2/operator/manifests/2.13.66`);
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      manifests: [
        { mediaType: child.headers['content-type'], digest: digestOf(child.body), size: child.body.length },
      ],
    }),
  );
  assert.equal((await putManifest(both.url, 'operator', 'multi', index, mediaType)).status, 201);
  await both.close();
  const { url } = await startFolder(t, { root: both.root });
  assert.ok((await ask('GET', `${url}/v2/operator/manifests/mixed`)).body.equals(manifest));
  assert.ok((await ask('GET', `${url}/v2/operator/blobs/${digestOf(BASE)}`)).body.equals(BASE));
  const back = await ask('GET', `${url}/v2/operator/manifests/${digestOf(child.body)}`);
  assert.ok(back.body.equals(child.body));
  for (const { digest } of (jsonOf(back) as { layers: { digest: string }[] }).layers) {
    assert.equal(digestOf((await ask('GET', `${url}/v2/operator/blobs/${digest}`)).body), digest);
  }
});

test('a blob of the bundle is mounted into a repository of the folder', async (t) => {
  const { url } = await startBoth(t);
  const mount = (from: string) =>
    ask('POST', `${url}/v2/site/app/blobs/uploads/?mount=${digestOf(BASE)}&from=${from}`);
  assert.equal((await mount('nobody')).status, 202);
  assert.equal((await mount('operator')).status, 201);
  assert.ok((await ask('GET', `${url}/v2/site/app/blobs/${digestOf(BASE)}`)).body.equals(BASE));
});
