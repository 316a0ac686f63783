import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../src/term/table.js';
import { formatBytes, formatDuration, formatExactBytes, plural } from '../../src/term/units.js';

test('formatBytes uses decimal units with three figures', () => {
  const rows: [number, string][] = [
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1000, '1.00 kB'],
    [48_213_004, '48.2 MB'],
    [1_800_000_000, '1.80 GB'],
    [60e9, '60.0 GB'],
    [5e15, '5000 TB'],
  ];
  for (const [count, text] of rows) assert.equal(formatBytes(count), text);
});

test('formatExactBytes groups by thousands', () => {
  assert.equal(formatExactBytes(48_213_004), '48 213 004 bytes');
  assert.equal(formatExactBytes(7), '7 bytes');
});

test('formatDuration goes from tenths to hours', () => {
  const rows: [number, string][] = [
    [420, '0.4 s'],
    [12_300, '12 s'],
    [185_000, '3 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ];
  for (const [milliseconds, text] of rows) assert.equal(formatDuration(milliseconds), text);
});

test('plural', () => {
  assert.equal(plural(1, 'image'), '1 image');
  assert.equal(plural(3, 'entry', 'entries'), '3 entries');
});

test('formatTable aligns and leaves no trailing spaces', () => {
  const lines = formatTable(
    [{ title: 'image' }, { title: 'size', align: 'right' }, { title: 'note' }],
    [
      ['backend', '9', ''],
      ['x', '1234', 'shared'],
    ],
  );
  assert.deepEqual(lines, ['image    size  note', 'backend     9', 'x        1234  shared']);
});
