import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '../../../src/pack/discover/glob.js';
import { kubeVersions } from '../../../src/pack/discover/kube-version.js';
import { selectImages } from '../../../src/pack/discover/select.js';
import type { FoundImage, Place } from '../../../src/pack/discover/types.js';
import { parseSpec } from '../../../src/pack/spec/parse.js';
import { failure } from '../support/failure.js';

const place = (container: string): Place => ({
  chart: 'demo',
  file: 'demo/templates/x.yaml',
  kind: 'Deployment',
  name: 'x',
  container,
});
const found = (image: string, container = 'container main'): FoundImage => ({
  image,
  place: place(container),
});

function spec(images: string) {
  const text = `apiVersion: airgap/v1
kind: Bundle
product: runai
version: 1.0.0
platforms: [linux/amd64]
charts: [{role: cluster, release: a, namespace: a, path: a.tgz}]
images: ${images}
`;
  return parseSpec(text, 'spec.yaml', '/specs');
}

test('what is listed and what is found are one image when they are one reference', () => {
  const selection = selectImages(spec('{include: [{ref: busybox, from: "oci:./x", reason: made here}]}'), {
    images: [found('docker.io/library/busybox:latest'), found('a.io/b:1', 'initContainer init')],
    hints: [],
  });
  assert.deepEqual(
    selection.wanted.map(({ source, target, listed, reasons }) => ({ source, target, listed, reasons })),
    [
      {
        source: 'a.io/b:1',
        target: 'b:1',
        listed: false,
        reasons: ['demo/templates/x.yaml: Deployment/x, initContainer init'],
      },
      {
        source: 'docker.io/library/busybox:latest',
        target: 'busybox:latest',
        listed: true,
        reasons: ['made here', 'demo/templates/x.yaml: Deployment/x, container main'],
      },
    ],
  );
});

test('an image without a reference is known by its target', () => {
  const { wanted } = selectImages(spec('{include: [{from: "oci:./x:svc", target: "tools/svc:1"}]}'), {
    images: [],
    hints: [],
  });
  assert.equal(wanted[0]?.source, 'localhost/tools/svc:1');
});

test('exclusions apply to what is found, not to what is listed; one without effect warns', () => {
  const selection = selectImages(
    spec(
      '{include: [{ref: a.io/kept:1}], exclude: [{ref: "docker.io/bats/*", reason: test}, {ref: "a.io/*", reason: no}, {ref: "z.io/*", reason: idle}]}',
    ),
    { images: [found('bats/bats:v1.4.1'), found('a.io/kept:1'), found('a.io/gone:1')], hints: [] },
  );
  assert.deepEqual(
    selection.wanted.map(({ source }) => source),
    ['a.io/kept:1'],
  );
  assert.deepEqual(
    selection.excluded.map(({ source, reason }) => [source, reason]),
    [
      ['docker.io/bats/bats:v1.4.1', 'test'],
      ['a.io/gone:1', 'no'],
    ],
  );
  assert.equal(selection.warnings.length, 1);
  assert.match(selection.warnings[0] ?? '', /z\.io\/\* has no effect/);
});

test('threat 80: two sources of one target stop the pack, with where each is named', async () => {
  const { error, text } = await failure('IMAGE_TARGET_COLLISION', () =>
    selectImages(spec('{include: [{ref: a.io/x/app:1, reason: by hand}]}'), {
      images: [found('b.io/y/app:1')],
      hints: [],
    }),
  );
  assert.equal(error.exitStatus, 3);
  assert.match(text, /a\.io\/x\/app:1 \(by hand\); b\.io\/y\/app:1 \(demo\/templates\/x\.yaml/);
});

test('names that are none are listed with their places', async () => {
  const { error, text } = await failure('REFERENCE_INVALID', () =>
    selectImages(spec('{}'), { images: [found('/broken:1'), found('Up/Per:1', 'c2')], hints: [] }),
  );
  assert.equal(error.faults.length, 2);
  assert.match(text, /demo\/templates\/x\.yaml: Deployment\/x, c2/);
});

test('hints are told once, and only when nothing carries them', () => {
  const hints = [found('a.io/b:1'), found('a.io/c:1'), found('a.io/c:1', 'env X')];
  const selection = selectImages(spec('{}'), { images: [found('a.io/b:1')], hints });
  assert.deepEqual(
    selection.hints.map(({ image }) => image),
    ['a.io/c:1'],
  );
});

for (const [pattern, text, expected] of [
  ['docker.io/bats/bats:*', 'docker.io/bats/bats:v1', true],
  ['docker.io/bats/bats:*', 'docker.io/bats/bat:v1', false],
  ['*', '', true],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*c', 'axxbyy', false],
  ['a.c', 'abc', false],
  ['', 'a', false],
] as const) {
  test(`"${pattern}" ${expected ? 'matches' : 'does not match'} "${text}"`, () =>
    assert.equal(matchesGlob(pattern, text), expected));
}

test('a pattern of many stars does not take long', () => {
  const begun = performance.now();
  assert.equal(matchesGlob(`${'*a'.repeat(40)}b`, 'a'.repeat(5000)), false);
  assert.ok(performance.now() - begun < 1000);
});

for (const [range, versions] of [
  ['>=1.23 <1.29', ['1.23.0', '1.28.0']],
  ['>1.23 <=1.29', ['1.24.0', '1.29.0']],
  ['>=1.25', ['1.25.0']],
  ['<1.29.3', ['1.29.2']],
  ['1.28.4', ['1.28.4']],
  [undefined, []],
] as const) {
  test(`charts are rendered for the ends of ${range}`, () => assert.deepEqual(kubeVersions(range), versions));
}
