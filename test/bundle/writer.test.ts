import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { layoutBundle } from '../../src/bundle/layout.js';
import { verifyFile } from '../../src/bundle/verify.js';
import { type OpenEntry, writeBundle } from '../../src/bundle/writer.js';
import { isAirgapError } from '../../src/errors.js';
import { checkedStream } from '../../src/io/checked.js';
import {
  assemble,
  noise,
  openerOf,
  type Sample,
  sample,
  sha256,
  slowSample,
  temporaryFolder,
  writeSample,
} from './helpers.js';

/** Opens entries as before and writes down which were asked for. */
function counted(from: Sample): { open: OpenEntry; asked: string[] } {
  const asked: string[] = [];
  const inner = openerOf(from);
  return {
    asked,
    open: (entry, signal) => {
      asked.push(entry.path);
      return inner(entry, signal);
    },
  };
}

test('two packs of the same draft are the same bytes, whatever the concurrency and the kind of source', async (t) => {
  const folder = await temporaryFolder(t);
  const from = slowSample();
  const layout = layoutBundle(from.draft);
  const expected = sha256(assemble(layout, from));
  const kinds: readonly OpenEntry[] = [
    openerOf(from),
    ({ path }) => Readable.from([from.contents.get(path)]),
    ({ path, size, sha256: digest }) => ({
      checked: Readable.from([from.contents.get(path)]).pipe(
        checkedStream({ size, sha256: digest as string, what: path }),
      ),
    }),
  ];
  for (const [index, open] of kinds.entries()) {
    const path = join(folder, `${index}.tar`);
    const report = await writeBundle(path, layout, open, { concurrency: 1 + 3 * index });
    assert.equal(sha256(readFileSync(path)), expected);
    assert.deepEqual([report.reused, report.bundleId], [0, layout.bundleId]);
  }
  assert.deepEqual(readdirSync(folder), ['0.tar', '1.tar', '2.tar']);
});

test('progress counts bytes in their place and ends with all of them', async (t) => {
  const from = sample();
  const layout = layoutBundle(from.draft);
  const seen: number[] = [];
  const report = await writeBundle(join(await temporaryFolder(t), 'x.tar'), layout, openerOf(from), {
    onProgress: (done) => seen.push(done),
  });
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), report.brought);
});

for (const [name, spoil] of [
  [
    'a flipped bit',
    (bytes: Buffer) => Buffer.from(bytes.map((byte, index) => (index === 9 ? byte ^ 1 : byte))),
  ],
  ['a byte too few', (bytes: Buffer) => bytes.subarray(1)],
  ['a byte too many', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
] as const) {
  for (const kind of ['buffer', 'stream'] as const) {
    test(`threat 41: an origin that gives ${name} as a ${kind} never makes a bundle`, async (t) => {
      const path = join(await temporaryFolder(t), 'x.tar');
      const from = sample();
      const bad = [...from.contents.keys()].find((key) => key.startsWith('blobs/')) as string;
      const open: OpenEntry = (entry) => {
        const bytes = from.contents.get(entry.path) as Buffer;
        const given = entry.path === bad ? spoil(bytes) : bytes;
        return kind === 'buffer' ? given : Readable.from([given]);
      };
      await assert.rejects(
        writeBundle(path, layoutBundle(from.draft), open),
        (error) => isAirgapError(error, 'BLOB_MISMATCH') && error.message.includes(bad),
      );
      assert.equal(existsSync(path), false);
      const { asked, open: again } = counted(from);
      await writeBundle(path, layoutBundle(from.draft), again, { concurrency: 1 });
      assert.ok(asked.includes(bad));
      assert.equal((await verifyFile(path)).ok, true);
    });
  }
}

test('a stream that says it checks itself still cannot write beyond its entry', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = sample();
  const open: OpenEntry = () => ({ checked: Readable.from([noise(2_000_000, 'flood')]) });
  await assert.rejects(writeBundle(path, layoutBundle(from.draft), open), (e) =>
    isAirgapError(e, 'BLOB_MISMATCH'),
  );
});

test('after a failure, only what is missing is asked for; a damaged leftover is asked for again', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = slowSample();
  const layout = layoutBundle(from.draft);
  const wanted = [...from.contents.keys()].length;
  let given = 0;
  const failing: OpenEntry = ({ path: name }) => {
    if (given++ === 12) throw new Error('the line broke');
    return from.contents.get(name) as Buffer;
  };
  await assert.rejects(writeBundle(path, layout, failing, { concurrency: 1 }), /the line broke/);
  const partial = readFileSync(`${path}.partial`);
  const first = layout.positions.find(({ size }) => size === 300_000)!;
  partial[first.offset + 7] = (partial[first.offset + 7] as number) ^ 1;
  writeFileSync(`${path}.partial`, partial);
  const { asked, open } = counted(from);
  const report = await writeBundle(path, layout, open);
  assert.equal(asked.length, wanted - 12 + 1);
  assert.ok(asked.includes(first.path));
  assert.ok(report.reused > 0);
  assert.equal(sha256(readFileSync(path)), sha256(assemble(layout, from)));
  assert.deepEqual(readdirSync(join(path, '..')), ['x.tar']);
});

test('an unfinished pack of another version gives its blobs; so does the finished file of that name', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const before = slowSample();
  const failing: OpenEntry = ({ path: name }) => {
    if (name === 'runai-crds.yaml') throw new Error('the line broke');
    return before.contents.get(name) as Buffer;
  };
  await assert.rejects(writeBundle(path, layoutBundle(before.draft), failing, { concurrency: 1 }), /broke/);
  const after: Sample = { ...before, draft: { ...before.draft, version: '2.13.67' } };
  const second = counted(after);
  const report = await writeBundle(path, layoutBundle(after.draft), second.open);
  assert.ok(!second.asked.some((name) => name.startsWith('blobs/')), second.asked.join());
  assert.ok(second.asked.includes('runai-crds.yaml'));
  assert.ok(report.reused > 1_800_000);
  assert.deepEqual(readdirSync(join(path, '..')), ['x.tar']);
  const third = counted(before);
  await writeBundle(path, layoutBundle(before.draft), third.open);
  assert.deepEqual(third.asked, []);
  assert.equal(sha256(readFileSync(path)), sha256(assemble(layoutBundle(before.draft), before)));
});

test('a file of that name that is no bundle, or a damaged one, gives nothing and is replaced', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = sample();
  const layout = layoutBundle(from.draft);
  writeFileSync(path, 'something else');
  await writeBundle(path, layout, openerOf(from));
  const damaged = readFileSync(path);
  for (const { offset, path: name } of layout.positions) {
    if (from.contents.has(name)) damaged[offset] = (damaged[offset] as number) ^ 1;
  }
  writeFileSync(path, damaged);
  const { asked, open } = counted(from);
  await writeBundle(path, layout, open);
  assert.equal(asked.length, from.contents.size);
  assert.equal((await verifyFile(path)).ok, true);
});

test('a resumed pack in parts takes up the parts', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = slowSample();
  const layout = layoutBundle(from.draft);
  let given = 0;
  const failing: OpenEntry = ({ path: name }) => {
    if (given++ === 8) throw new Error('the line broke');
    return from.contents.get(name) as Buffer;
  };
  const split = 700_000;
  await assert.rejects(writeBundle(path, layout, failing, { concurrency: 1, split }), /broke/);
  const { asked, open } = counted(from);
  const { paths } = await writeBundle(path, layout, open, { split });
  assert.equal(asked.length, from.contents.size - 8);
  assert.ok(Buffer.concat(paths.map((part) => readFileSync(part))).equals(assemble(layout, from)));
  const other = counted(from);
  await writeBundle(path, layout, other.open, { split: 900_000 });
  assert.deepEqual(other.asked, []);
  assert.equal((await verifyFile(path)).ok, true);
  assert.deepEqual(readdirSync(join(path, '..')), ['x.tar.001', 'x.tar.002', 'x.tar.003']);
});

test('an abort leaves the partial file and no lock', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = slowSample();
  const stop = new AbortController();
  const open: OpenEntry = () =>
    new Readable({
      read() {
        this.push(Buffer.alloc(10));
        stop.abort();
      },
    });
  await assert.rejects(
    writeBundle(path, layoutBundle(from.draft), open, { signal: stop.signal }),
    (error: Error) => error.name === 'AbortError',
  );
  assert.deepEqual(readdirSync(join(path, '..')), ['x.tar.partial']);
});

test('killed at three moments, the same pack goes on and ends with the same bytes', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'x.tar');
  const from = slowSample();
  const expected = sha256(assemble(layoutBundle(from.draft), from));
  const child = join(import.meta.dirname, 'pack-child.ts');
  for (const moment of [3, 7, 11]) await killAfter(child, path, moment);
  assert.equal(existsSync(path), false);
  assert.ok(existsSync(`${path}.lock`), 'the lock of the dead is still there');
  const { asked, open } = counted(from);
  await writeBundle(path, layoutBundle(from.draft), open);
  assert.ok(asked.length < from.contents.size, `asked again for all ${asked.length}`);
  assert.equal(sha256(readFileSync(path)), expected);
  assert.deepEqual(readdirSync(folder), ['x.tar']);
});

/** Starts a pack and kills it without warning when it has asked for so many entries. */
async function killAfter(program: string, output: string, entries: number): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, output], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let asked = 0;
  child.stdout.on('data', (data: Buffer) => {
    asked += data.toString().split('asked').length - 1;
    if (asked >= entries) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
}

test('threat 88: two packs to one output: the second is refused and told who holds it', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = sample();
  let second: Promise<unknown> | undefined;
  const open: OpenEntry = async ({ path: name }) => {
    second ??= writeSample(path, from).then(
      () => 'written',
      (error: unknown) => error,
    );
    await second;
    return from.contents.get(name) as Buffer;
  };
  await writeBundle(path, layoutBundle(from.draft), open);
  const refused = await second;
  assert.ok(isAirgapError(refused, 'LOCKED'));
  assert.match(refused.found ?? '', new RegExp(`process ${process.pid} `));
  assert.equal((await verifyFile(path)).ok, true);
});

test('threat 88: many packs at once to one output: never two at work, and one succeeds', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const from = sample();
  let inside = 0;
  let most = 0;
  const open: OpenEntry = async ({ path: name }) => {
    inside++;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 1));
    inside--;
    return from.contents.get(name) as Buffer;
  };
  const layout = layoutBundle(from.draft);
  const runs = Array.from({ length: 30 }, () => writeBundle(path, layout, open, { concurrency: 1 }));
  const ends = await Promise.allSettled(runs);
  assert.ok(ends.some(({ status }) => status === 'fulfilled'));
  for (const end of ends) {
    if (end.status === 'rejected') assert.ok(isAirgapError(end.reason, 'LOCKED'), String(end.reason));
  }
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(join(path, '..')), ['x.tar']);
});

test('a lock of another boot or of a dead process is taken over, one of another host is not', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  const host = execFileSync('hostname', { encoding: 'utf8' }).trim();
  const dead = spawnSync('true').pid;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  for (const holder of [
    { pid: process.pid, started: '1', boot: 'earlier', host },
    { pid: dead, started: '1', boot, host },
    { pid: process.pid, started: '1', boot, host },
  ]) {
    writeFileSync(`${path}.lock`, JSON.stringify(holder));
    await writeSample(path, sample());
    assert.equal(existsSync(`${path}.lock`), false);
  }
  for (const text of [JSON.stringify({ pid: 1, started: '1', boot, host: 'elsewhere' }), 'junk']) {
    writeFileSync(`${path}.lock`, text);
    await assert.rejects(
      writeSample(path, sample()),
      (e) => isAirgapError(e, 'LOCKED') && e.exitStatus === 9,
    );
  }
});

test('threat 85: a full disk: said before the work when it is plain, kept and resumed when it comes midway', async (t) => {
  const folder = await temporaryFolder(t);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
  if (mounted.status !== 0) {
    t.skip('no right to mount a tmpfs here');
    return;
  }
  try {
    await fillUp(folder);
  } finally {
    spawnSync('umount', [folder]);
  }
});

async function fillUp(folder: string): Promise<void> {
  const path = join(folder, 'x.tar');
  const from = slowSample();
  const layout = layoutBundle(from.draft);
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(2_000_000));
  const full = (error: unknown): boolean => isAirgapError(error, 'DISK_FULL') && error.exitStatus === 2;
  await assert.rejects(writeBundle(path, layout, openerOf(from)), full);
  assert.deepEqual(readdirSync(folder), ['ballast']);
  execFileSync('rm', [join(folder, 'ballast')]);
  let given = 0;
  const filling: OpenEntry = ({ path: name }) => {
    if (given++ === 5) writeFileSync(join(folder, 'ballast'), Buffer.alloc(1_300_000));
    return from.contents.get(name) as Buffer;
  };
  await assert.rejects(writeBundle(path, layout, filling, { concurrency: 1 }), full);
  assert.deepEqual(readdirSync(folder), ['ballast', 'x.tar.partial']);
  execFileSync('rm', [join(folder, 'ballast')]);
  const { asked, open } = counted(from);
  await writeBundle(path, layout, open);
  assert.ok(asked.length < from.contents.size);
  assert.equal(sha256(readFileSync(path)), sha256(assemble(layout, from)));
}

test('an output that cannot be a file is refused before anything is asked for', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, 'x.tar'));
  const { asked, open } = counted(sample());
  const layout = layoutBundle(sample().draft);
  const unwritable = (error: unknown): boolean => isAirgapError(error, 'OUTPUT_UNWRITABLE');
  await assert.rejects(writeBundle(join(folder, 'x.tar'), layout, open), unwritable);
  await assert.rejects(writeBundle(join(folder, 'none', 'x.tar'), layout, open), unwritable);
  assert.deepEqual(asked, []);
});
