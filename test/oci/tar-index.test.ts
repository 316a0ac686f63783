import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../../src/errors.js';
import { parseTarHeader, readPax } from '../../src/oci/tar-header.js';
import { indexTar, type TarIndex } from '../../src/oci/tar-index.js';
import { save, tempFolder } from './support/local.js';

async function indexOf(
  t: TestContext,
  file: string,
): Promise<{ index: TarIndex; read(name: string): Promise<string> }> {
  const handle = await open(file, 'r');
  t.after(() => handle.close());
  const index = await indexTar(handle, (await handle.stat()).size, file);
  return {
    index,
    async read(name) {
      const entry = index.find(name);
      assert.ok(entry, `${name} is not found`);
      const buffer = Buffer.alloc(entry.size);
      await handle.read(buffer, 0, entry.size, entry.offset);
      return buffer.toString();
    },
  };
}

const LONG = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(120)}`;

for (const format of ['ustar', 'gnu', 'pax', 'oldgnu', 'v7']) {
  test(`files are found in a tar of the format ${format}`, async (t) => {
    const folder = tempFolder(t);
    save(folder, 'in/index.json', '{"a":1}');
    save(folder, 'in/blobs/sha256/abc', 'content');
    save(folder, 'in/empty', '');
    if (format === 'gnu' || format === 'pax') save(folder, `in/${LONG}`, 'far');
    execFileSync('tar', ['-C', join(folder, 'in'), `--format=${format}`, '-cf', join(folder, 'x.tar'), '.']);
    const { index, read } = await indexOf(t, join(folder, 'x.tar'));
    assert.equal(await read('index.json'), '{"a":1}');
    assert.equal(await read('blobs/sha256/abc'), 'content');
    assert.equal(await read('./blobs//sha256/abc'), 'content');
    assert.equal(await read('empty'), '');
    if (format === 'gnu' || format === 'pax') assert.equal(await read(LONG), 'far');
    assert.equal(index.find('blobs'), undefined);
    assert.equal(index.find('nope'), undefined);
  });
}

test('links are followed inside the archive only', async (t) => {
  const folder = tempFolder(t);
  save(folder, 'in/a/layer.tar', 'layer');
  mkdirSync(join(folder, 'in/b'));
  symlinkSync('../a/layer.tar', join(folder, 'in/b/layer.tar'));
  linkSync(join(folder, 'in/a/layer.tar'), join(folder, 'in/hard'));
  symlinkSync('/etc/hostname', join(folder, 'in/out'));
  symlinkSync('../../../etc/hostname', join(folder, 'in/up'));
  symlinkSync('loop2', join(folder, 'in/loop1'));
  symlinkSync('loop1', join(folder, 'in/loop2'));
  execFileSync('tar', [
    '-C',
    join(folder, 'in'),
    '-cf',
    join(folder, 'x.tar'),
    'a',
    'b',
    'hard',
    'out',
    'up',
    'loop1',
    'loop2',
  ]);
  const { index, read } = await indexOf(t, join(folder, 'x.tar'));
  assert.equal(await read('b/layer.tar'), 'layer');
  assert.equal(await read('hard'), 'layer');
  for (const name of ['out', 'up', 'loop1', '/etc/hostname', '../x'])
    assert.equal(index.find(name), undefined, name);
});

test('an entry beyond 8 GiB is found by its base-256 size', async (t) => {
  const folder = tempFolder(t);
  const size = 9 * 1024 ** 3;
  writeFileSync(join(folder, 'big'), '');
  truncateSync(join(folder, 'big'), size);
  const header = Buffer.alloc(512);
  header.write('big');
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
  header.write('ustar\0', 257);
  header.write('0', 156);
  const sum = header.reduce((total, byte) => total + byte, 8 * 0x20);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  assert.equal(parseTarHeader(header)?.size, size);
  const file = join(folder, 'x.tar');
  writeFileSync(file, header);
  truncateSync(file, 512 + size + 1024);
  const handle = await open(file, 'r');
  t.after(() => handle.close());
  const index = await indexTar(handle, 512 + size + 1024, file);
  assert.deepEqual(index.find('big'), { offset: 512, size });
});

test('what is no tar, is cut, or has a name twice is refused', async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, 'x.tar');
  const refused = async (pattern: RegExp): Promise<void> => {
    await assert.rejects(
      indexOf(t, file),
      (error) => isAirgapError(error, 'IMAGE_INVALID') && pattern.test(error.found ?? ''),
    );
  };
  writeFileSync(file, Buffer.alloc(2048, 'x'));
  await refused(/something else/);
  save(folder, 'in/a', 'x'.repeat(5000));
  execFileSync('tar', ['-C', join(folder, 'in'), '-cf', file, 'a']);
  truncateSync(file, 3000);
  await refused(/beyond the end/);
  execFileSync('tar', ['-C', join(folder, 'in'), '-cf', file, 'a']);
  execFileSync('tar', ['-C', join(folder, 'in'), '-rf', file, './a']);
  await refused(/second entry/);
});

test('no bytes crash the readers of headers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 512, maxLength: 512 }), (bytes) => {
      parseTarHeader(Buffer.from(bytes));
      const found = readPax(Buffer.from(bytes));
      assert.ok(found.size === undefined || Number.isSafeInteger(found.size));
    }),
  );
  assert.deepEqual(readPax(Buffer.from('12 path=a/b\n13 size=12345\n')), { name: 'a/b' });
  assert.deepEqual(readPax(Buffer.from('12 path=a/b\n14 size=12345\n')), { name: 'a/b', size: 12345 });
  assert.deepEqual(readPax(Buffer.from('0 x=y\n')), {});
});
