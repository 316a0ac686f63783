import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { baseOf } from '../../src/bundle/delta.js';
import { entriesToBring, layoutBundle } from '../../src/bundle/layout.js';
import { mapFile, seamsOf } from '../../src/bundle/positions.js';
import { isAirgapError } from '../../src/errors.js';
import { assemble, packSample, sample, sha256, temporaryFolder } from './helpers.js';

test('the same draft gives the same bytes; this hash changes only when the format does', () => {
  const one = assemble(layoutBundle(sample().draft), sample());
  assert.equal(sha256(one), PINNED);
});

const PINNED = 'ec13cd3c0274b7b636dcb02cabfc0ce409b7f0440b133df5986c53f8f2596a46';

test('the order in which files and blobs come does not matter, nor do repeats', () => {
  const { draft } = sample();
  const expected = layoutBundle(draft).bundleId;
  const files = fc.shuffledSubarray([...draft.files], { minLength: draft.files.length });
  const blobs = fc.shuffledSubarray([...draft.blobs, ...draft.blobs], { minLength: draft.blobs.length * 2 });
  fc.assert(
    fc.property(files, blobs, (f, b) => layoutBundle({ ...draft, files: f, blobs: b }).bundleId === expected),
    { numRuns: 30 },
  );
});

test('entries stand in the order of the format', () => {
  const paths = layoutBundle(sample().draft).manifest.entries.map(({ path }) => path);
  assert.deepEqual(paths.slice(0, 10), [
    'airgap.sig',
    'SHA256SUMS',
    'README.txt',
    'runai-crds.yaml',
    'runai-backend/control-plane-2.13.66.tgz',
    'runai-cluster-2.13.66.tgz',
    'tools/linux-amd64/helm',
    'sbom.cdx.json',
    'oci-layout',
    'index.json',
  ]);
  assert.deepEqual(paths.slice(10), [...paths.slice(10)].sort());
});

test('positions and seams cover the file without gap or overlap', () => {
  const layout = layoutBundle(sample().draft);
  const seams = [...seamsOf(layout)].map(({ offset, bytes }) => [offset, offset + bytes.length] as const);
  const contents = layout.positions.map(({ offset, size }) => [offset, offset + size] as const);
  let at = 0;
  for (const [from, to] of [...seams, ...contents].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    assert.equal(from, at);
    at = to;
  }
  assert.equal(at, layout.totalSize);
});

test('plain tar and sha256sum accept the bundle, README and CRDs are where the page wants them', async (t) => {
  const { path } = await packSample(t);
  const folder = await temporaryFolder(t);
  const warnings = execFileSync('tar', ['xf', path, '-C', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(warnings, '');
  const out = execFileSync('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
  assert.equal(out.split('\n').filter((line) => line.endsWith(': OK')).length, 15);
  assert.match(
    readFileSync(join(folder, 'README.txt'), 'utf8'),
    /helm upgrade -i runai-backend runai-backend\/control-plane-2\.13\.66\.tgz/,
  );
  assert.equal(
    execFileSync('stat', ['-c', '%a', join(folder, 'tools/linux-amd64/helm')], { encoding: 'utf8' }),
    '755\n',
  );
});

test('README.txt is plain ASCII and names every image', () => {
  const layout = layoutBundle(sample().draft);
  const text = layout.generated.get('README.txt')?.toString('latin1') ?? '';
  assert.match(text, /^[\x20-\x7e\n]+$/);
  for (const { target } of layout.manifest.images) assert.ok(text.includes(target));
});

test('the packer brings what is not made here', () => {
  const layout = layoutBundle(sample().draft);
  assert.deepEqual(
    entriesToBring(layout)
      .map(({ path }) => path)
      .sort(),
    [...sample().contents.keys()].sort(),
  );
});

test('the SBOM has a serial number that follows from its content', () => {
  const serial = (version: string): string => {
    const layout = layoutBundle(sample({ version }).draft);
    const sbom = JSON.parse(layout.generated.get('sbom.cdx.json')?.toString() ?? '') as {
      serialNumber: string;
    };
    return sbom.serialNumber;
  };
  assert.match(
    serial('2.13.66'),
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(serial('2.13.66'), serial('2.13.66'));
  assert.notEqual(serial('2.13.66'), serial('2.13.67'));
});

test('two descriptors of one blob that disagree are a fault of the source', () => {
  const { draft } = sample();
  const [first] = draft.blobs;
  assert.throws(
    () => layoutBundle({ ...draft, blobs: [...draft.blobs, { digest: first!.digest, size: 1 }] }),
    (error) => isAirgapError(error, 'MANIFEST_INVALID') && error.message.includes(first!.digest),
  );
});

test('a delta bundle leaves out what its base has and lists just that', () => {
  const older = layoutBundle(sample({ version: '2.13.65' }).draft);
  const { draft } = sample();
  const base = baseOf(older);
  const delta = layoutBundle({ ...draft, base });
  assert.equal(
    delta.manifest.entries.some(({ path }) => path.startsWith('blobs/')),
    false,
  );
  assert.deepEqual(delta.manifest.base?.blobs, base.blobs);
  assert.equal(delta.manifest.base?.bundleId, older.bundleId);
});

test('threat 16: a blob of 9 GiB is laid out without arithmetic trouble', () => {
  const { draft } = sample();
  const digest = `sha256:${'0'.repeat(64)}` as const;
  const layout = layoutBundle({ ...draft, blobs: [...draft.blobs, { digest, size: 9 * 2 ** 30 + 1 }] });
  assert.equal(layout.totalSize % 512, 0);
  assert.deepEqual(mapFile(layout.manifest, layout.bytes.length).totalSize, layout.totalSize);
  assert.ok(layout.totalSize > 9 * 2 ** 30);
});
