import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { hexOf } from '../../src/oci/digest.js';
import { openLayout } from '../../src/oci/layout.js';
import { collect, makeImage, makeIndex } from './support/images.js';
import { contentsOf, save, tarOf, tempFolder, writeLayout } from './support/local.js';

const one = makeImage([1000, 2000], 'one');
const two = makeImage([10], 'two');
const index = makeIndex([
  { ...one.manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
  { ...two.manifest.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
]);
const contents = [...contentsOf(one), ...contentsOf(two), index.bytes];

test('names are those of the index, and an image without one is found by digest', async (t) => {
  const folder = tempFolder(t);
  const listed = [
    { descriptor: index.descriptor, name: 'svc' },
    { descriptor: one.manifest.descriptor, name: 'registry.example.com/a/b:1' },
    { descriptor: two.manifest.descriptor },
  ];
  writeLayout(folder, listed, contents);
  const layout = await openLayout(folder);
  assert.deepEqual(
    layout.names().map(({ name }) => name),
    ['svc', 'registry.example.com/a/b:1', ''],
  );
  assert.equal((await layout.manifest('', 'svc')).descriptor.digest, index.descriptor.digest);
  assert.equal(
    (await layout.manifest('registry.example.com/a/b', '1')).descriptor.digest,
    one.manifest.descriptor.digest,
  );
  const child = await layout.manifest('any', one.manifest.descriptor.digest);
  assert.deepEqual(child.bytes, one.manifest.bytes);
  await assert.rejects(layout.manifest('', 'nope'), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_NOT_FOUND'));
    assert.match(error.found ?? '', /svc, registry\.example\.com\/a\/b:1/);
    return true;
  });
  await assert.rejects(layout.manifest('', ''), (error) => isAirgapError(error, 'REGISTRY_NOT_FOUND'));
  await layout.close();
});

test('an empty name means the only image', async (t) => {
  const folder = tempFolder(t);
  writeLayout(folder, [{ descriptor: one.manifest.descriptor, name: 'x' }], contents);
  const layout = await openLayout(folder);
  assert.equal((await layout.manifest('', '')).descriptor.digest, one.manifest.descriptor.digest);
});

test('containerd’s and skopeo’s spellings of a name are both found', async (t) => {
  const folder = tempFolder(t);
  writeLayout(folder, [], contents);
  const annotations = {
    'io.containerd.image.name': 'docker.io/library/x:1',
    'org.opencontainers.image.ref.name': '1',
  };
  save(folder, 'index.json', { schemaVersion: 2, manifests: [{ ...one.manifest.descriptor, annotations }] });
  const layout = await openLayout(folder);
  for (const name of ['docker.io/library/x:1', '1', 'x:1', 'docker.io/x:1']) {
    assert.equal((await layout.manifest('', name)).descriptor.digest, one.manifest.descriptor.digest, name);
  }
});

for (const form of ['folder', 'tar'] as const) {
  test(`threat 41: a blob of a ${form} that is missing, short or changed is an integrity fault`, async (t) => {
    const folder = tempFolder(t);
    const [first, second] = one.layers;
    assert.ok(first && second);
    writeLayout(join(folder, 'l'), [{ descriptor: one.manifest.descriptor, name: 'x' }], contents);
    const file = (digest: `sha256:${string}`): string => join(folder, 'l/blobs/sha256', hexOf(digest));
    truncateSync(file(first.digest), 999);
    save(folder, `l/blobs/sha256/${hexOf(second.digest)}`, Buffer.alloc(second.size));
    rmSync(file(one.config.digest));
    const layout = await openLayout(
      form === 'folder' ? join(folder, 'l') : tarOf(join(folder, 'l'), join(folder, 'l.tar')),
    );
    for (const descriptor of [first, second, one.config]) {
      const read = async (): Promise<Buffer> => collect(await layout.blob('', descriptor));
      await assert.rejects(
        read(),
        (error) => isAirgapError(error, 'BLOB_MISMATCH') && error.exitStatus === 4,
      );
    }
    await layout.close();
  });
}

test('threat 41: a manifest that is not what the index says', async (t) => {
  const folder = tempFolder(t);
  writeLayout(folder, [{ descriptor: one.manifest.descriptor, name: 'x' }], contents);
  save(folder, `blobs/sha256/${hexOf(one.manifest.descriptor.digest)}`, two.manifest.bytes);
  const layout = await openLayout(folder);
  await assert.rejects(layout.manifest('', 'x'), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
});

test('threat 48: a name with path or shell text is only a name', async (t) => {
  const folder = tempFolder(t);
  const name = '../../etc/passwd; $(reboot)';
  writeLayout(folder, [{ descriptor: one.manifest.descriptor, name }], contents);
  const layout = await openLayout(folder);
  assert.equal(layout.names()[0]?.name, name);
  assert.equal((await layout.manifest('', name)).descriptor.digest, one.manifest.descriptor.digest);
});

test('what is no layout is said to be none', async (t) => {
  const folder = tempFolder(t);
  await assert.rejects(openLayout(join(folder, 'absent')), (error) => isAirgapError(error, 'FILE_NOT_FOUND'));
  await assert.rejects(
    openLayout(folder),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && /index\.json/.test(error.message),
  );
  save(folder, 'oci-layout', '{"imageLayoutVersion":"2.0.0"}');
  await assert.rejects(
    openLayout(folder),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && error.found === '2.0.0',
  );
  save(folder, 'oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  save(folder, 'index.json', one.manifest.bytes);
  await assert.rejects(
    openLayout(folder),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && /not an index/.test(error.message),
  );
});

for (const [flag, undo] of [
  ['-z', 'gunzip'],
  ['-j', 'bunzip2'],
  ['-J', 'xz -d'],
] as const) {
  test(`a tar compressed with ${flag} is refused with the command that undoes it`, async (t) => {
    const folder = tempFolder(t);
    writeLayout(join(folder, 'l'), [{ descriptor: one.manifest.descriptor }], contents);
    const file = join(folder, 'l.tar.z');
    execFileSync('tar', ['-C', join(folder, 'l'), flag, '-cf', file, '.']);
    await assert.rejects(
      openLayout(file),
      (error) => isAirgapError(error, 'IMAGE_INVALID') && error.hint.includes(`${undo} ${file}`),
    );
  });
}
