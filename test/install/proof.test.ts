import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KnownImage, proveImages } from '../../src/install/proof.js';
import { demandProof } from '../../src/install/proof-read.js';
import type { KubeObject } from '../../src/kube/types.js';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const known: KnownImage[] = [
  { target: 'web:1', digests: new Set([digest('a'), digest('b'), digest('c')]) },
  { target: `pinned@${digest('d')}`, digests: new Set([digest('d')]) },
];

function pod(image: string, imageID: string, more: { phase?: string; kind?: string } = {}): KubeObject {
  const { phase = 'Running', kind = 'container' } = more;
  const spec = { name: 'c', image };
  const status = { name: 'c', imageID };
  return {
    metadata: { name: 'p', namespace: 'runai' },
    spec: { containers: [], [`${kind}s`]: [spec] },
    status: { phase, [`${kind}Statuses`]: [status] },
  };
}

const prove = (...pods: KubeObject[]) => proveImages(pods, known, 'reg:5000/mirror');

test('root, platform manifest and config digests of the named image are its proof', () => {
  for (const letter of ['a', 'b', 'c']) {
    const forms = [
      `reg:5000/mirror/web@${digest(letter)}`,
      digest(letter),
      `docker-pullable://reg:5000/mirror/web@${digest(letter)}`,
    ];
    for (const imageId of forms) assert.equal(prove(pod('reg:5000/mirror/web:1', imageId)).ok, true, imageId);
  }
  assert.equal(prove(pod(`reg:5000/mirror/pinned@${digest('d')}`, digest('d'))).ok, true);
  assert.equal(prove(pod(`reg:5000/mirror/pinned:v1@${digest('d')}`, digest('d'))).ok, true);
});

test('every way in which a container is not the bundle’s is told', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['reg:5000/mirror/web:1', digest('e'), /none of the bundle/],
    ['docker.io/web:1', digest('a'), /does not come from reg:5000\/mirror/],
    ['reg:5000/mirrored/web:1', digest('a'), /does not come from/],
    ['reg:5000/mirror/web:2', digest('a'), /no image of this name/],
    ['reg:5000/mirror/web', digest('a'), /no image of this name/],
    ['reg:5000/mirror/web:1', digest('d'), /its content is that of pinned/],
    ['reg:5000/mirror/web:1', '', /not reported/],
    ['reg:5000/mirror/web:1', 'reg:5000/mirror/web:1', /no digest/],
  ];
  for (const [image, imageId, fault] of rows) {
    const proof = prove(pod(image, imageId));
    assert.equal(proof.ok, false, image);
    assert.match(proof.faults[0]?.fault ?? '', fault, `${image} ${imageId}`);
  }
});

test('where images stay in place: by the name in full, and the digest that the name stood for', () => {
  const left: KnownImage[] = [
    { target: 'docker.io/library/web:1', digests: new Set([digest('a'), digest('b')]) },
    { target: `quay.io/team/pinned:2@${digest('d')}`, digests: new Set([digest('d')]) },
  ];
  const faultOf = (image: string, letter: string): string | undefined =>
    proveImages([pod(image, digest(letter))], left).faults[0]?.fault;
  for (const image of [
    'web:1',
    'docker.io/web:1',
    'docker.io/library/web:1',
    'index.docker.io/library/web:1',
  ])
    assert.equal(faultOf(image, 'b'), undefined, image);
  for (const image of [`quay.io/team/pinned@${digest('d')}`, `quay.io/team/pinned:2@${digest('d')}`])
    assert.equal(faultOf(image, 'd'), undefined, image);
  assert.match(faultOf('web:1', 'e') ?? '', /nothing that a name of the spec stood for/);
  assert.match(faultOf('web:2', 'a') ?? '', /the spec has no image of this name/);
  assert.match(faultOf('reg:5000/mirror/web:1', 'a') ?? '', /the spec has no image of this name/);
  assert.match(faultOf('web:1', 'd') ?? '', /its content is that of quay\.io\/team\/pinned/);
});

test('init and ephemeral containers count; pods that ended do not', () => {
  for (const kind of ['initContainer', 'ephemeralContainer'])
    assert.equal(prove(pod('docker.io/x:1', digest('e'), { kind })).ok, false, kind);
  for (const phase of ['Succeeded', 'Failed'])
    assert.deepEqual([prove(pod('docker.io/x:1', digest('e'), { phase })).pods], [0]);
});

test('all that is wrong is in the error, and a good proof is none', () => {
  const proof = prove(pod('docker.io/x:1', digest('e')), pod('reg:5000/mirror/web:1', digest('a')));
  assert.deepEqual([proof.pods, proof.containers, proof.images, proof.faults.length], [2, 2, 2, 1]);
  assert.throws(() => demandProof(proof), {
    code: 'IMAGE_PROOF',
    message: '1 of 2 containers run other images',
  });
  demandProof(prove(pod('reg:5000/mirror/web:1', digest('a'))));
});
