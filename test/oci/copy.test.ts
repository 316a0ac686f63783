import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { AirgapEvent, Progress } from '../../src/events.js';
import { copyImages } from '../../src/oci/copy.js';
import type { CopyImage, CopyReport } from '../../src/oci/copy-types.js';
import type { Descriptor, ImageSource, ManifestBytes } from '../../src/oci/types.js';
import { type Pair, pairOf } from './support/client.js';
import { drain, fail, send } from './support/fake-registry.js';
import { refuse, reply } from './support/faults.js';
import { describeBlob, type MadeImage, makeImage, makeIndex, openerOf } from './support/images.js';

const base = randomBytes(900_000);
const middle = randomBytes(300_000);

/** Images in memory as a source; `broken` digests come with a flipped byte. */
class Store implements ImageSource {
  readonly opened: string[] = [];
  readonly broken = new Set<string>();
  private readonly manifests = new Map<string, ManifestBytes>();
  private readonly blobs = new Map<string, Buffer>();

  add(name: string, image: Pick<MadeImage, 'manifest' | 'blobs'>): void {
    this.manifests.set(name, image.manifest);
    this.manifests.set(image.manifest.descriptor.digest, image.manifest);
    for (const [digest, bytes] of image.blobs) this.blobs.set(digest, bytes);
  }

  async manifest(_repository: string, name: string): Promise<ManifestBytes> {
    const found = this.manifests.get(name);
    assert.ok(found, name);
    return found;
  }

  async blob(
    _repository: string,
    descriptor: Descriptor,
    options: { offset?: number } = {},
  ): Promise<Readable> {
    this.opened.push(descriptor.digest);
    const bytes = this.blobs.get(descriptor.digest) as Buffer;
    if (!this.broken.has(descriptor.digest)) return openerOf(bytes, 100_000)(options.offset ?? 0);
    const { checkedStream } = await import('../../src/io/checked.js');
    const wrong = Buffer.from(bytes);
    wrong[0] = (wrong[0] ?? 0) ^ 1;
    const what = `blob ${descriptor.digest} of the store`;
    return openerOf(wrong)(0).pipe(
      checkedStream({ sha256: descriptor.digest.slice(7), size: bytes.length, what }),
    );
  }
}

const four: readonly MadeImage[] = [
  makeImage([base, middle, 40_000], 'a'),
  makeImage([base, middle, 50_000], 'b'),
  makeImage([base, 60_000], 'c'),
  makeImage([70_000], 'd'),
];

function storeOf(images: readonly MadeImage[] = four): Store {
  const store = new Store();
  for (const [index, image] of images.entries()) store.add(`i${index}`, image);
  return store;
}

const asked = (count = four.length): CopyImage[] =>
  Array.from({ length: count }, (_, index) => ({
    source: { repository: '', tagOrDigest: `i${index}` },
    target: { repository: `p/i${index}`, tag: 'v1' },
  }));

function copy(
  pair: Pair,
  store: Store,
  extra: Partial<Parameters<typeof copyImages>[1]> = {},
): Promise<CopyReport> {
  return copyImages(asked(), { from: store, to: pair.client, ...extra });
}

const uniqueBytes = [...new Map(four.flatMap(({ blobs }) => [...blobs])).values()].reduce(
  (sum, bytes) => sum + bytes.length,
  0,
);
const tagPut = (path: string): boolean => path.endsWith('/v1');

test('each unique blob is sent once, mounted elsewhere, and every tag is right', async (t) => {
  const pair = await pairOf(t);
  const events: AirgapEvent[] = [];
  const report = await copy(pair, storeOf(), { emit: (event) => events.push(event) });
  assert.equal(pair.fake.uploaded, uniqueBytes);
  assert.deepEqual(report.sent, { blobs: 10, bytes: uniqueBytes });
  assert.deepEqual(report.mounted, { blobs: 3, bytes: 2 * base.length + middle.length });
  assert.deepEqual(report.skipped, { blobs: 0, bytes: 0 });
  assert.equal(report.manifests, 4);
  for (const [index, image] of four.entries()) {
    assert.deepEqual(pair.fake.manifestsOf(`p/i${index}`).get('v1')?.bytes, image.manifest.bytes);
    for (const digest of image.blobs.keys()) assert.ok(pair.fake.blobsOf(`p/i${index}`).has(digest));
  }
  const progress = events.filter((event): event is Progress => event.type === 'progress');
  progress.reduce((before, { done, total }) => {
    assert.ok(done >= before && done <= total);
    return done;
  }, 0);
  assert.equal(progress.at(-1)?.done, uniqueBytes);
});

test('tags come last: after every blob and every manifest of all images', async (t) => {
  const pair = await pairOf(t);
  await copy(pair, storeOf());
  const puts = pair.fake.seen.filter(({ method }) => method === 'PUT').map(({ path }) => path);
  const firstTag = puts.findIndex(tagPut);
  assert.ok(firstTag > 0);
  assert.ok(puts.slice(firstTag).every(tagPut));
});

test('the largest blob goes first', async (t) => {
  const pair = await pairOf(t);
  const store = storeOf();
  await copy(pair, store, { concurrency: 1 });
  assert.equal(store.opened[0], describeBlob(base).digest);
  assert.equal(store.opened[1], describeBlob(middle).digest);
});

test('a second push sends nothing and looks at one name an image', async (t) => {
  const pair = await pairOf(t);
  await copy(pair, storeOf());
  pair.fake.seen.length = 0;
  const store = storeOf();
  const report = await copy(pair, store);
  assert.ok(report.images.every(({ outcome }) => outcome === 'present'));
  assert.deepEqual(
    pair.fake.seen.map(({ method }) => method),
    ['HEAD', 'HEAD', 'HEAD', 'HEAD'],
  );
  assert.equal(store.opened.length, 0);
});

test('what is there already is skipped', async (t) => {
  const pair = await pairOf(t);
  pair.fake.putBlob('p/i2', base);
  const report = await copy(pair, storeOf());
  assert.deepEqual(report.skipped, { blobs: 1, bytes: base.length });
  assert.equal(pair.fake.uploaded, uniqueBytes - base.length);
  assert.equal(report.mounted.blobs, 3);
});

test('a registry that does not mount gets the bytes once for each repository', async (t) => {
  const pair = await pairOf(t);
  pair.fake.mounts = false;
  const events: AirgapEvent[] = [];
  const report = await copy(pair, storeOf(), { emit: (event) => events.push(event) });
  assert.equal(report.mounted.blobs, 0);
  assert.equal(pair.fake.uploaded, uniqueBytes + 2 * base.length + middle.length);
  const last = events.filter((event): event is Progress => event.type === 'progress').at(-1);
  assert.equal(last?.done, last?.total);
});

test('an index is put after its children, and all digests survive', async (t) => {
  const pair = await pairOf(t);
  const store = new Store();
  const [a, b] = four;
  assert.ok(a && b);
  const index = makeIndex([a.manifest.descriptor, b.manifest.descriptor]);
  store.add('x', a);
  store.add('y', b);
  store.add('i', { manifest: index, blobs: new Map() });
  const image = { source: { repository: '', tagOrDigest: 'i' }, target: { repository: 'multi', tag: 'v1' } };
  const report = await copyImages([image], { from: store, to: pair.client });
  assert.equal(report.manifests, 3);
  assert.equal(report.images[0]?.digest, index.descriptor.digest);
  assert.deepEqual(pair.fake.manifestsOf('multi').get('v1')?.bytes, index.bytes);
});

test('an image without a tag is put by digest', async (t) => {
  const pair = await pairOf(t);
  const [image] = four;
  const { digest } = image!.manifest.descriptor;
  const task = { source: { repository: '', tagOrDigest: 'i0' }, target: { repository: 'q' } };
  const report = await copyImages([task], { from: storeOf(), to: pair.client });
  assert.equal(report.images[0]?.outcome, 'copied');
  assert.deepEqual([...pair.fake.manifestsOf('q').keys()], [digest]);
});

test('threat 41: bad blobs are listed all at once; their images get no tag, the others do', async (t) => {
  const pair = await pairOf(t);
  const store = storeOf();
  const bad = [four[0]!.layers[2]!.digest, four[2]!.layers[1]!.digest];
  for (const digest of bad) store.broken.add(digest);
  await assert.rejects(copy(pair, store), (error) => {
    assert.ok(isAirgapError(error, 'BLOB_MISMATCH') && error.exitStatus === 4);
    assert.equal(error.faults.length, 2);
    for (const digest of bad) assert.match(JSON.stringify(error.faults), new RegExp(digest));
    return true;
  });
  const tagged = [0, 1, 2, 3].filter((index) => pair.fake.manifestsOf(`p/i${index}`).has('v1'));
  assert.deepEqual(tagged, [1, 3]);
  assert.ok(!pair.fake.manifestsOf('p/i0').size && !pair.fake.manifestsOf('p/i2').size);
});

test('threat 49: a tag that stood for something else is replaced and the old digest reported', async (t) => {
  const pair = await pairOf(t);
  const old = pair.fake.putManifest(
    'p/i1',
    'v1',
    makeImage([5]).manifest.bytes,
    'application/vnd.oci.image.manifest.v1+json',
  );
  const report = await copy(pair, storeOf());
  assert.deepEqual(
    report.images.map(({ replaced }) => replaced),
    [undefined, old, undefined, undefined],
  );
});

test('threat 49: tags that must not change stop the push before anything is sent', async (t) => {
  const pair = await pairOf(t);
  pair.fake.putManifest(
    'p/i1',
    'v1',
    makeImage([5]).manifest.bytes,
    'application/vnd.oci.image.manifest.v1+json',
  );
  await assert.rejects(copy(pair, storeOf(), { existingTags: 'refuse' }), (error) => {
    assert.ok(isAirgapError(error, 'DECISION_NEEDED') && error.exitStatus === 11);
    assert.match(JSON.stringify(error.faults), /p\/i1:v1/);
    return true;
  });
  assert.equal(pair.fake.count('POST') + pair.fake.count('PUT'), 0);
});

test('threat 67: a tag that reads back as something else is an error', async (t) => {
  const pair = await pairOf(t);
  const other = `sha256:${'0'.repeat(64)}`;
  pair.fake.on('HEAD', /i3\/manifests\/v1/, reply(404));
  pair.fake.on('HEAD', /i3\/manifests\/v1/, reply(200, { 'docker-content-digest': other }));
  await assert.rejects(
    copy(pair, storeOf()),
    (error) => isAirgapError(error, 'REGISTRY_CONTENT') && error.found === other,
  );
});

test('threat 67: a blob that is not there after it was sent is an error', async (t) => {
  const pair = await pairOf(t);
  pair.fake.on(
    'PUT',
    /i3\/blobs\/uploads/,
    async (exchange) => {
      await drain(exchange);
      send(exchange, 201);
      return true;
    },
    { times: 9 },
  );
  await assert.rejects(copy(pair, storeOf()), (error) => isAirgapError(error, 'REGISTRY_CONTENT'));
  assert.ok(!pair.fake.seen.some(({ method, path }) => method === 'PUT' && tagPut(path)));
});

test('threat 67: paranoid reads every byte back and finds a storage that rots', async (t) => {
  const pair = await pairOf(t);
  const layer = four[3]!.layers[0]!;
  pair.fake.on('GET', new RegExp(layer.digest), reply(200, {}, Buffer.alloc(layer.size)), { times: 9 });
  await copy(pair, storeOf());
  pair.fake.manifestsOf('p/i3').clear();
  await assert.rejects(copy(pair, storeOf(), { paranoid: pair.client }), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
});

test('threat 68: blobs that HEAD claimed and the manifest misses are sent once more', async (t) => {
  const pair = await pairOf(t);
  const lied = four[3]!.layers[0]!;
  pair.fake.on(
    'HEAD',
    new RegExp(`i3/blobs/${lied.digest}`),
    reply(200, { 'content-length': String(lied.size) }),
  );
  const report = await copy(pair, storeOf());
  assert.equal(report.images.length, 4);
  assert.ok(pair.fake.blobsOf('p/i3').has(lied.digest));
  assert.ok(pair.fake.manifestsOf('p/i3').has('v1'));
});

test('threat 68: a HEAD with another size is not believed', async (t) => {
  const pair = await pairOf(t);
  const odd = four[3]!.layers[0]!;
  pair.fake.on('HEAD', new RegExp(`i3/blobs/${odd.digest}`), reply(200, { 'content-length': '5' }));
  await copy(pair, storeOf());
  assert.ok(pair.fake.blobsOf('p/i3').has(odd.digest));
});

test('threat 69: a blob that is collected between HEAD and manifest is sent again', async (t) => {
  const pair = await pairOf(t);
  pair.fake.on('PUT', /i2\/manifests\//, (exchange) => {
    exchange.registry.blobsOf('p/i2').delete(describeBlob(base).digest);
    return false;
  });
  await copy(pair, storeOf());
  assert.ok(pair.fake.blobsOf('p/i2').has(describeBlob(base).digest));
  assert.ok(pair.fake.manifestsOf('p/i2').has('v1'));
});

test('threat 69: a registry that keeps losing it is given up', async (t) => {
  const pair = await pairOf(t);
  pair.fake.on(
    'PUT',
    /i2\/manifests\//,
    async (exchange) => {
      await drain(exchange);
      fail(exchange, 400, 'MANIFEST_BLOB_UNKNOWN');
      return true;
    },
    { times: 99 },
  );
  await assert.rejects(copy(pair, storeOf()), (error) => isAirgapError(error) && error.exitStatus === 5);
  assert.equal(pair.fake.count('PUT', /i2\/manifests/), 2);
});

test('threat 58: a repository that is denied ends the copy early', async (t) => {
  const pair = await pairOf(t);
  pair.fake.on('POST', /i3\/blobs\/uploads/, refuse(403, 'DENIED'), { times: 99 });
  await assert.rejects(copy(pair, storeOf()), (error) => isAirgapError(error, 'REGISTRY_DENIED'));
  assert.ok(!pair.fake.seen.some(({ method, path }) => method === 'PUT' && tagPut(path)));
});

test('threat 61: 429 from a busy registry is survived by all', async (t) => {
  const pair = await pairOf(t);
  for (const method of ['POST', 'PUT', 'HEAD'])
    pair.fake.on(method, /./, reply(429, { 'retry-after': '0' }), { times: 4, skip: 2 });
  assert.equal((await copy(pair, storeOf())).images.length, 4);
});

test('an abort stops a copy at once, and the next one goes on', async (t) => {
  const pair = await pairOf(t);
  const stop = new AbortController();
  const store = storeOf();
  pair.fake.on(
    'PUT',
    /uploads/,
    () => {
      stop.abort(new Error('stopped by the test'));
      return false;
    },
    { skip: 4 },
  );
  await assert.rejects(copy(pair, store, { signal: stop.signal, concurrency: 1 }), /stopped by the test/);
  const before = pair.fake.uploaded;
  const report = await copy(pair, storeOf());
  assert.ok(before > 0 && report.skipped.blobs > 0);
  assert.ok(pair.fake.uploaded <= uniqueBytes + base.length);
});
