import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isAirgapError } from '../../src/errors.js';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { openDockerArchive } from '../../src/oci/docker-archive.js';
import { openLayout } from '../../src/oci/layout.js';
import { parseManifest } from '../../src/oci/parse.js';
import { collect, makeImage } from './support/images.js';
import { contentsOf, save, tarOf, tempFolder, writeClassic, writeLayout } from './support/local.js';

const layers = [randomBytes(3000), randomBytes(500)];

test('the classic form gives a manifest that is always the same', async (t) => {
  const folder = tempFolder(t);
  const [made] = writeClassic(join(folder, 'd'), [{ tags: ['busybox:1.36', 'localhost/b:x'], layers }]);
  const archive = await openDockerArchive(tarOf(join(folder, 'd'), join(folder, 'd.tar')));
  assert.deepEqual(
    archive.names().map(({ name }) => name),
    ['busybox:1.36', 'localhost/b:x'],
  );
  const manifest = await archive.manifest('', 'busybox:1.36');
  assert.equal(manifest.descriptor.digest, digestOf(manifest.bytes));
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  assert.ok(parsed.kind === 'image');
  assert.equal(parsed.config.digest, made?.config);
  assert.deepEqual(
    parsed.layers.map(({ digest }) => digest),
    made?.layers,
  );
  assert.deepEqual(await collect(await archive.blob('', parsed.layers[0]!)), layers[0]);
  assert.deepEqual(
    await collect(await archive.blob('', parsed.layers[0]!, { offset: 100 })),
    layers[0]!.subarray(100),
  );
  const again = await openDockerArchive(join(folder, 'd'));
  assert.deepEqual((await again.manifest('', 'docker.io/library/busybox:1.36')).bytes, manifest.bytes);
  await archive.close();
});

test('several images share layers, and one without a name is found when it is alone', async (t) => {
  const folder = tempFolder(t);
  writeClassic(folder, [
    { tags: ['a:1'], layers },
    { tags: ['b:1'], layers: [layers[0]!] },
  ]);
  const archive = await openDockerArchive(folder);
  assert.notEqual(
    (await archive.manifest('', 'a:1')).descriptor.digest,
    (await archive.manifest('b', '1')).descriptor.digest,
  );
  const nameless = tempFolder(t);
  writeClassic(nameless, [{ tags: null, layers }]);
  assert.ok(await (await openDockerArchive(nameless)).manifest('', ''));
});

test('layers that docker wrote as links are found', async (t) => {
  const folder = tempFolder(t);
  writeClassic(join(folder, 'd'), [{ tags: ['a:1'], layers }]);
  const hex = hexOf(digestOf(layers[0]!));
  renameSync(join(folder, 'd', hex), join(folder, 'd', 'first'));
  mkdirSync(join(folder, 'd', hex));
  symlinkSync('../first/layer.tar', join(folder, 'd', hex, 'layer.tar'));
  const archive = await openDockerArchive(tarOf(join(folder, 'd'), join(folder, 'd.tar')));
  const { bytes } = await archive.manifest('', 'a:1');
  const parsed = parseManifest(bytes);
  assert.ok(parsed.kind === 'image');
  assert.deepEqual(await collect(await archive.blob('', parsed.layers[0]!)), layers[0]);
});

test('compressed layers, as some builders write them, keep their bytes', async (t) => {
  const folder = tempFolder(t);
  writeClassic(folder, [{ tags: ['a:1'], layers }]);
  const packed = gzipSync(layers[0]!);
  save(folder, `${hexOf(digestOf(layers[0]!))}/layer.tar`, packed);
  const archive = await openDockerArchive(folder);
  const parsed = parseManifest((await archive.manifest('', 'a:1')).bytes);
  assert.ok(parsed.kind === 'image');
  assert.deepEqual(
    parsed.layers.map(({ mediaType }) => mediaType.split('.').at(-1)),
    ['tar+gzip', 'tar'],
  );
  assert.equal(parsed.layers[0]?.digest, digestOf(packed));
  assert.deepEqual(await collect(await archive.blob('', parsed.layers[0]!)), packed);
});

test('threat 41: a layer that is not what the config says is an integrity fault', async (t) => {
  const folder = tempFolder(t);
  writeClassic(folder, [{ tags: ['a:1'], layers }]);
  save(folder, `${hexOf(digestOf(layers[0]!))}/layer.tar`, randomBytes(3000));
  const archive = await openDockerArchive(folder);
  const parsed = parseManifest((await archive.manifest('', 'a:1')).bytes);
  assert.ok(parsed.kind === 'image');
  const read = async (): Promise<Buffer> => collect(await archive.blob('', parsed.layers[0]!));
  await assert.rejects(read(), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
});

test('the newer form, a layout with manifest.json, keeps the layout’s manifests', async (t) => {
  const folder = tempFolder(t);
  const image = makeImage(layers);
  writeLayout(join(folder, 'd'), [{ descriptor: image.manifest.descriptor, name: '1' }], contentsOf(image));
  const blob = (digest: `sha256:${string}`): string => `blobs/sha256/${hexOf(digest)}`;
  save(folder, 'd/manifest.json', [
    {
      Config: blob(image.config.digest),
      RepoTags: ['busybox:1'],
      Layers: image.layers.map(({ digest }) => blob(digest)),
    },
  ]);
  const file = tarOf(join(folder, 'd'), join(folder, 'd.tar'));
  const archive = await openDockerArchive(file);
  assert.deepEqual((await archive.manifest('', 'busybox:1')).bytes, image.manifest.bytes);
  assert.deepEqual((await archive.manifest('', '1')).bytes, image.manifest.bytes);
  assert.deepEqual(await collect(await archive.blob('', image.layers[0]!)), layers[0]);
  await archive.close();
  const layout = await openLayout(file);
  assert.equal((await layout.manifest('', '1')).descriptor.digest, image.manifest.descriptor.digest);
  await layout.close();
});

const BAD: readonly (readonly [string, unknown, RegExp])[] = [
  ['no list', {}, /not well formed/],
  ['an empty list', [], /not well formed/],
  ['an image without layers', [{ Config: 'c.json' }], /not well formed/],
  ['a config that is not there', [{ Config: 'nope.json', Layers: [] }], /lacks the file nope\.json/],
  ['a layer that is not there', [{ Config: 'c.json', Layers: ['nope'] }], /lacks the layer nope/],
  ['more layers than diff ids', [{ Config: 'c.json', Layers: ['c.json', 'c.json'] }], /does not fit/],
  ['a config outside', [{ Config: '/etc/hostname', Layers: [] }], /lacks the file/],
];

for (const [name, list, pattern] of BAD) {
  test(`an archive with ${name} is refused`, async (t) => {
    const folder = tempFolder(t);
    save(folder, 'd/manifest.json', list as object);
    save(folder, 'd/c.json', { rootfs: { diff_ids: [digestOf(Buffer.alloc(0))] } });
    const file = tarOf(join(folder, 'd'), join(folder, 'd.tar'));
    await assert.rejects(
      openDockerArchive(file),
      (error) => isAirgapError(error, 'IMAGE_INVALID') && pattern.test(error.message),
    );
  });
}

test('a compressed archive is refused with the command that undoes it', async (t) => {
  const folder = tempFolder(t);
  writeClassic(join(folder, 'd'), [{ tags: ['a:1'], layers }]);
  execFileSync('tar', ['-C', join(folder, 'd'), '-czf', join(folder, 'd.tgz'), '.']);
  await assert.rejects(
    openDockerArchive(join(folder, 'd.tgz')),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && /gunzip/.test(error.hint),
  );
});
