import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { AirgapError, isAirgapError } from '../../src/errors.js';
import { digestOf } from '../../src/oci/digest.js';
import { MANIFEST_LIMIT, parseManifest } from '../../src/oci/parse.js';
import { MEDIA } from '../../src/oci/types.js';

const D = `sha256:${'1'.repeat(64)}`;
const config = { mediaType: MEDIA.ociConfig, digest: D, size: 2 };
const layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: `sha256:${'2'.repeat(64)}`,
  size: 3,
};
const image = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  mediaType: MEDIA.ociIndex,
  manifests: [{ ...layer, mediaType: MEDIA.ociManifest }],
};

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function faultsOf(value: unknown, mediaType?: string): AirgapError {
  try {
    parseManifest(bytesOf(value), mediaType);
  } catch (error) {
    assert.ok(error instanceof AirgapError);
    assert.equal(error.exitStatus, 3);
    return error;
  }
  return assert.fail('it was taken');
}

test('an OCI and a Docker image are read', () => {
  const oci = parseManifest(bytesOf(image), MEDIA.ociManifest);
  assert.ok(oci.kind === 'image');
  assert.deepEqual([oci.config.digest, oci.layers.length], [D, 1]);
  const docker = parseManifest(bytesOf({ ...image, mediaType: MEDIA.dockerManifest }), MEDIA.dockerManifest);
  assert.equal(docker.mediaType, MEDIA.dockerManifest);
});

test('an index keeps platforms and annotations of its children', () => {
  const platform = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': 'x' };
  const child = { ...index.manifests[0], platform, annotations: { a: 'b' } };
  const parsed = parseManifest(bytesOf({ ...index, manifests: [child] }));
  assert.ok(parsed.kind === 'index');
  assert.deepEqual(parsed.manifests[0]?.platform, { os: 'linux', architecture: 'arm', variant: 'v7' });
  assert.deepEqual(parsed.manifests[0]?.annotations, { a: 'b' });
});

test('without a media type the outside word governs, else the shape', () => {
  const { mediaType: _dropped, ...bare } = image;
  assert.equal(parseManifest(bytesOf(bare), MEDIA.ociManifest).mediaType, MEDIA.ociManifest);
  assert.equal(parseManifest(bytesOf(bare)).kind, 'image');
  const { mediaType: _also, ...bareIndex } = index;
  assert.equal(parseManifest(bytesOf(bareIndex)).kind, 'index');
  assert.equal(parseManifest(bytesOf(image), 'application/json').mediaType, MEDIA.ociManifest);
});

test('threat 43: image and index at once is refused, whatever the media type says', () => {
  for (const mediaType of [MEDIA.ociManifest, MEDIA.ociIndex, undefined]) {
    const error = faultsOf({ ...image, ...index, mediaType: mediaType ?? MEDIA.ociIndex }, mediaType);
    assert.equal(error.code, 'IMAGE_INVALID');
    assert.match(JSON.stringify(error.faults), /index and an image at once/);
  }
});

test('threat 43: a document that contradicts its media type is refused', () => {
  assert.equal(faultsOf(image, MEDIA.ociIndex).code, 'IMAGE_INVALID');
  assert.equal(faultsOf(image, MEDIA.dockerManifest).code, 'IMAGE_INVALID');
  assert.equal(faultsOf({ ...index, mediaType: MEDIA.ociManifest }).code, 'IMAGE_INVALID');
  assert.equal(faultsOf({ ...image, mediaType: 7 }).code, 'IMAGE_INVALID');
});

test('threat 44: embedded data must be what the digest says', () => {
  const data = Buffer.from('{}');
  const right = {
    mediaType: MEDIA.ociConfig,
    digest: digestOf(data),
    size: 2,
    data: data.toString('base64'),
  };
  assert.equal(parseManifest(bytesOf({ ...image, config: right })).kind, 'image');
  const wrong = { ...right, data: Buffer.from('[]').toString('base64') };
  assert.match(JSON.stringify(faultsOf({ ...image, config: wrong }).faults), /config\.data/);
});

test('threat 45: foreign layers are refused with their address', () => {
  const urls = ['https://mcr.example.com/layer'];
  const error = faultsOf({ ...image, layers: [{ ...layer, urls }] });
  assert.equal(error.code, 'IMAGE_UNSUPPORTED');
  assert.match(JSON.stringify(error.faults), /layers\[0\]\.urls.*mcr\.example\.com/);
});

test('threat 46: schema 1 is refused by its name, however it is said', () => {
  const v1 = { schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [] };
  assert.equal(faultsOf(v1).code, 'IMAGE_UNSUPPORTED');
  assert.equal(faultsOf(v1, MEDIA.dockerSchema1).code, 'IMAGE_UNSUPPORTED');
  assert.equal(
    faultsOf(image, 'application/vnd.docker.distribution.manifest.v1+json').code,
    'IMAGE_UNSUPPORTED',
  );
});

test('threat 46: layers of any media type are opaque, and a subject is carried', () => {
  const layers = ['zstd', 'tar', 'x/y'].map((name) => ({ ...layer, mediaType: `application/${name}` }));
  const parsed = parseManifest(
    bytesOf({ ...image, layers, artifactType: 'application/sbom', subject: index.manifests[0] }),
  );
  assert.ok(parsed.kind === 'image');
  assert.equal(parsed.layers.length, 3);
  assert.equal(parsed.artifactType, 'application/sbom');
  assert.equal(parsed.subject?.digest, layer.digest);
});

test('threat 42: sha512 content is refused as a kind, a crooked digest as a fault', () => {
  const sha512 = { ...layer, digest: `sha512:${'3'.repeat(128)}` };
  assert.equal(faultsOf({ ...image, layers: [sha512] }).code, 'IMAGE_UNSUPPORTED');
  const crooked = { ...layer, digest: 'sha256:../../x' };
  assert.equal(faultsOf({ ...image, layers: [sha512, crooked] }).code, 'IMAGE_INVALID');
});

test('all faults of a document are listed at once', () => {
  const error = faultsOf({
    schemaVersion: 3,
    mediaType: MEDIA.ociManifest,
    config: { mediaType: '', digest: 'x', size: -1 },
    layers: [{ ...layer, size: 1.5 }, 7, { ...layer, size: 2 ** 60 }],
  });
  const places = error.faults.map(({ where }) => where);
  assert.deepEqual(places, [
    'schemaVersion',
    'config.digest',
    'config.size',
    'config.mediaType',
    'layers[0].size',
    'layers[1]',
    'layers[2].size',
  ]);
});

test('what is too large, no JSON, no object or not UTF-8 is refused', () => {
  const refused = (bytes: Buffer): void =>
    assert.throws(
      () => parseManifest(bytes),
      (error) => isAirgapError(error, 'IMAGE_INVALID'),
    );
  refused(Buffer.alloc(MANIFEST_LIMIT + 1, 0x20));
  for (const text of ['', '[]', 'null', '"x"', '{', '7']) refused(Buffer.from(text));
  refused(Buffer.from([0x7b, 0xff, 0x7d]));
});

test('threat 54: what the document says is shown without terminal escapes', () => {
  const error = faultsOf({ ...image, layers: [{ ...layer, digest: '\x1b[2J\x1b]0;PASSED\x07' }] });
  assert.ok(!JSON.stringify(error.faults).includes('\\u001b'));
});

test('threat 47: nothing here can decompress', () => {
  for (const name of [
    'parse',
    'walk',
    'copy',
    'copy-blob',
    'layout',
    'docker-archive',
    'blob-read',
    'upload',
    'store',
  ]) {
    const text = readFileSync(new URL(`../../src/oci/${name}.ts`, import.meta.url), 'utf8');
    assert.doesNotMatch(text, /node:zlib/, name);
  }
});

test('any JSON ends in a manifest or one of our errors', () => {
  const key = fc.constantFrom(
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'digest',
    'size',
    'data',
  );
  const value = fc.oneof(fc.constantFrom(2, 1, MEDIA.ociManifest, MEDIA.ociIndex, D, [], {}), fc.jsonValue());
  fc.assert(
    fc.property(fc.dictionary(key, fc.oneof(value, fc.array(fc.dictionary(key, value)))), (document) => {
      try {
        parseManifest(bytesOf(document));
      } catch (error) {
        assert.ok(isAirgapError(error), String(error));
      }
    }),
    { numRuns: 500 },
  );
});
