import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { create } from 'tar';
import { layoutBundle } from '../../src/bundle/layout.js';
import type { Manifest } from '../../src/bundle/manifest.js';
import type { Position } from '../../src/bundle/positions.js';
import { BLOCK, encodeHeader, paddingOf } from '../../src/bundle/tar.js';
import { judge } from './check.js';
import { assemble, noise, sample, temporaryFolder } from './helpers.js';
import { END, member, paxRecord, type RawFields, rawHeader } from './raw-tar.js';

const good = sample();
const layout = layoutBundle(good.draft);
const bytes = assemble(layout, good);
const CHART = layout.byPath.get('runai-cluster-2.13.66.tgz') as Position;
const TOOL = layout.byPath.get('tools/linux-amd64/helm') as Position;
const README = layout.byPath.get('README.txt') as Position;

/** The bundle with the header of one entry replaced. */
function reheaded(position: Position, fields: RawFields): Buffer {
  const copy = Buffer.from(bytes);
  rawHeader(position, fields).copy(copy, position.offset - BLOCK);
  return copy;
}

/** The bundle with bytes put in before an entry. */
function inserted(position: Position, extra: Buffer): Buffer {
  const at = position.offset - BLOCK;
  return Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)]);
}

/** The same length as before: the end of the file is cut by what was put in. */
function squeezed(position: Position, extra: Buffer): Buffer {
  return inserted(position, extra).subarray(0, bytes.length);
}

function without(position: Position): Buffer {
  const end = position.offset + position.size;
  return Buffer.concat([bytes.subarray(0, position.offset - BLOCK), bytes.subarray(end + paddingOf(end))]);
}

function swapped(one: Position, other: Position): Buffer {
  const part = ({ offset, size }: Position): Buffer =>
    bytes.subarray(offset - BLOCK, offset + size + paddingOf(size));
  const [a, b] = one.offset < other.offset ? [one, other] : [other, one];
  const between = bytes.subarray(a.offset + a.size + paddingOf(a.size), b.offset - BLOCK);
  const after = bytes.subarray(b.offset + b.size + paddingOf(b.size));
  return Buffer.concat([bytes.subarray(0, a.offset - BLOCK), part(b), between, part(a), after]);
}

/** A file around any manifest text, with right headers and checksums: made wrong, not damaged. */
function around(text: string): Buffer {
  const manifest = Buffer.from(text);
  const id = createHash('sha256').update(manifest).digest('hex');
  const sums = Buffer.from(`${id}  airgap.json\n`);
  return Buffer.concat([
    member('airgap.json', manifest),
    member('airgap.sig', Buffer.alloc(4096)),
    member('SHA256SUMS', sums),
    END,
  ]);
}

function manifestWith(change: (manifest: Manifest & Record<string, unknown>) => object): Buffer {
  const copy = JSON.parse(layout.bytes.toString()) as Manifest & Record<string, unknown>;
  return around(`${JSON.stringify(change(copy), null, 2)}\n`);
}

const entryOf = (path: string, size = 1) => ({ path, size, sha256: '0'.repeat(64) });
const withEntry = (path: string, size?: number) =>
  manifestWith((m) => ({
    ...m,
    entries: [...m.entries.slice(0, 2), entryOf(path, size), ...m.entries.slice(2)],
  }));

interface Row {
  readonly name: string;
  readonly threat: number;
  readonly bytes: () => Buffer;
  readonly exit?: number;
  readonly says?: RegExp;
}

const TYPES: readonly (readonly [string, string])[] = [
  ['hard link', '1'],
  ['symbolic link', '2'],
  ['character device', '3'],
  ['block device', '4'],
  ['folder', '5'],
  ['fifo', '6'],
  ['contiguous file', '7'],
  ['old regular file', '\0'],
  ['PAX header', 'x'],
  ['global PAX header', 'g'],
  ['Solaris extended header', 'X'],
  ['GNU long link', 'K'],
  ['GNU long name', 'L'],
  ['GNU sparse file', 'S'],
  ['GNU dump folder', 'D'],
  ['GNU multi-volume', 'M'],
  ['GNU volume name', 'V'],
  ['Solaris ACL', 'A'],
];

const PAX_PATH = paxRecord('path', '../../etc/cron.d/x');
const PAX_SIZE = paxRecord('size', '99999999999');
const PAX_SPARSE = paxRecord('GNU.sparse.realsize', '99999999999') + paxRecord('GNU.sparse.major', '1');

const ROWS: readonly Row[] = [
  ...TYPES.map(([name, type]) => ({
    name: `entry turned into: ${name}`,
    threat: 7,
    bytes: () => reheaded(CHART, { type, link: type === '1' || type === '2' ? '/etc/passwd' : '' }),
    says: /header of runai-cluster-2\.13\.66\.tgz/,
  })),
  {
    name: 'symbolic link put in',
    threat: 7,
    bytes: () => inserted(CHART, member('x', '', { type: '2', link: '/' })),
  },
  {
    name: 'symbolic link put in, length kept',
    threat: 7,
    bytes: () => squeezed(CHART, member('x', '', { type: '2', link: '/' })),
  },
  {
    name: 'hard link put in',
    threat: 7,
    bytes: () => squeezed(CHART, member('x', '', { type: '1', link: 'airgap.json' })),
  },
  { name: 'folder put in', threat: 7, bytes: () => squeezed(TOOL, member('tools/', '', { type: '5' })) },
  {
    name: 'PAX path before an entry',
    threat: 9,
    bytes: () => squeezed(CHART, member('PaxHeaders/x', PAX_PATH, { type: 'x' })),
  },
  {
    name: 'PAX size before an entry',
    threat: 9,
    bytes: () => squeezed(CHART, member('PaxHeaders/x', PAX_SIZE, { type: 'x' })),
  },
  {
    name: 'PAX size before a GNU long name (CVE-2026-53655 shape)',
    threat: 9,
    bytes: () =>
      squeezed(
        CHART,
        Buffer.concat([
          member('p', PAX_SIZE, { type: 'x' }),
          member('././@LongLink', 'x'.repeat(200), { type: 'L' }),
        ]),
      ),
  },
  {
    name: 'global PAX header at the start',
    threat: 9,
    exit: 3,
    bytes: () => Buffer.concat([member('pax_global_header', PAX_PATH, { type: 'g' }), bytes]),
  },
  {
    name: 'GNU long name before an entry',
    threat: 9,
    bytes: () => squeezed(CHART, member('././@LongLink', '../x\0', { type: 'L' })),
  },
  {
    name: 'GNU long link before an entry',
    threat: 9,
    bytes: () => squeezed(CHART, member('././@LongLink', '/etc\0', { type: 'K' })),
  },
  {
    name: 'PAX sparse entry',
    threat: 10,
    bytes: () => squeezed(CHART, member('p', PAX_SPARSE, { type: 'x' })),
  },
  {
    name: 'GNU sparse entry of huge logical size',
    threat: 10,
    bytes: () => reheaded(CHART, { type: 'S', tail: '\x80\0\0\0\xff\xff\xff\xff' }),
  },
  {
    name: 'second airgap.json after the first',
    threat: 6,
    bytes: () => squeezed(layout.byPath.get('airgap.sig') as Position, member('airgap.json', '{}')),
  },
  {
    name: 'second airgap.json before the first',
    threat: 6,
    bytes: () => Buffer.concat([member('airgap.json', '{}'), bytes]),
  },
  { name: 'a chart twice', threat: 6, bytes: () => squeezed(README, member(CHART.path, noise(900, 'evil'))) },
  {
    name: 'a chart again at the end',
    threat: 6,
    bytes: () => Buffer.concat([bytes.subarray(0, -1024), member(CHART.path, 'evil'), END]),
  },
  { name: 'an archive after the end', threat: 3, bytes: () => Buffer.concat([bytes, member('x', 'y'), END]) },
  { name: 'one block of the end missing', threat: 2, bytes: () => bytes.subarray(0, -512) },
  { name: 'a third zero block', threat: 3, bytes: () => Buffer.concat([bytes, Buffer.alloc(512)]) },
  {
    name: 'padded to 10,240 as tar does',
    threat: 3,
    bytes: () => Buffer.concat([bytes, Buffer.alloc(10_240 - (bytes.length % 10_240))]),
  },
  {
    name: 'text in the end',
    threat: 3,
    bytes: () => Buffer.concat([bytes.subarray(0, -1000), Buffer.from('hidden'), bytes.subarray(-994)]),
  },
  { name: 'an entry missing', threat: 15, bytes: () => without(CHART) },
  { name: 'an entry too many', threat: 15, bytes: () => inserted(CHART, member('extra', 'x')) },
  { name: 'two entries swapped', threat: 15, bytes: () => swapped(CHART, TOOL) },
  {
    name: 'an entry renamed',
    threat: 15,
    bytes: () => reheaded(CHART, { path: 'runai-cluster-2.13.67.tgz' }),
  },
  { name: 'path made absolute', threat: 8, bytes: () => reheaded(CHART, { path: '/etc/cron.d/x' }) },
  { name: 'path with parent', threat: 8, bytes: () => reheaded(CHART, { path: '../x' }) },
  { name: 'path with ./', threat: 8, bytes: () => reheaded(CHART, { path: `./${CHART.path}` }) },
  { name: 'path with backslash', threat: 8, bytes: () => reheaded(CHART, { path: '..\\x' }) },
  { name: 'path in other case', threat: 8, bytes: () => reheaded(CHART, { path: CHART.path.toUpperCase() }) },
  {
    name: 'name after the NUL',
    threat: 8,
    bytes: () => reheaded(CHART, { path: `${CHART.path}\0/../../x` }),
  },
  { name: 'prefix field in use', threat: 8, bytes: () => reheaded(CHART, { prefix: '../..' }) },
  { name: 'set-uid mode', threat: 7, bytes: () => reheaded(TOOL, { mode: '0004755' }) },
  { name: 'executable chart', threat: 7, bytes: () => reheaded(CHART, { mode: '0000755' }) },
  { name: 'owner by number', threat: 7, bytes: () => reheaded(CHART, { uid: '0001750' }) },
  { name: 'group by number', threat: 7, bytes: () => reheaded(CHART, { gid: '0001750' }) },
  { name: 'owner by name', threat: 7, bytes: () => reheaded(CHART, { owner: 'root' }) },
  { name: 'group by name', threat: 7, bytes: () => reheaded(CHART, { group: 'root' }) },
  { name: 'another time', threat: 7, bytes: () => reheaded(CHART, { mtime: '14734135000' }) },
  { name: 'GNU magic', threat: 9, bytes: () => reheaded(CHART, { magic: 'ustar  \0' }) },
  { name: 'no magic', threat: 9, bytes: () => reheaded(CHART, { magic: '\0\0\0\0\0\0\0\0' }) },
  { name: 'device numbers', threat: 7, bytes: () => reheaded(CHART, { device: '0000010' }) },
  { name: 'link name on a file', threat: 7, bytes: () => reheaded(CHART, { link: '/etc/passwd' }) },
  { name: 'bytes in the unused tail', threat: 1, bytes: () => reheaded(CHART, { tail: 'hidden' }) },
  { name: 'size too large', threat: 11, bytes: () => reheaded(CHART, { size: 901 }) },
  { name: 'size zero', threat: 11, bytes: () => reheaded(CHART, { size: 0 }) },
  {
    name: 'size negative (base-256)',
    threat: 11,
    bytes: () => reheaded(CHART, { size: Buffer.alloc(12, 0xff) }),
  },
  {
    name: 'size beyond 2^53',
    threat: 11,
    bytes: () => reheaded(CHART, { size: Buffer.from('80ffffffffffffffffffffff', 'hex') }),
  },
  {
    name: 'right size in base-256',
    threat: 11,
    bytes: () => reheaded(CHART, { size: Buffer.from('800000000000000000000384', 'hex') }),
  },
  {
    name: 'right size ended by a space',
    threat: 11,
    bytes: () => reheaded(CHART, { size: Buffer.from('00000001604 ') }),
  },
  {
    name: 'right size with blanks',
    threat: 11,
    bytes: () => reheaded(CHART, { size: Buffer.from('       1604\0') }),
  },
  { name: 'octal junk', threat: 11, bytes: () => reheaded(CHART, { size: Buffer.from('0000000abcd\0') }) },
  {
    name: 'size of the manifest negative',
    threat: 11,
    bytes: () => reheaded(layout.positions[0] as Position, { size: Buffer.alloc(12, 0xff) }),
  },
  {
    name: 'size of the manifest junk',
    threat: 11,
    bytes: () => reheaded(layout.positions[0] as Position, { size: Buffer.from('zzzzzzzzzzz\0') }),
  },
  {
    name: 'size of the manifest 1 TiB',
    threat: 13,
    exit: 3,
    bytes: () =>
      reheaded(layout.positions[0] as Position, { size: Buffer.from('800000000000010000000000', 'hex') }),
  },
  { name: 'checksum wrong', threat: 12, bytes: () => reheaded(CHART, { checksum: () => '000000\0 ' }) },
  {
    name: 'checksum of signed characters',
    threat: 12,
    bytes: () =>
      reheaded(CHART, { tail: '\xff', checksum: (sum) => `${(sum - 256).toString(8).padStart(6, '0')}\0 ` }),
  },
  {
    name: 'checksum in another form',
    threat: 12,
    bytes: () => reheaded(CHART, { checksum: (sum) => `${sum.toString(8).padStart(7, '0')} ` }),
  },
  {
    name: 'a byte before the start',
    threat: 4,
    exit: 3,
    bytes: () => Buffer.concat([Buffer.from('#'), bytes]),
  },
  {
    name: 'a shell script before the start',
    threat: 4,
    exit: 3,
    bytes: () => Buffer.concat([Buffer.from('#!/bin/sh\n'.padEnd(512, '#')), bytes]),
  },
  {
    name: 'a BOM before the start',
    threat: 4,
    exit: 3,
    bytes: () => Buffer.concat([Buffer.from('\ufeff'), bytes]),
  },
  {
    name: 'a zero block before the start',
    threat: 4,
    bytes: () => Buffer.concat([Buffer.alloc(512), bytes]),
  },
  {
    name: 'a PDF that is a tar',
    threat: 4,
    exit: 3,
    bytes: () => Buffer.concat([Buffer.from('%PDF-1.7\n'.padEnd(512, ' ')), bytes]),
  },
  {
    name: 'entry named by the manifest outside (..)',
    threat: 8,
    exit: 3,
    bytes: () => withEntry('../../etc/cron.d/x'),
  },
  {
    name: 'entry named by the manifest outside (/)',
    threat: 8,
    exit: 3,
    bytes: () => withEntry('/etc/cron.d/x'),
  },
  { name: 'entry named by the manifest for Windows', threat: 8, exit: 3, bytes: () => withEntry('C:\\x') },
  {
    name: 'entry named by the manifest as a device',
    threat: 8,
    exit: 3,
    bytes: () => withEntry('tools/nul'),
  },
  {
    name: 'entry of the manifest of 2^60 bytes',
    threat: 11,
    exit: 3,
    bytes: () => withEntry('big', 2 ** 60),
  },
  { name: 'manifest of 8 PiB in a small file', threat: 2, exit: 4, bytes: () => withEntry('big', 2 ** 52) },
  {
    name: 'manifest with a million numbers',
    threat: 13,
    exit: 3,
    bytes: () => around(`[${'1,'.repeat(1_100_000)}1]`),
  },
  {
    name: 'manifest with 60,000 entries',
    threat: 13,
    exit: 3,
    bytes: () =>
      manifestWith((m) => ({ ...m, entries: Array.from({ length: 60_000 }, (_, i) => entryOf(`e${i}`)) })),
  },
  { name: 'manifest nested 100,000 deep', threat: 39, exit: 3, bytes: () => around('['.repeat(100_000)) },
  {
    name: 'manifest with a duplicate key',
    threat: 39,
    exit: 3,
    bytes: () => around(layout.bytes.toString().replace('"product"', '"version": "1",\n  "product"')),
  },
  { name: 'manifest of the next format', threat: 38, exit: 3, bytes: () => around('{"schemaVersion":2}\n') },
  { name: 'empty manifest', threat: 39, exit: 3, bytes: () => around('') },
  { name: 'manifest of another bundle', threat: 26, bytes: () => mixed() },
];

/** Manifest and frame of one release around the payload of another. */
function mixed(): Buffer {
  const other = sample({ version: '2.13.65' });
  const foreign = layoutBundle(other.draft);
  const file = assemble(foreign, other);
  noise(5000, 'payload of another release').copy(file, foreign.positions.at(-1)?.offset);
  return file;
}

describe('threats 1-4, 6-13, 15, 26, 38 and 39: hostile archives', () => {
  for (const { name, threat, bytes: make, exit = 4, says } of ROWS) {
    test(`refused with exit ${exit}: ${name} (threat ${threat})`, async () => {
      const file = make();
      const before = process.cpuUsage();
      const verdict = await judge(file);
      assert.equal(verdict.ok, false);
      assert.equal(verdict.exit, exit, `${verdict.code} ${verdict.text}`);
      assert.notEqual(verdict.code, 'INTERNAL');
      if (says) assert.match(verdict.text, says);
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 1_000_000, 'more than a second of work');
    });
  }

  test('the numbers of the title are those of the archives', () => {
    const numbers = [...new Set(ROWS.map(({ threat }) => threat))].sort((a, b) => a - b);
    assert.deepEqual(numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 26, 38, 39]);
  });
});

test('the corpus has at least 60 archives', () => {
  assert.ok(ROWS.length >= 60);
});

test('threat 7: all of the 255 other type flags are refused', async () => {
  for (let flag = 0; flag < 256; flag++) {
    const verdict = await judge(reheaded(CHART, { type: String.fromCharCode(flag) }));
    assert.equal(verdict.ok, flag === 0x30, `type flag ${flag}`);
  }
});

test('threats 6 and 9: the bundle extracted and packed anew is refused, by GNU tar and by node-tar', async (t) => {
  const folder = await temporaryFolder(t);
  const [file, extracted] = [join(folder, 'a.tar'), join(folder, 'x')];
  writeFileSync(file, bytes);
  mkdirSync(extracted);
  execFileSync('tar', ['xf', file, '-C', extracted]);
  const names = layout.positions.map(({ path }) => path);
  execFileSync('tar', ['cf', join(folder, 'gnu.tar'), '-C', extracted, ...names]);
  await create({ file: join(folder, 'node.tar'), cwd: extracted }, names);
  execFileSync('tar', ['cf', join(folder, 'all.tar'), '-C', extracted, '.']);
  for (const name of ['gnu.tar', 'node.tar']) {
    const verdict = await judge(readFileSync(join(folder, name)));
    assert.equal(verdict.exit, 4, `${name}: ${verdict.code}`);
  }
  const all = await judge(readFileSync(join(folder, 'all.tar')));
  assert.equal(all.code, 'NOT_A_BUNDLE');
  assert.match(all.text, /packed anew/);
});

test('headers in the file are the ones that are expected', () => {
  assert.deepEqual(bytes.subarray(CHART.offset - BLOCK, CHART.offset), encodeHeader(CHART));
});

test('threats 10, 11, 13: after the whole corpus the memory stays small', () => {
  const limit = 450;
  assert.ok(process.resourceUsage().maxRSS / 1024 < limit, `${process.resourceUsage().maxRSS / 1024} MiB`);
});
