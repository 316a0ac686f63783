import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { AirgapError } from '../../src/errors.js';
import { type KnownImage, proveImages } from '../../src/install/proof.js';
import { withNamesOfNodes, withSameContent } from '../../src/install/proof-same.js';
import type { KubeObject } from '../../src/kube/types.js';
import type { Digest, ImageSource } from '../../src/oci/types.js';
import { object } from './support/step.js';

const labels = { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
const NODE = object('Node', 'one', undefined, { metadata: { labels } });

const TYPES = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const sha = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A manifest of its bytes; equal configs are equal contents. */
function manifest(
  kind: keyof typeof TYPES,
  more: object,
): { bytes: Buffer; digest: Digest; mediaType: string } {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: TYPES[kind], ...more }));
  return { bytes, digest: sha(bytes.toString('utf8')), mediaType: TYPES[kind] };
}
const image = (config: string, layer = 'layer') =>
  manifest('image', {
    config: { mediaType: CONFIG, digest: sha(config), size: 2 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha(layer), size: 2 }],
  });
const index = (...children: [ReturnType<typeof image>, string][]) =>
  manifest('index', {
    manifests: children.map(([child, architecture]) => ({
      mediaType: TYPES.image,
      digest: child.digest,
      size: child.bytes.length,
      platform: { os: 'linux', architecture },
    })),
  });

const OURS = image('config of web');
const KNOWN: KnownImage[] = [{ target: 'web:1', digests: new Set([OURS.digest, sha('config of web')]) }];

async function prove(found: ReturnType<typeof image>, others: ReturnType<typeof image>[] = []) {
  const all = new Map([found, ...others].map((one) => [one.digest, one]));
  const source = {
    manifest: async (_repository: string, digest: Digest) => {
      const one = all.get(digest);
      if (one === undefined) throw new AirgapError('REGISTRY_NOT_FOUND', 'gone');
      const { bytes, mediaType } = one;
      return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
    },
  } as unknown as ImageSource;
  const pods: KubeObject[] = [
    {
      metadata: { name: 'p', namespace: 'runai' },
      spec: { containers: [{ name: 'c', image: 'reg:5000/web:1' }] },
      status: {
        phase: 'Running',
        containerStatuses: [{ name: 'c', imageID: `reg:5000/old/web@${found.digest}` }],
      },
    },
  ];
  const first = proveImages(pods, KNOWN, 'reg:5000');
  assert.equal(first.ok, false, 'by its digest alone it is a stranger');
  const options = { nodes: [NODE], source, registry: 'reg:5000' };
  return proveImages(pods, await withSameContent(KNOWN, first, options), 'reg:5000');
}

test('the same image pushed by another tool, its layers packed otherwise, is known by its config', async () => {
  assert.equal((await prove(image('config of web', 'packed otherwise'))).ok, true);
});

test('an index of more platforms counts by what nodes here run of it', async () => {
  const arm = image('config of web for arm64');
  assert.equal((await prove(index([OURS, 'amd64'], [arm, 'arm64']), [OURS, arm])).ok, true);
  assert.equal((await prove(index([arm, 'amd64'], [OURS, 'arm64']), [OURS, arm])).ok, false);
});

test('other content stays a stranger, also when the registry has forgotten it', async () => {
  assert.equal((await prove(image('config of something else'))).ok, false);
  assert.equal((await prove(index([OURS, 'amd64']), [])).ok, false);
});

test('what a node first had of another registry is known by the other names that the node has for it', () => {
  const theirs = image('config of web', 'packed otherwise').digest;
  const imageId = `docker-pullable://old.test/web@${theirs}`;
  const pod = {
    metadata: { name: 'p', namespace: 'runai' },
    spec: { containers: [{ name: 'c', image: 'reg:5000/web:1' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'c', imageID: imageId }] },
  };
  const names = (...all: string[]) => ({ ...NODE, status: { images: [{ names: all }, { sizeBytes: 1 }] } });
  const prove = (...nodes: KubeObject[]): boolean => {
    const first = proveImages([pod], KNOWN, 'reg:5000');
    return proveImages([pod], withNamesOfNodes(KNOWN, first, nodes), 'reg:5000').ok;
  };
  const old = `old.test/web@${theirs}`;
  assert.equal(
    prove(names('other.test/x:1'), names(`reg:5000/web@${OURS.digest}`, old, 'reg:5000/web:1')),
    true,
  );
  // Its tag says nothing, nor does the digest of another image beside it.
  assert.equal(prove(names(old, 'reg:5000/web:1')), false);
  assert.equal(prove(names(old), names(`reg:5000/web@${OURS.digest}`)), false);
  assert.equal(prove(NODE), false);
});
