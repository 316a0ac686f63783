import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { baseOf } from '../../src/bundle/delta.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import { openBundle, openBundleSource } from '../../src/bundle/open.js';
import { memorySource } from '../../src/bundle/source.js';
import { verifyBundle } from '../../src/bundle/verify.js';
import { isAirgapError } from '../../src/errors.js';
import { digestOf } from '../../src/oci/digest.js';
import { parseManifest } from '../../src/oci/parse.js';
import type { ImageSource } from '../../src/oci/types.js';
import { assemble, noise, packSample, sample } from './helpers.js';

test('entries are read and streamed as they were packed, whole and in ranges', async (t) => {
  const { path, layout } = await packSample(t);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  for (const [name, bytes] of sample().contents) {
    assert.deepEqual(await bundle.read(name), bytes);
    assert.deepEqual(await buffer(bundle.stream(name)), bytes);
    assert.deepEqual(await buffer(bundle.stream(name, { offset: 3, length: 10 })), bytes.subarray(3, 13));
    assert.deepEqual(await buffer(bundle.stream(name, { offset: bytes.length - 1 })), bytes.subarray(-1));
    assert.deepEqual(await buffer(bundle.stream(name, { offset: bytes.length })), Buffer.alloc(0));
  }
  assert.equal(await bundle.read('airgap.json'), bundle.manifestBytes);
  assert.deepEqual(await bundle.read('SHA256SUMS'), layout.generated.get('SHA256SUMS'));
  assert.equal(bundle.position('none'), undefined);
  await assert.rejects(bundle.read('none'), (error) => isAirgapError(error, 'USAGE'));
});

test('an entry larger than one read is streamed in order', async (t) => {
  const layer = noise(3_300_000, 'large');
  const from = sample({ images: [{ source: 'r.example.com/l:1', target: 'l:1', layers: [layer] }] });
  const { path } = await packSample(t, from);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  const name = `blobs/sha256/${digestOf(layer).slice(7)}`;
  assert.ok((await buffer(bundle.stream(name))).equals(layer));
  assert.ok((await buffer(bundle.stream(name, { offset: 1_000_001 }))).equals(layer.subarray(1_000_001)));
});

test('threats 19 and 41: a damaged entry never gets through: neither read nor stream', async (t) => {
  const { path, bytes, layout } = await packSample(t);
  const chart = layout.byPath.get('runai-cluster-2.13.66.tgz')!;
  bytes[chart.offset + 5] = (bytes[chart.offset + 5] as number) ^ 4;
  writeFileSync(path, bytes);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  await assert.rejects(bundle.read(chart.path), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
  await assert.rejects(buffer(bundle.stream(chart.path)), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
});

test('an aborted stream ends with the abort', async (t) => {
  const { path } = await packSample(t);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(
    buffer(bundle.stream('README.txt', { signal: stop.signal, offset: 1 })),
    (error: Error) => error.name === 'AbortError',
  );
});

for (const [name, change] of [
  [
    'replaced by another file',
    (path: string) => {
      copyFileSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
  ],
  ['appended to', (path: string) => appendFileSync(path, 'x')],
  ['touched', (path: string) => utimesSync(path, 1, 1)],
  ['written in place', (path: string) => writeFileSync(path, readFileSync(path))],
  ['removed', (path: string) => renameSync(path, `${path}.gone`)],
] as const) {
  test(`threat 19: a bundle is used no further once it was ${name}`, async (t) => {
    const { path } = await packSample(t);
    const bundle = await openBundle(path);
    t.after(() => bundle.close());
    await bundle.recheck();
    await new Promise((resolve) => setTimeout(resolve, 15));
    change(path);
    await assert.rejects(bundle.recheck(), (error) => isAirgapError(error, 'BUNDLE_CHANGED'));
    await assert.rejects(verifyBundle(bundle), (error) => isAirgapError(error, 'BUNDLE_CHANGED'));
  });
}

test('threat 19: a file swapped after opening does not reach the reader: the descriptor is kept', async (t) => {
  const { path } = await packSample(t);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  const evil = noise(100_000, 'evil');
  writeFileSync(`${path}.evil`, evil);
  renameSync(`${path}.evil`, path);
  assert.deepEqual(await bundle.read('runai-crds.yaml'), sample().contents.get('runai-crds.yaml'));
});

/** What every source of images must do; run against the bundle here. */
async function contract(images: ImageSource): Promise<void> {
  const { draft, contents } = sample();
  for (const { target, descriptor } of draft.images) {
    const [repository, tag] = target.split(':') as [string, string];
    const byTag = await images.manifest(repository, tag);
    assert.equal(byTag.descriptor.digest, descriptor.digest);
    assert.equal(byTag.descriptor.mediaType, descriptor.mediaType);
    assert.equal(digestOf(byTag.bytes), descriptor.digest);
    assert.deepEqual(await images.manifest(repository, descriptor.digest), byTag);
    const parsed = parseManifest(byTag.bytes, byTag.descriptor.mediaType);
    assert.ok(parsed.kind === 'image');
    for (const blob of [parsed.config, ...parsed.layers]) {
      const expected = contents.get(`blobs/sha256/${blob.digest.slice(7)}`);
      assert.deepEqual(await buffer(await images.blob(repository, blob)), expected);
      assert.deepEqual(
        await buffer(await images.blob(repository, blob, { offset: 7 })),
        expected?.subarray(7),
      );
    }
    const lie = { ...parsed.config, size: parsed.config.size + 1 };
    await assert.rejects(
      async () => buffer(await images.blob(repository, lie)),
      (e) => isAirgapError(e, 'BLOB_MISMATCH'),
    );
  }
  const none = `sha256:${'0'.repeat(64)}` as const;
  await assert.rejects(images.manifest('operator', 'none'), (e) => isAirgapError(e, 'REGISTRY_NOT_FOUND'));
  await assert.rejects(images.manifest('operator', none), (e) => isAirgapError(e, 'REGISTRY_NOT_FOUND'));
  await assert.rejects(
    async () => images.blob('operator', { mediaType: 'x', digest: none, size: 1 }),
    (e) => isAirgapError(e, 'REGISTRY_NOT_FOUND'),
  );
}

test('the bundle is a source of images as any other', async (t) => {
  const { path } = await packSample(t);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  await contract(bundle.images);
});

test('a delta bundle with its base is the same source; without it, it says what is missing', async () => {
  const from = sample();
  const older = layoutBundle(sample({ version: '2.13.65' }).draft);
  const base = await openBundleSource(memorySource(assemble(older, sample({ version: '2.13.65' }))));
  const layout = layoutBundle({ ...from.draft, base: baseOf(base) });
  const bytes = assemble(layout, from);
  const whole = await openBundleSource(memorySource(bytes), { base });
  await contract(whole.images);
  const alone = await openBundleSource(memorySource(bytes));
  await assert.rejects(alone.images.manifest('operator', '2.13.66'), (e) => isAirgapError(e, 'BASE_MISSING'));
  const wrong = await openBundleSource(memorySource(assemble(layoutBundle(from.draft), from)));
  await assert.rejects(
    openBundleSource(memorySource(bytes), { base: wrong }),
    (e) => isAirgapError(e, 'BASE_MISSING') && e.found?.includes(wrong.bundleId) === true,
  );
});

test('threat 38: a bundle made for a newer airgap is refused by name', async () => {
  const from = sample({ facts: { minTool: '9.0.0' } });
  const bytes = assemble(layoutBundle(from.draft), from);
  await assert.rejects(
    openBundleSource(memorySource(bytes)),
    (e) => isAirgapError(e, 'BUNDLE_FORMAT_UNKNOWN') && /9\.0\.0/.test(e.hint),
  );
  await (await openBundleSource(memorySource(bytes), { toolVersion: '9.0.0' })).close();
});
