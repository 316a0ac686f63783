import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Header } from 'tar';
import {
  BLOCK,
  decodeHeader,
  decodeSize,
  encodeHeader,
  OCTAL_LIMIT,
  PATH_LIMIT,
  paddingOf,
} from '../../src/bundle/tar.js';
import { temporaryFolder } from './helpers.js';

test('a header is the one that GNU tar writes', async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'airgap.json'), 'x'.repeat(700));
  const options = [
    '--format=ustar',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=0644',
    '-b1',
  ];
  const archive = execFileSync('tar', [...options, '-cf', '-', '-C', folder, 'airgap.json']);
  assert.deepEqual(archive.subarray(0, BLOCK), encodeHeader({ path: 'airgap.json', size: 700 }));
});

test('threat 16: node-tar reads every header as it was meant, base-256 sizes too', () => {
  const path = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._+-]{0,60}$/);
  const size = fc.oneof(
    fc.maxSafeNat(),
    fc.nat(5000),
    fc.constantFrom(OCTAL_LIMIT - 1, OCTAL_LIMIT, 2 ** 53 - 1),
  );
  fc.assert(
    fc.property(path, size, (name, bytes) => {
      const block = encodeHeader({ path: name, size: bytes });
      const header = new Header(block);
      assert.equal(header.cksumValid, true);
      assert.equal(header.path, name);
      assert.equal(header.size, bytes);
      assert.equal(header.type, 'File');
      assert.deepEqual(decodeHeader(block), { path: name, size: bytes });
    }),
  );
});

test('threats 11 and 16: the size field has exactly one form for each size', () => {
  assert.equal(
    encodeHeader({ path: 'a', size: OCTAL_LIMIT - 1 }).toString('latin1', 124, 136),
    '77777777777\0',
  );
  const large = encodeHeader({ path: 'a', size: OCTAL_LIMIT }).subarray(124, 136);
  assert.equal(large.toString('hex'), '800000000000000200000000');
});

test('threat 11: sizes that are none are refused, whatever stands in the field', () => {
  const field = (bytes: Buffer): Buffer => {
    const block = encodeHeader({ path: 'a', size: 1 });
    bytes.copy(block, 124);
    return block;
  };
  const rows: readonly (readonly [string, Buffer])[] = [
    ['negative base-256', Buffer.alloc(12, 0xff)],
    ['beyond 2^53', Buffer.from('800000000020000000000001', 'hex')],
    ['beyond 64 bits', Buffer.from('8000000100000000ffffffff', 'hex')],
    ['base-256 of a small size', Buffer.from('800000000000000000000005', 'hex')],
    ['octal junk', Buffer.from('0000000009x\0')],
    ['blank', Buffer.from('            ')],
    ['minus', Buffer.from('-0000000001\0')],
    ['hex', Buffer.from('0x000000001\0')],
  ];
  for (const [name, bytes] of rows) assert.equal(decodeSize(field(bytes)), undefined, name);
});

test('threat 11: any twelve bytes give a size or nothing, at once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (bytes) => {
      const block = Buffer.alloc(BLOCK);
      Buffer.from(bytes).copy(block, 124);
      const size = decodeSize(block);
      assert.ok(size === undefined || (Number.isSafeInteger(size) && size >= 0));
    }),
    { numRuns: 2000 },
  );
});

test('threat 12: a wrong checksum, signed characters included, makes a foreign header unreadable', () => {
  const block = encodeHeader({ path: 'a', size: 1 });
  block[0] = 0xe9;
  assert.equal(decodeHeader(block), undefined);
});

test('padding fills the block and no more', () => {
  assert.deepEqual([0, 1, 511, 512, 513].map(paddingOf), [0, 511, 1, 0, 511]);
});

test('tools are executable, everything else is not', () => {
  const mode = (path: string): string => encodeHeader({ path, size: 1 }).toString('latin1', 100, 107);
  assert.equal(mode('tools/helm'), '0000755');
  assert.equal(mode('toolsx'), '0000644');
});

test('the longest path still ends with a zero', () => {
  const header = encodeHeader({ path: 'a'.repeat(PATH_LIMIT), size: 0 });
  assert.equal(header[PATH_LIMIT], 0);
  assert.equal(new Header(header).path, 'a'.repeat(PATH_LIMIT));
});
