import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { digestOf } from '../../src/oci/digest.js';
import { openDockerArchive } from '../../src/oci/docker-archive.js';
import { openLayout } from '../../src/oci/layout.js';
import { parseManifest } from '../../src/oci/parse.js';
import { createRegistry } from '../../src/oci/registry.js';
import type { Descriptor, ImageSource } from '../../src/oci/types.js';
import { walkImage } from '../../src/oci/walk.js';
import { FakeRegistry } from './support/fake-registry.js';
import { collect, makeImage } from './support/images.js';
import { contentsOf, tarOf, tempFolder, writeClassic, writeLayout } from './support/local.js';

const layers = [randomBytes(2_500_000), randomBytes(100), Buffer.alloc(0)];
const image = makeImage(layers);
const absent: Descriptor = { mediaType: 'x', digest: digestOf(Buffer.from('absent')), size: 6 };

interface Medium {
  readonly source: ImageSource;
  readonly repository: string;
  readonly name: string;
}

/** Every medium that images come from must behave alike. */
const MEDIA: Readonly<Record<string, (t: TestContext) => Promise<Medium>>> = {
  registry: async (t) => {
    const fake = await FakeRegistry.start();
    for (const bytes of image.blobs.values()) fake.putBlob('a/b', bytes);
    fake.putManifest('a/b', 'v1', image.manifest.bytes, image.manifest.descriptor.mediaType);
    const source = createRegistry(fake.host, { env: {}, plainHttp: true, retryDelay: 5 });
    t.after(async () => {
      await source.close();
      await fake.close();
    });
    return { source, repository: 'a/b', name: 'v1' };
  },
  'layout folder': async (t) => {
    const folder = tempFolder(t);
    writeLayout(folder, [{ descriptor: image.manifest.descriptor, name: 'v1' }], contentsOf(image));
    return { source: await openLayout(folder), repository: '', name: 'v1' };
  },
  'layout tar': async (t) => {
    const folder = tempFolder(t);
    writeLayout(
      join(folder, 'l'),
      [{ descriptor: image.manifest.descriptor, name: 'v1' }],
      contentsOf(image),
    );
    const source = await openLayout(tarOf(join(folder, 'l'), join(folder, 'l.tar')));
    t.after(() => source.close());
    return { source, repository: '', name: 'v1' };
  },
  'docker-archive': async (t) => {
    const folder = tempFolder(t);
    writeClassic(join(folder, 'd'), [{ tags: ['a/b:v1'], layers }]);
    const source = await openDockerArchive(tarOf(join(folder, 'd'), join(folder, 'd.tar')));
    t.after(() => source.close());
    return { source, repository: 'a/b', name: 'v1' };
  },
};

for (const [medium, open] of Object.entries(MEDIA)) {
  test(`${medium}: a name gives a manifest whose bytes have its digest`, async (t) => {
    const { source, repository, name } = await open(t);
    const found = await source.manifest(repository, name);
    assert.equal(found.descriptor.digest, digestOf(found.bytes));
    assert.equal(found.descriptor.size, found.bytes.length);
    assert.equal(parseManifest(found.bytes, found.descriptor.mediaType).kind, 'image');
    assert.deepEqual((await source.manifest(repository, found.descriptor.digest)).bytes, found.bytes);
  });

  test(`${medium}: every blob of the walk has its bytes, from any offset`, async (t) => {
    const { source, repository, name } = await open(t);
    const tree = await walkImage(source, repository, name);
    assert.equal(tree.blobs.length, 4);
    for (const descriptor of tree.blobs) {
      const bytes = await collect(await source.blob(repository, descriptor));
      assert.equal(digestOf(bytes), descriptor.digest);
      const offset = Math.floor(descriptor.size / 3);
      assert.deepEqual(
        await collect(await source.blob(repository, descriptor, { offset })),
        bytes.subarray(offset),
      );
    }
  });

  test(`${medium}: an offset at the end gives nothing`, async (t) => {
    const { source, repository, name } = await open(t);
    const { blobs } = await walkImage(source, repository, name);
    const [descriptor] = blobs;
    assert.ok(descriptor);
    assert.equal(
      (await collect(await source.blob(repository, descriptor, { offset: descriptor.size }))).length,
      0,
    );
  });

  test(`${medium}: a name or digest that is not there is REGISTRY_NOT_FOUND`, async (t) => {
    const { source, repository } = await open(t);
    for (const name of ['v9', absent.digest]) {
      await assert.rejects(source.manifest(repository, name), (error) =>
        isAirgapError(error, 'REGISTRY_NOT_FOUND'),
      );
    }
  });

  test(`${medium}: a blob that is not there is an error of ours`, async (t) => {
    const { source, repository } = await open(t);
    const read = async (): Promise<Buffer> => collect(await source.blob(repository, absent));
    await assert.rejects(read(), (error) => isAirgapError(error));
  });

  test(`${medium}: a stream that is given up does no harm to the next`, async (t) => {
    const { source, repository, name } = await open(t);
    const { blobs } = await walkImage(source, repository, name);
    const large = blobs.find(({ size }) => size > 1_000_000);
    assert.ok(large);
    for await (const _chunk of await source.blob(repository, large)) break;
    assert.equal((await collect(await source.blob(repository, large))).length, large.size);
  });

  test(`${medium}: many blobs can be read at a time`, async (t) => {
    const { source, repository, name } = await open(t);
    const { blobs } = await walkImage(source, repository, name);
    const reads = Array.from({ length: 12 }, async (_, index) => {
      const descriptor = blobs[index % blobs.length] as Descriptor;
      return digestOf(await collect(await source.blob(repository, descriptor))) === descriptor.digest;
    });
    assert.ok((await Promise.all(reads)).every(Boolean));
  });
}
