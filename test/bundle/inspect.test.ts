import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseOf, checkBase, requireBase } from '../../src/bundle/delta.js';
import { diffBundles } from '../../src/bundle/diff.js';
import { inspectBundle } from '../../src/bundle/inspect.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import { openBundleSource } from '../../src/bundle/open.js';
import { memorySource } from '../../src/bundle/source.js';
import { verifyBundle } from '../../src/bundle/verify.js';
import { isAirgapError } from '../../src/errors.js';
import { digestOf } from '../../src/oci/digest.js';
import { type Digest, MEDIA } from '../../src/oci/types.js';
import { formatDiff } from '../../src/term/diff.js';
import { formatInspect } from '../../src/term/inspect.js';
import { formatVerify } from '../../src/term/verify.js';
import { assemble, IMAGES, noise, type Sample, sample } from './helpers.js';

async function openSample(from: Sample) {
  return openBundleSource(
    memorySource(assemble(layoutBundle(from.draft), from), 'runai-air-gapped-2.13.66.tar'),
  );
}

/** Ids and digests follow from every byte of the format; the golden texts do not repeat them. */
function masked(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, '<sha256>').replace(/sha256:[0-9a-f]{12}/g, 'sha256:<12>');
}

test('inspect tells what the bundle holds: text', async () => {
  const text = masked(formatInspect(await inspectBundle(await openSample(sample()))));
  assert.equal(
    text,
    `runai 2.13.66
  file          runai-air-gapped-2.13.66.tar
  size          40 960 bytes
  bundle id     <sha256>
  signature     none: damage would show, forgery would not
  sequence      21366
  source date   2024-10-01T00:00:00.000Z
  platforms     linux/amd64
  requires      kubernetes >=1.23 <1.29
  upgrade       from >=2.8
  target names  flat
  needs airgap  0.1.0
  coverage      charts were rendered
  CRDs          31 bytes from ./runai-crds.yaml

CHART          VERSION  ROLE           RELEASE                           SIZE  PATH
control-plane  2.13.66  control-plane  runai-backend/runai-backend  700 bytes  runai-backend/control-plane-2.13.66.tgz
runai-cluster  2.13.66  cluster        runai/runai-cluster          900 bytes  runai-cluster-2.13.66.tgz

IMAGE             PLATFORMS       SIZE     UNIQUE   SHARED  DIGEST                SOURCE
operator:2.13.66  linux/amd64  6.15 kB    1.15 kB  5.00 kB  sha256:<12>…  registry.example.com/run-ai-prod/operator:2.13.66
busybox:1.36      linux/amd64  5.63 kB  634 bytes  5.00 kB  sha256:<12>…  docker.io/library/busybox:1.36

TOOL  VERSION  PLATFORM        SIZE  PATH
helm  v3.19.0  linux/amd64  1.50 kB  tools/linux-amd64/helm

2 images, 6 blobs: 6.79 kB stored once, 5.00 kB saved by sharing
`,
  );
});

test('sizes add up: unique and shared bytes of every image, stored and logical bytes of all', async () => {
  const report = await inspectBundle(await openSample(sample()));
  const [operator, busybox] = report.images;
  assert.deepEqual([operator?.shared, busybox?.shared], [5000, 5000]);
  for (const image of report.images) assert.equal(image.unique + image.shared, image.size);
  assert.equal(report.totals.logical, (operator?.size ?? 0) + (busybox?.size ?? 0));
  assert.equal(report.totals.stored, report.totals.logical - 5000);
});

test('an index counts its children that were packed, and survives one that was not', async () => {
  const from = sample();
  const child = from.draft.images[0]!.descriptor;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [
        { ...child, platform: { os: 'linux', architecture: 'amd64' } },
        {
          mediaType: MEDIA.ociManifest,
          digest: `sha256:${'0'.repeat(64)}`,
          size: 5,
          platform: { os: 'linux', architecture: 'arm64' },
        },
      ],
    }),
  );
  const digest = digestOf(bytes);
  from.contents.set(`blobs/sha256/${digest.slice(7)}`, bytes);
  const image = {
    ...from.draft.images[0]!,
    source: 'r.example.com/i:1',
    target: 'i:1',
    descriptor: { mediaType: MEDIA.ociIndex, digest, size: bytes.length },
  };
  const draft = {
    ...from.draft,
    images: [...from.draft.images, image],
    blobs: [...from.draft.blobs, { digest, size: bytes.length }],
  };
  const report = await inspectBundle(await openSample({ draft, contents: from.contents }));
  assert.equal(report.images[2]?.size, bytes.length + report.images[0]!.size);
  assert.equal(report.images[2]?.unique, bytes.length);
  assert.equal(report.images[0]?.unique, 0);
});

test('verify tells what was checked: text', async () => {
  assert.equal(
    masked(formatVerify(await verifyBundle(await openSample(sample())))),
    `ok: runai-air-gapped-2.13.66.tar
  product    runai 2.13.66
  bundle id  <sha256>
  checked    every byte of 40 960 bytes, 17 entries
  signature  none: damage would show, forgery would not
`,
  );
});

/** The next release: operator changed, busybox the same, web new, no tool, another range of Kubernetes. */
function nextRelease(): Sample {
  const files = {
    'runai-backend/control-plane-2.13.66.tgz': noise(700, 'control plane'),
    'runai-cluster-2.13.66.tgz': noise(950, 'cluster, changed'),
    'runai-crds.yaml': Buffer.from('kind: CustomResourceDefinition\nmetadata: {}\n'),
  };
  const [operator, busybox] = IMAGES as [(typeof IMAGES)[0], (typeof IMAGES)[0]];
  const images = [
    { ...operator, target: 'operator:2.13.67', layers: [noise(5000, 'base'), noise(400, 'operator 67')] },
    busybox,
    { source: 'registry.example.com/run-ai-prod/web:1', target: 'web:1', layers: [noise(5000, 'base')] },
  ];
  return sample({ version: '2.13.67', images, files, facts: { requires: { kubernetes: '>=1.24 <1.30' } } });
}

test('diff tells what is new, gone and changed, and the bytes to move: text', () => {
  const diff = diffBundles(layoutBundle(sample().draft), layoutBundle(nextRelease().draft));
  assert.equal(
    masked(formatDiff(diff)),
    `--- runai 2.13.66  <sha256>
+++ runai 2.13.67  <sha256>

images: 1 added, 0 removed, 1 changed, 1 unchanged
  + web:1 sha256:<sha256>
  ~ operator
      operator:2.13.66 sha256:<sha256>
      operator:2.13.67 sha256:<sha256>

charts: 0 added, 0 removed, 1 changed, 1 unchanged
  ~ runai/runai-cluster (cluster)
      runai-cluster 2.13.66 sha256:<sha256>
      runai-cluster 2.13.66 sha256:<sha256>

CRDs: changed

tools: 0 added, 1 removed, 0 changed, 0 unchanged
  - helm linux/amd64 v3.19.0 sha256:<sha256>

facts:
  ~ requires.kubernetes: >=1.23 <1.29 -> >=1.24 <1.30

to move: 1.87 kB in 5 blobs; 5.63 kB are there already, 1.15 kB are no longer needed
`,
  );
});

test('diff of a bundle with itself finds nothing; both directions mirror each other', () => {
  const [one, other] = [layoutBundle(sample().draft), layoutBundle(nextRelease().draft)];
  const same = diffBundles(one, one);
  assert.equal(same.bytes.toMove + same.bytes.dropped + same.images.changed.length + same.facts.length, 0);
  const [there, back] = [diffBundles(one, other), diffBundles(other, one)];
  assert.deepEqual(there.images.added, back.images.removed);
  assert.equal(there.bytes.toMove, back.bytes.dropped);
});

test('threat 54: what foreign text a manifest holds cannot move the cursor or fake a line', async () => {
  const report = await inspectBundle(await openSample(sample()));
  const evil = { ...report, product: 'runai\u001b[2J\u001b[31m', relocate: 'x\u202egpj' };
  const text = formatInspect(evil);
  assert.ok(!text.includes('\u001b') && !text.includes('\u202e'));
});

test('a delta bundle carries just the new blobs and verifies on its own', async () => {
  const older = layoutBundle(sample().draft);
  const next = nextRelease();
  const whole = layoutBundle(next.draft);
  const delta = layoutBundle({ ...next.draft, base: baseOf(older) });
  const bundle = await openBundleSource(memorySource(assemble(delta, next)));
  assert.equal((await verifyBundle(bundle)).ok, true);
  const moved = delta.manifest.entries.filter(({ path }) => path.startsWith('blobs/'));
  const { bytes } = diffBundles(older, whole);
  assert.equal(
    moved.reduce((sum, { size }) => sum + size, 0),
    bytes.toMove,
  );
  assert.equal(moved.length, bytes.blobsToMove);
  assert.equal(diffBundles(older, delta).bytes.toMove, bytes.toMove);
});

test('every blob of the base is asked for; all that are missing are named before anything changes', async () => {
  const older = layoutBundle(sample().draft);
  const delta = layoutBundle({ ...nextRelease().draft, base: baseOf(older) });
  const needed = delta.manifest.base!.blobs;
  const asked: Digest[] = [];
  await checkBase(delta.manifest, async ({ digest }) => {
    asked.push(digest);
    return true;
  });
  assert.deepEqual(
    asked.sort(),
    needed.map(({ digest }) => digest),
  );
  const [first, second] = needed;
  await assert.rejects(
    checkBase(delta.manifest, async ({ digest }) => digest !== first!.digest && digest !== second!.digest),
    (e) => isAirgapError(e, 'BASE_MISSING') && e.exitStatus === 4 && e.faults.length === 2,
  );
  await checkBase(older.manifest, async () => assert.fail('a full bundle needs no base'));
  requireBase(delta.manifest, older);
  assert.throws(
    () => requireBase(delta.manifest, layoutBundle(nextRelease().draft)),
    (e) => isAirgapError(e, 'BASE_MISSING'),
  );
});

test('a delta of a delta names the nearest base and needs what both leave out', () => {
  const first = layoutBundle(sample().draft);
  const second = layoutBundle({ ...nextRelease().draft, base: baseOf(first) });
  const third = layoutBundle({ ...nextRelease().draft, version: '2.13.68', base: baseOf(second) });
  assert.equal(third.manifest.base?.bundleId, second.bundleId);
  assert.equal(
    third.manifest.entries.some(({ path }) => path.startsWith('blobs/')),
    false,
  );
});
