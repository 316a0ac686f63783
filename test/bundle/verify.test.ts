import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { hashRanges } from '../../src/bundle/hashing.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import { openBundle, openBundleSource } from '../../src/bundle/open.js';
import { type ByteSource, mediaError, memorySource, openSource } from '../../src/bundle/source.js';
import { requireOk, verifyBundle, verifyFile } from '../../src/bundle/verify.js';
import { isAirgapError } from '../../src/errors.js';
import { assemble, noise, packSample, sample, sha256, temporaryFolder } from './helpers.js';

/** Large enough that threads do the hashing. */
const LARGE = sample({
  images: ['a', 'b', 'c', 'd'].map((name, index) => ({
    source: `r.example.com/${name}:1`,
    target: `${name}:1`,
    layers: [noise(2_000_000 + index * 3_000_001, name)],
  })),
});

test('threat 41: threads find every damaged blob, and only those, with progress that never goes back', async (t) => {
  const { path, bytes, layout } = await packSample(t, LARGE);
  assert.equal((await verifyFile(path)).ok, true);
  const damaged = layout.positions.filter(({ size }) => size > 1_000_000).slice(1, 3);
  for (const { offset, size } of damaged) bytes[offset + size - 1] = (bytes[offset + size - 1] as number) ^ 1;
  writeFileSync(path, bytes);
  const seen: number[] = [];
  const report = await verifyFile(path, {
    concurrency: 3,
    onProgress: (done, total) => seen.push(done / total),
  });
  assert.deepEqual(
    report.faults.map(({ where }) => where),
    damaged.map(({ path: name }) => name),
  );
  assert.deepEqual(
    report.faults.map(({ offset }) => offset),
    damaged.map(({ offset }) => offset),
  );
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), 1);
  assert.throws(
    () => requireOk(report),
    (error) => isAirgapError(error, 'BUNDLE_CORRUPT') && error.faults.length === 2,
  );
});

test('threads and one thread give the same digests, in the order of the ranges', async (t) => {
  const { path, bytes } = await packSample(t, LARGE);
  const source = await openSource(path);
  t.after(() => source.close());
  const ranges = [
    { offset: 0, size: 5 },
    { offset: 1, size: 9_000_000 },
    { offset: 7, size: 0 },
    { offset: 3_000_000, size: 8_000_000 },
  ];
  const expected = ranges.map(({ offset, size }) => ({
    sha256: sha256(bytes.subarray(offset, offset + size)),
  }));
  for (const concurrency of [1, 2, 7]) {
    const results = await hashRanges(source, ranges, { concurrency });
    assert.deepEqual(
      results.map((result) => ('sha256' in result ? result.sha256 : result)),
      expected.map((e) => e.sha256),
    );
  }
  const inline = await hashRanges(memorySource(bytes), ranges, { concurrency: 1 });
  assert.deepEqual(inline, expected);
});

test('the hashing threads survive bundling into one file, ESM or CommonJS, minified', async (t) => {
  const { path } = await packSample(t, LARGE);
  const folder = await temporaryFolder(t);
  const entry = join(import.meta.dirname, '../../src/bundle/verify.ts').replaceAll('\\', '/');
  for (const format of ['esm', 'cjs'] as const) {
    const outfile = join(folder, format === 'esm' ? 'v.mjs' : 'v.cjs');
    await build({
      stdin: {
        contents: `import { verifyFile } from ${JSON.stringify(entry)};
          verifyFile(process.argv[2]).then((r) => process.stdout.write(String(r.ok)));`,
        resolveDir: join(import.meta.dirname, '../..'),
      },
      bundle: true,
      minify: true,
      keepNames: format === 'cjs',
      platform: 'node',
      target: 'node20',
      format,
      outfile,
      logLevel: 'silent',
    });
    const run = spawnSync(process.execPath, [outfile, path], { encoding: 'utf8' });
    assert.equal(run.stdout, 'true', run.stderr);
  }
});

test('an abort stops the threads and is not taken for damage', async (t) => {
  const { path } = await packSample(t, LARGE);
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  const stop = new AbortController();
  const running = verifyBundle(bundle, { signal: stop.signal });
  stop.abort();
  await assert.rejects(running, (error: Error) => error.name === 'AbortError');
});

test('threat 20: a place that cannot be read is a fault with its offset; the other blobs are still checked', async () => {
  const layout = layoutBundle(LARGE.draft);
  const bytes = assemble(layout, LARGE);
  const blobs = layout.positions.filter(({ size }) => size > 1_000_000);
  const [unreadable, damaged] = [blobs[0]!, blobs[2]!];
  bytes[damaged.offset] = (bytes[damaged.offset] as number) ^ 1;
  const bad = unreadable.offset + 1_500_000;
  const reads: number[] = [];
  const healthy = memorySource(bytes, 'usb.tar');
  const source: ByteSource = {
    ...healthy,
    read: async (offset, length) => {
      if (offset <= bad && bad < offset + length) {
        reads.push(offset);
        throw mediaError('usb.tar', offset, 'EIO');
      }
      return healthy.read(offset, length);
    },
  };
  const report = await verifyBundle(await openBundleSource(source));
  assert.deepEqual(
    report.faults.map(({ kind, where, what, found }) => [kind, where, what, kind === 'media' ? found : '']),
    [
      ['media', unreadable.path, 'cannot be read', 'EIO'],
      ['content', damaged.path, 'does not match its digest', ''],
    ],
  );
  assert.ok((report.faults[0]?.offset ?? 0) <= bad && (report.faults[0]?.offset ?? 0) > bad - 2 ** 20);
  assert.equal(reads.length, 1, 'no storm of retries');
});

test('threat 20: when nothing but the medium is bad, the code says so', async (t) => {
  const { path } = await packSample(t, LARGE);
  const source = await openSource(path);
  t.after(() => source.close().catch(() => {}));
  const pieces = source.pieces.map((piece) => ({ ...piece, fd: unusedDescriptor() }));
  const results = await hashRanges({ ...source, pieces }, [{ offset: 512, size: 17 * 2 ** 20 }], {
    concurrency: 1,
  });
  assert.deepEqual(results, [{ job: 0, failed: { offset: 512, code: 'EBADF' } }]);
  const fault = { kind: 'media' as const, where: 'x', what: 'cannot be read', offset: 512 };
  const report = { ...(await verifyFile(path)), ok: false, faults: [fault] };
  assert.throws(
    () => requireOk(report),
    (error) => isAirgapError(error, 'MEDIA_ERROR') && error.exitStatus === 4,
  );
});

/** A descriptor number that is certainly closed. */
function unusedDescriptor(): number {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  return fd + 5000;
}

test('threats 18 and 41: a zero-filled blob of the right size is said to be one', async () => {
  const layout = layoutBundle(LARGE.draft);
  const bytes = assemble(layout, LARGE);
  const blob = layout.positions.find(({ size }) => size > 1_000_000)!;
  bytes.fill(0, blob.offset, blob.offset + blob.size);
  const report = await verifyBundle(await openBundleSource(memorySource(bytes)));
  assert.match(report.faults[0]?.found ?? '', /never written/);
});

test('threat 16: a blob beyond 8 GiB keeps its base-256 header and its place', async (t) => {
  const folder = await temporaryFolder(t);
  const size = 8 * 2 ** 30 + 3;
  const digest = `sha256:${'f'.repeat(64)}` as const;
  const { draft, contents } = sample();
  const layout = layoutBundle({ ...draft, blobs: [...draft.blobs, { digest, size }] });
  const small = layoutBundle(draft);
  const path = join(folder, 'big.tar');
  const head = assemble(
    { ...layout, totalSize: layout.positions.at(-1)!.offset, positions: layout.positions.slice(0, -1) },
    { draft, contents },
  );
  const { encodeHeader } = await import('../../src/bundle/tar.js');
  encodeHeader(layout.positions.at(-1)!).copy(head, head.length - 512);
  writeFileSync(path, head);
  truncateSync(path, layout.totalSize);
  assert.ok(layout.totalSize > small.totalSize + size);
  const list = execFileSync('tar', ['tvf', path], { encoding: 'utf8' });
  assert.ok(list.includes(String(size)), 'GNU tar reads the size');
  const bundle = await openBundle(path);
  t.after(() => bundle.close());
  assert.equal(bundle.position(`blobs/sha256/${'f'.repeat(64)}`)?.size, size);
});
