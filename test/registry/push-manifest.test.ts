import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEDIA } from '../../src/oci/types.js';
import { LARGEST_MANIFEST } from '../../src/registry/manifest-content.js';
import {
  ask,
  codeOf,
  digestOf,
  filesBelow,
  imageOf,
  jsonOf,
  noise,
  pushBlob,
  pushImage,
  putManifest,
  startFolder,
} from './support.js';

const manifestAt = (url: string, repository: string, reference: string): string =>
  `${url}/v2/${repository}/manifests/${reference}`;

test('a manifest comes back byte for byte, by tag and by digest', async (t) => {
  const { url } = await startFolder(t);
  const { manifest, digest, answer } = await pushImage(url, 'team/app', 'v1');
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.location, `/v2/team/app/manifests/${digest}`);
  assert.equal(answer.headers['docker-content-digest'], digest);
  for (const reference of ['v1', digest]) {
    for (const method of ['GET', 'HEAD']) {
      const back = await ask(method, manifestAt(url, 'team/app', reference));
      assert.equal(back.status, 200);
      assert.equal(back.headers['content-type'], MEDIA.ociManifest);
      assert.equal(back.headers['docker-content-digest'], digest);
      assert.equal(back.headers['content-length'], String(manifest.length));
      assert.ok(back.body.equals(method === 'GET' ? manifest : Buffer.alloc(0)));
    }
  }
});

test('the bytes decide, not their JSON: white space and order are kept', async (t) => {
  const { url } = await startFolder(t);
  const { config, layer } = await pushImage(url, 'a', 'v1');
  const spaced = Buffer.from(
    `\n ${JSON.stringify(JSON.parse(imageOf(config, [layer]).toString()), null, 7)}\n\n`,
  );
  assert.equal((await putManifest(url, 'a', digestOf(spaced), spaced)).status, 201);
  assert.ok((await ask('GET', manifestAt(url, 'a', digestOf(spaced)))).body.equals(spaced));
});

test('a manifest with its sha512 digest', async (t) => {
  const { url } = await startFolder(t);
  const { manifest } = await pushImage(url, 'a', 'v1');
  const digest = digestOf(manifest, 'sha512');
  assert.equal((await putManifest(url, 'a', digest, manifest)).status, 201);
  assert.ok((await ask('GET', manifestAt(url, 'a', digest))).body.equals(manifest));
});

test('an index and a Docker list need their children', async (t) => {
  const { url } = await startFolder(t);
  const { manifest, digest } = await pushImage(url, 'a', 'v1');
  for (const mediaType of [MEDIA.ociIndex, MEDIA.dockerList]) {
    const index = (child: string): Buffer =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          manifests: [{ mediaType: MEDIA.ociManifest, digest: child, size: manifest.length }],
        }),
      );
    const missing = await putManifest(url, 'a', 'multi', index(digestOf(noise(5))), mediaType);
    assert.equal(codeOf(missing), 'MANIFEST_BLOB_UNKNOWN');
    assert.equal((await putManifest(url, 'a', 'multi', index(digest), mediaType)).status, 201);
    assert.equal((await ask('GET', manifestAt(url, 'a', 'multi'))).headers['content-type'], mediaType);
  }
});

test('a manifest whose blobs are missing is refused with all of them', async (t) => {
  const { url } = await startFolder(t);
  const [config, there, absent] = [noise(10), noise(20), noise(30)];
  await pushBlob(url, 'a', there);
  await pushBlob(url, 'other', config);
  const answer = await putManifest(url, 'a', 'v1', imageOf(config, [there, absent]));
  assert.equal(answer.status, 400);
  const { errors } = jsonOf(answer) as { errors: { code: string; detail: { digest: string } }[] };
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN'],
  );
  assert.deepEqual(
    errors.map(({ detail }) => detail.digest).sort(),
    [digestOf(config), digestOf(absent)].sort(),
  );
  assert.equal((await ask('GET', manifestAt(url, 'a', 'v1'))).status, 404);
});

test('a manifest under a digest that is not its own is refused', async (t) => {
  const { url } = await startFolder(t);
  const { manifest } = await pushImage(url, 'a', 'v1');
  const answer = await putManifest(url, 'a', `sha256:${'1'.repeat(64)}`, manifest);
  assert.equal(codeOf(answer), 'DIGEST_INVALID');
});

test('a manifest of 4 MiB is taken, a larger one is not', async (t) => {
  const { url } = await startFolder(t);
  const { config, layer } = await pushImage(url, 'a', 'v1');
  const short = imageOf(config, [layer], { annotations: { fill: '' } }).length;
  const sized = (size: number) =>
    imageOf(config, [layer], { annotations: { fill: 'x'.repeat(size - short) } });
  const largest = sized(LARGEST_MANIFEST);
  assert.equal(largest.length, LARGEST_MANIFEST);
  assert.equal((await putManifest(url, 'a', 'large', largest)).status, 201);
  assert.ok((await ask('GET', manifestAt(url, 'a', 'large'))).body.equals(largest));
  const answer = await putManifest(url, 'a', 'larger', sized(LARGEST_MANIFEST + 1));
  assert.equal(answer.status, 413);
  assert.equal(codeOf(answer), 'MANIFEST_INVALID');
});

test('references that are neither tag nor digest: refused on push, unknown on pull', async (t) => {
  const { url } = await startFolder(t);
  const { manifest } = await pushImage(url, 'a', 'v1');
  for (const reference of [
    '-x',
    '.x',
    'a b'.replace(' ', '%20'),
    'x'.repeat(129),
    '%2e%2e',
    'sha256:abc',
    'a:b',
  ]) {
    assert.equal(codeOf(await putManifest(url, 'a', reference, manifest)), 'MANIFEST_INVALID', reference);
    assert.equal((await ask('GET', manifestAt(url, 'a', reference))).status, 404, reference);
    assert.equal((await ask('DELETE', manifestAt(url, 'a', reference))).status, 400, reference);
  }
  assert.equal((await putManifest(url, 'a', 'x'.repeat(128), manifest)).status, 201);
});

test('tags with a manifest that is pushed by digest', async (t) => {
  const { url } = await startFolder(t);
  const { manifest, digest } = await pushImage(url, 'a', 'v1');
  const answer = await putManifest(url, 'a', `${digest}?tag=v2&tag=v3`, manifest);
  assert.equal(answer.headers['oci-tag'], 'v2, v3');
  const tags = jsonOf(await ask('GET', `${url}/v2/a/tags/list`));
  assert.deepEqual(tags, { name: 'a', tags: ['v1', 'v2', 'v3'] });
  assert.equal(codeOf(await putManifest(url, 'a', `${digest}?tag=../x`, manifest)), 'MANIFEST_INVALID');
});

test('a tag moves, the older manifest stays', async (t) => {
  const { url } = await startFolder(t);
  const first = await pushImage(url, 'a', 'v1');
  const second = await pushImage(url, 'a', 'v1');
  const now = await ask('HEAD', manifestAt(url, 'a', 'v1'));
  assert.equal(now.headers['docker-content-digest'], second.digest);
  assert.equal((await ask('HEAD', manifestAt(url, 'a', first.digest))).status, 200);
});

test('deleting a tag leaves the manifest, deleting the manifest takes its tags along', async (t) => {
  const { url, root } = await startFolder(t);
  const { manifest, digest, config, layer } = await pushImage(url, 'a', 'v1');
  await putManifest(url, 'a', 'v2', manifest);
  const other = await pushImage(url, 'a', 'other');
  assert.equal((await ask('DELETE', manifestAt(url, 'a', 'v1'))).status, 202);
  assert.equal((await ask('GET', manifestAt(url, 'a', 'v1'))).status, 404);
  assert.equal((await ask('GET', manifestAt(url, 'a', digest))).status, 200);
  assert.equal(codeOf(await ask('DELETE', manifestAt(url, 'a', 'v1'))), 'MANIFEST_UNKNOWN');
  assert.equal((await ask('DELETE', manifestAt(url, 'a', digest))).status, 202);
  assert.equal((await ask('GET', manifestAt(url, 'a', 'v2'))).status, 404);
  assert.equal((await ask('GET', manifestAt(url, 'a', digest))).status, 404);
  assert.equal((await ask('DELETE', manifestAt(url, 'a', digest))).status, 404);
  assert.deepEqual(jsonOf(await ask('GET', `${url}/v2/a/tags/list`)), { name: 'a', tags: ['other'] });
  for (const blob of [config, layer]) await ask('DELETE', `${url}/v2/a/blobs/${digestOf(blob)}`);
  const left = (await filesBelow(root)).filter((path) => path.endsWith('/data')).length;
  assert.equal(left, 3, 'the contents of the other image alone are left');
  assert.equal((await ask('GET', manifestAt(url, 'a', other.digest))).status, 200);
});

test('referrers: listed with type and annotations, filtered, gone with the manifest', async (t) => {
  const { url } = await startFolder(t);
  const subject = `sha256:${'5'.repeat(64)}`;
  const refer = (tag: string, more: object) =>
    pushImage(url, 'a', tag, {
      subject: { mediaType: MEDIA.ociManifest, digest: subject, size: 7 },
      ...more,
    });
  const sbom = await refer('sbom', { artifactType: 'application/sbom', annotations: { made: 'today' } });
  const plain = await refer('plain', {});
  assert.equal(sbom.answer.headers['oci-subject'], subject);
  const all = await ask('GET', `${url}/v2/a/referrers/${subject}`);
  assert.equal(all.headers['content-type'], MEDIA.ociIndex);
  const { manifests } = jsonOf(all) as { manifests: { digest: string }[] };
  assert.deepEqual(
    manifests.find((entry) => entry.digest === sbom.digest),
    {
      mediaType: MEDIA.ociManifest,
      digest: sbom.digest,
      size: sbom.manifest.length,
      artifactType: 'application/sbom',
      annotations: { made: 'today' },
    },
  );
  assert.equal(manifests.length, 2);
  const filtered = await ask(
    'GET',
    `${url}/v2/a/referrers/${subject}?artifactType=${encodeURIComponent(MEDIA.ociConfig)}`,
  );
  assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
  assert.deepEqual(
    (jsonOf(filtered) as typeof manifestsOf).manifests.map(({ digest }) => digest),
    [plain.digest],
  );
  await ask('DELETE', manifestAt(url, 'a', sbom.digest));
  const after = jsonOf(await ask('GET', `${url}/v2/a/referrers/${subject}`)) as typeof manifestsOf;
  assert.deepEqual(
    after.manifests.map(({ digest }) => digest),
    [plain.digest],
  );
  assert.deepEqual(
    (jsonOf(await ask('GET', `${url}/v2/never/referrers/${subject}`)) as typeof manifestsOf).manifests,
    [],
  );
  assert.equal((await ask('GET', `${url}/v2/a/referrers/sha256:x`)).status, 400);
});

declare const manifestsOf: { manifests: { digest: string }[] };
