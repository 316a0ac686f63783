import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { isDigest } from '../../src/oci/digest.js';
import { type Descriptor, type ImageSource, type ManifestBytes, MEDIA } from '../../src/oci/types.js';
import { walkImage } from '../../src/oci/walk.js';
import { makeImage, makeIndex, manifestOf } from './support/images.js';

/** A source of manifests in memory; blobs must not be asked for. */
function sourceOf(
  manifests: readonly ManifestBytes[],
  answers: Map<string, ManifestBytes> = new Map(),
): ImageSource & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    manifest: async (_repository, name) => {
      asked.push(name);
      const found =
        answers.get(name) ?? manifests.find(({ descriptor }) => descriptor.digest === name) ?? manifests[0];
      assert.ok(found && (isDigest(name) || name === 'root'));
      return found;
    },
    blob: async () => assert.fail('a walk reads no blobs') as unknown as Readable,
  };
}

const one = makeImage([10, 20], 'one');
const two = makeImage([10], 'two');

test('an index is walked: children before parents, every blob once', async () => {
  const index = makeIndex([one.manifest.descriptor, two.manifest.descriptor, one.manifest.descriptor]);
  const source = sourceOf([index, one.manifest, two.manifest]);
  const tree = await walkImage(source, 'a', 'root');
  assert.deepEqual(tree.manifests.map(({ descriptor }) => descriptor.digest).at(-1), index.descriptor.digest);
  assert.equal(tree.manifests.length, 3);
  assert.equal(tree.blobs.length, 5);
  assert.equal(source.asked.length, 3);
});

test('the order does not depend on which manifest answers first', async () => {
  const inner = makeIndex([one.manifest.descriptor]);
  const other = makeIndex([two.manifest.descriptor, one.manifest.descriptor]);
  const root = makeIndex([inner.descriptor, other.descriptor]);
  const manifests = [root, inner, other, one.manifest, two.manifest];
  for (const slow of [one, two]) {
    const source = sourceOf(manifests);
    const delayed: ImageSource = {
      ...source,
      manifest: async (repository, name) => {
        if (name === slow.manifest.descriptor.digest) await new Promise((resolve) => setTimeout(resolve, 20));
        return source.manifest(repository, name);
      },
    };
    const tree = await walkImage(delayed, 'a', 'root');
    const order = [one.manifest, inner, two.manifest, other, root].map(({ descriptor }) => descriptor.digest);
    assert.deepEqual(
      tree.manifests.map(({ descriptor }) => descriptor.digest),
      order,
    );
  }
});

test('threat 46: attestations and artifacts are walked like images, a subject is not followed', async () => {
  const attestation: Descriptor = {
    ...two.manifest.descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const artifact = manifestOf(
    {
      artifactType: 'application/sbom',
      config: one.config,
      layers: [],
      subject: { ...one.manifest.descriptor, digest: `sha256:${'9'.repeat(64)}` },
    },
    MEDIA.ociManifest,
  );
  const index = makeIndex([one.manifest.descriptor, attestation, artifact.descriptor]);
  const source = sourceOf([index, one.manifest, two.manifest, artifact]);
  const tree = await walkImage(source, 'a', 'root');
  assert.equal(tree.manifests.length, 4);
  assert.ok(!source.asked.includes(`sha256:${'9'.repeat(64)}`));
});

/** `depth` indexes, each around the one before, around an image. */
function nest(depth: number): ManifestBytes[] {
  const chain: ManifestBytes[] = [one.manifest];
  for (let level = 0; level < depth; level++)
    chain.unshift(makeIndex([(chain[0] as ManifestBytes).descriptor]));
  return chain;
}

test('threat 44: four levels of indexes are walked, a hundred are not', async () => {
  assert.equal((await walkImage(sourceOf(nest(4)), 'a', 'root')).manifests.length, 5);
  const source = sourceOf(nest(100));
  await assert.rejects(
    walkImage(source, 'a', 'root'),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && error.exitStatus === 3,
  );
  assert.ok(source.asked.length < 10);
});

test('threat 44: a source that leads in a circle is not followed', async () => {
  const index = makeIndex([one.manifest.descriptor]);
  const answers = new Map([[one.manifest.descriptor.digest as string, index]]);
  const source = sourceOf([index], answers);
  await assert.rejects(walkImage(source, 'a', 'root'), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
  assert.equal(source.asked.length, 2);
});

test('threat 41: a child of another size than its index says is refused', async () => {
  const index = makeIndex([{ ...one.manifest.descriptor, size: one.manifest.bytes.length + 1 }]);
  await assert.rejects(walkImage(sourceOf([index, one.manifest]), 'a', 'root'), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
});

test('threat 43: a child that is something else than its index says is refused', async () => {
  const index = makeIndex([{ ...one.manifest.descriptor, mediaType: MEDIA.ociIndex }]);
  await assert.rejects(walkImage(sourceOf([index, one.manifest]), 'a', 'root'), (error) =>
    isAirgapError(error, 'IMAGE_INVALID'),
  );
});

test('one digest with two sizes is refused', async () => {
  const layers = [one.layers[0]!, { ...one.layers[0]!, size: 11 }];
  const odd = manifestOf({ config: one.config, layers }, MEDIA.ociManifest);
  await assert.rejects(
    walkImage(sourceOf([odd]), 'a', 'root'),
    (error) => isAirgapError(error, 'IMAGE_INVALID') && /two sizes/.test(error.message),
  );
});
