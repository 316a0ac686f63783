import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../../../src/oci/reference.js';
import { MEDIA, type Platform } from '../../../src/oci/types.js';
import { type ResolveOptions, resolveImage } from '../../../src/pack/resolve/image.js';
import { failure } from '../support/failure.js';
import { type MemorySource, memorySource, putImage, putIndex } from '../support/images.js';

const on = (os: string, architecture: string, variant?: string): { platform: Platform } => ({
  platform: { os, architecture, ...(variant ? { variant } : {}) },
});

function resolve(source: MemorySource, ref = 'a.io/x:1', options: Partial<ResolveOptions> = {}) {
  const reference = parseReference(ref);
  const wanted = { source: ref, ref: reference, target: 'x:1', reasons: [], places: [], listed: true };
  const name = reference.digest ?? reference.tag ?? '';
  return resolveImage(
    wanted,
    { source, repository: 'x', name, what: ref },
    { platforms: ['linux/amd64'], ...options },
  );
}

/** An index of three platforms and an attestation. */
function multi(source: MemorySource) {
  const amd = { ...putImage(source, {}), ...on('linux', 'amd64') };
  const arm = {
    ...putImage(source, { architecture: 'arm64', variant: 'v8' }),
    ...on('linux', 'arm64', 'v8'),
  };
  const win = { ...putImage(source, { os: 'windows' }), ...on('windows', 'amd64') };
  const attestation = {
    ...putImage(source, { os: 'unknown', architecture: 'unknown' }),
    ...on('unknown', 'unknown'),
    extra: { annotations: { 'vnd.docker.reference.digest': amd.digest } },
  };
  const index = putIndex(source, [amd, arm, win, attestation], ['1']);
  return { amd, arm, win, attestation, index };
}

for (const docker of [false, true]) {
  test(`a single image of the ${docker ? 'Docker' : 'OCI'} kind is carried as it is, its platform read from its config`, async () => {
    const source = memorySource();
    const root = putImage(source, { docker }, ['1']);
    const image = await resolve(source);
    assert.deepEqual(image.root, root);
    assert.deepEqual(image.platforms, ['linux/amd64']);
    assert.equal(image.contents.length, 3);
    assert.equal(source.asked.blobs.length, 1);
    assert.deepEqual(source.asked.manifests, ['1']);
  });
}

test('one platform of an index: the manifest below it, under its own digest', async () => {
  const source = memorySource();
  const { amd, index } = multi(source);
  const image = await resolve(source);
  assert.equal(image.root.digest, amd.digest);
  assert.equal(image.upstream, index.digest);
  assert.equal(image.filteredFrom, undefined);
  assert.deepEqual(image.platforms, ['linux/amd64']);
  assert.equal(image.contents.length, 3);
});

test('several but not all platforms: a new index that keeps its entries, the old digest is told', async () => {
  const source = memorySource();
  const { amd, arm, index } = multi(source);
  const image = await resolve(source, 'a.io/x:1', { platforms: ['linux/arm64', 'linux/amd64'] });
  assert.equal(image.filteredFrom, index.digest);
  assert.notEqual(image.root.digest, index.digest);
  const bytes = image.contents.find(({ descriptor }) => descriptor.digest === image.root.digest)?.bytes;
  const made = JSON.parse(String(bytes)) as { manifests: { digest: string }[]; annotations: object };
  assert.deepEqual(
    made.manifests.map(({ digest }) => digest),
    [amd.digest, arm.digest],
  );
  assert.deepEqual(made.annotations, { made: 'by a test' });
  assert.deepEqual(image.platforms, ['linux/amd64', 'linux/arm64/v8']);
});

test('threat 46: all platforms: the index stays whole, attestations travel with it', async () => {
  const source = memorySource();
  const { index, attestation } = multi(source);
  const image = await resolve(source, 'a.io/x:1', {
    platforms: ['linux/amd64', 'linux/arm64', 'windows/amd64'],
  });
  assert.equal(image.root.digest, index.digest);
  assert.ok(image.contents.some(({ descriptor }) => descriptor.digest === attestation.digest));
  assert.deepEqual(image.platforms, ['linux/amd64', 'linux/arm64/v8', 'windows/amd64']);
});

test('an index named by its digest stays whole, or the pods would not find it', async () => {
  const source = memorySource();
  const { index } = multi(source);
  const image = await resolve(source, `a.io/x@${index.digest}`);
  assert.equal(image.root.digest, index.digest);
});

test('a platform that is not there is told with those that are', async () => {
  const source = memorySource();
  multi(source);
  const { error, text } = await failure('PLATFORM_MISSING', () =>
    resolve(source, 'a.io/x:1', { platforms: ['linux/s390x'] }),
  );
  assert.match(text, /linux\/amd64, linux\/arm64\/v8, windows\/amd64/);
  assert.equal(error.exitStatus, 3);
  const single = memorySource();
  putImage(single, { architecture: 'arm64' }, ['1']);
  await failure('PLATFORM_MISSING', () => resolve(single));
});

test('an artifact without an image config has no platform and is carried', async () => {
  const source = memorySource();
  const config = source.put({}, 'application/vnd.cncf.helm.config.v1+json');
  source.put({ schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: [] }, MEDIA.ociManifest, [
    '1',
  ]);
  const image = await resolve(source);
  assert.deepEqual(image.platforms, []);
  assert.equal(source.asked.blobs.length, 0);
});

test('what the lock knows needs no look into the config', async () => {
  const source = memorySource();
  const root = putImage(source, {}, ['1']);
  const image = await resolve(source, 'a.io/x:1', {
    known: { digest: root.digest, platforms: ['linux/amd64'] },
  });
  assert.deepEqual(image.platforms, ['linux/amd64']);
  assert.equal(source.asked.blobs.length, 0);
});

test('threat 79: with a digest of the lock the tag is not asked for', async () => {
  const source = memorySource();
  const old = putImage(source, { layers: [Buffer.from('old')] });
  putImage(source, { layers: [Buffer.from('moved')] }, ['1']);
  const image = await resolve(source, 'a.io/x:1', { digest: old.digest });
  assert.equal(image.root.digest, old.digest);
  assert.deepEqual(source.asked.manifests, [old.digest]);
});

test('bytes from elsewhere must be the image that the reference names', async () => {
  const source = memorySource();
  putImage(source, {}, [`sha256:${'d'.repeat(64)}`]);
  const { error } = await failure('BLOB_MISMATCH', () => resolve(source, `a.io/x@sha256:${'d'.repeat(64)}`));
  assert.equal(error.exitStatus, 4);
});

test('threat 44: an index in an index in an index ends somewhere', async () => {
  const source = memorySource();
  let child = { ...putImage(source, {}), ...on('linux', 'amd64') };
  for (let i = 0; i < 8; i++) child = { ...putIndex(source, [child]), ...on('linux', 'amd64') };
  putIndex(source, [child], ['1']);
  await failure('IMAGE_INVALID', () => resolve(source));
});

for (const [name, manifest, mediaType, code] of [
  ['schema 1', { schemaVersion: 1, fsLayers: [] }, MEDIA.dockerSchema1, 'IMAGE_UNSUPPORTED'],
  [
    'an index and an image at once',
    { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [], layers: [] },
    MEDIA.ociIndex,
    'IMAGE_INVALID',
  ],
] as const) {
  test(`threats 43, 46: refused at pack time: ${name}`, async () => {
    const source = memorySource();
    source.put(manifest, mediaType, ['1']);
    const { error } = await failure(code, () => resolve(source));
    assert.equal(error.exitStatus, 3);
  });
}

test('threat 45: a layer that lies elsewhere is refused, not fetched from there', async () => {
  const source = memorySource();
  const config = source.put({ os: 'linux', architecture: 'amd64' }, MEDIA.ociConfig);
  const layer = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: `sha256:${'e'.repeat(64)}`,
    size: 5,
    urls: ['https://elsewhere.example.com/layer'],
  };
  source.put({ schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: [layer] }, MEDIA.ociManifest, [
    '1',
  ]);
  const { text } = await failure('IMAGE_UNSUPPORTED', () => resolve(source));
  assert.match(text, /elsewhere\.example\.com/);
});
