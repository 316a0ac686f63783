import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEDIA } from '../../src/oci/types.js';
import { readManifestContent } from '../../src/registry/manifest-content.js';
import { Refusal } from '../../src/registry/refusal.js';

const D = (digit: string) => `sha256:${digit.repeat(64)}`;
const part = (digit: string, more: object = {}) => ({
  mediaType: 'application/x',
  digest: D(digit),
  size: 1,
  ...more,
});
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const image = (more: object = {}) => ({
  schemaVersion: 2,
  config: part('1'),
  layers: [part('2'), part('3')],
  ...more,
});

test('an image names its config and layers', () => {
  const content = readManifestContent(bytes(image()), `${MEDIA.ociManifest}; charset=utf-8`);
  assert.equal(content.mediaType, MEDIA.ociManifest);
  assert.deepEqual(
    content.blobs.map(({ text }) => text),
    [D('1'), D('2'), D('3')],
  );
  assert.deepEqual(content.manifests, []);
  assert.equal(content.artifactType, 'application/x');
});

test('an index names its children', () => {
  const content = readManifestContent(
    bytes({ schemaVersion: 2, mediaType: MEDIA.dockerList, manifests: [part('4')] }),
  );
  assert.deepEqual(
    content.manifests.map(({ text }) => text),
    [D('4')],
  );
  assert.deepEqual(content.blobs, []);
  assert.equal(content.artifactType, undefined);
});

test('without a media type the shape decides', () => {
  assert.equal(readManifestContent(bytes({ schemaVersion: 2, manifests: [] })).mediaType, MEDIA.ociIndex);
  assert.equal(readManifestContent(bytes(image())).mediaType, MEDIA.ociManifest);
});

test('non-distributable layers need not be there', () => {
  const layers = [part('2', { urls: ['https://example.com/x'] }), part('3')];
  assert.deepEqual(
    readManifestContent(bytes(image({ layers }))).blobs.map(({ text }) => text),
    [D('1'), D('3')],
  );
});

test('subject, artifact type and annotations are read', () => {
  const more = { subject: part('5'), artifactType: 'application/y', annotations: { a: 'b' } };
  const content = readManifestContent(bytes(image(more)));
  assert.equal(content.subject?.text, D('5'));
  assert.equal(content.artifactType, 'application/y');
  assert.deepEqual(content.annotations, { a: 'b' });
});

const FAULTY: readonly (readonly [string, unknown, string?])[] = [
  ['no JSON', Buffer.from('{')],
  ['a list', []],
  ['null', null],
  ['schema 1', { schemaVersion: 1, name: 'a' }, MEDIA.dockerSchema1],
  ['an unknown type', image({ mediaType: 'application/json' })],
  ['a type from the prototype', image({ mediaType: 'constructor' })],
  ['another Content-Type', image({ mediaType: MEDIA.ociManifest }), MEDIA.dockerManifest],
  ['a Docker manifest without mediaType', image(), MEDIA.dockerManifest],
  ['layers and manifests', image({ manifests: [] })],
  ['an index with layers', { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [], layers: [] }],
  ['no layers', { schemaVersion: 2, config: part('1') }],
  ['no config', { schemaVersion: 2, layers: [] }],
  ['a digest that climbs', image({ layers: [{ ...part('2'), digest: 'sha256:../../x' }] })],
  ['a digest of another kind', image({ config: { ...part('1'), digest: `sha1:${'a'.repeat(40)}` } })],
  ['a subject without digest', image({ subject: {} })],
  ['schemaVersion missing', { config: part('1'), layers: [] }],
];

for (const [what, document, type] of FAULTY) {
  test(`a manifest is refused: ${what}`, () => {
    const content = Buffer.isBuffer(document) ? document : bytes(document);
    assert.throws(
      () => readManifestContent(content, type),
      (error) => error instanceof Refusal && error.code === 'MANIFEST_INVALID',
    );
  });
}
