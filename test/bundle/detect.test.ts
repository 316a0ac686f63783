import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBundle } from '../../src/bundle/open.js';
import { AirgapError } from '../../src/errors.js';
import { packSample, temporaryFolder } from './helpers.js';
import { END, member } from './raw-tar.js';

async function refusal(path: string): Promise<AirgapError> {
  try {
    await (await openBundle(path)).close();
  } catch (error) {
    assert.ok(error instanceof AirgapError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `${path} was opened` });
}

test('threat 5: a compressed bundle is refused with the command that undoes it, which works', async (t) => {
  const { path } = await packSample(t);
  const folder = join(path, '..');
  for (const [program, suffix, magic] of [
    ['gzip', 'gz', 'gzip'],
    ['xz', 'xz', 'xz'],
    ['bzip2', 'bz2', 'bzip2'],
    ['zstd', 'zst', 'zstd'],
  ] as const) {
    const missing = isMissing(program);
    if (missing) {
      t.diagnostic(`${program} is not here: only its magic is checked`);
      writeFileSync(`${path}.${suffix}`, Buffer.concat([MAGIC[suffix], Buffer.alloc(600, 1)]));
    } else {
      execFileSync(program, ['-k', '-f', path]);
    }
    const error = await refusal(`${path}.${suffix}`);
    assert.equal(error.code, 'BUNDLE_COMPRESSED');
    assert.equal(error.exitStatus, 3);
    assert.ok(error.message.includes(magic));
    if (missing) continue;
    execFileSync('mv', [path, `${path}.kept`]);
    execFileSync('sh', ['-c', error.hint], { cwd: folder });
    execFileSync('cmp', [path, `${path}.kept`]);
  }
});

const MAGIC = {
  gz: Buffer.from('1f8b08', 'hex'),
  xz: Buffer.from('fd377a585a00', 'hex'),
  bz2: Buffer.from('BZh9'),
  zst: Buffer.from('28b52ffd', 'hex'),
};

function isMissing(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

test('threat 5: other wrappings are named by their magic', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [name, hex, undo] of [
    ['zip', '504b0304', /unzip/],
    ['7z', '377abcaf271c', /7z x/],
    ['lz4', '04224d18', /lz4 -d/],
  ] as const) {
    const path = join(folder, `bundle.tar.${name}`);
    writeFileSync(path, Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(700, 7)]));
    const error = await refusal(path);
    assert.equal(error.code, 'BUNDLE_COMPRESSED');
    assert.match(error.hint, undo);
  }
});

test('threat 4: archives of another kind are named, with what to do with them', async (t) => {
  const folder = await temporaryFolder(t);
  const rows: readonly (readonly [string, Buffer, RegExp])[] = [
    [
      'docker save',
      Buffer.concat([member('repositories', '{}'), member('manifest.json', '[]'), END]),
      /docker-archive/,
    ],
    [
      'OCI archive',
      Buffer.concat([member('oci-layout', '{}'), member('index.json', '{}'), END]),
      /oci-archive/,
    ],
    ['any tar', Buffer.concat([member('hello.txt', 'hi'), END]), /runai-air-gapped/],
    ['text', Buffer.from('hello world\n'.repeat(100)), /runai-air-gapped/],
  ];
  for (const [name, bytes, hint] of rows) {
    const path = join(folder, name.replace(' ', '-'));
    writeFileSync(path, bytes);
    const error = await refusal(path);
    assert.equal(error.code, 'NOT_A_BUNDLE', name);
    assert.equal(error.exitStatus, 3);
    assert.match(error.hint, hint, name);
  }
});

test('threat 11: a tar of endless or absurd sizes is explained without a loop', async (t) => {
  const path = join(await temporaryFolder(t), 'x.tar');
  writeFileSync(path, Buffer.concat(Array.from({ length: 5000 }, (_, i) => member(`f${i}`, ''))));
  assert.equal((await refusal(path)).code, 'NOT_A_BUNDLE');
});

test('threat 14: only regular files are opened: pipe, folder, device, socket', async (t) => {
  const folder = await temporaryFolder(t);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  mkdirSync(join(folder, 'folder'));
  symlinkSync('/dev/zero', join(folder, 'zero'));
  for (const [name, found] of [
    ['pipe', 'a pipe'],
    ['folder', 'a folder'],
    ['zero', 'a device'],
  ] as const) {
    const error = await refusal(join(folder, name));
    assert.equal(error.code, 'NOT_A_BUNDLE');
    assert.equal(error.exitStatus, 3);
    assert.equal(error.found, found);
  }
});

test('a file that is not there is a fault of the command line', async (t) => {
  const error = await refusal(join(await temporaryFolder(t), 'none.tar'));
  assert.equal(error.code, 'FILE_NOT_FOUND');
  assert.equal(error.exitStatus, 2);
});
