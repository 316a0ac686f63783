import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { isKept, layerOfRootfs } from '../../scripts/lib/standin/rootfs.js';
import { sha256, temporary } from './support.js';

const LONG = `usr/share/${'long-folder-name/'.repeat(8)}file`;
const KEPT = ['usr/bin/sha256sum', 'usr/lib/postgresql/15/bin/postgres', LONG];
const DROPPED = [
  'usr/lib/x86_64-linux-gnu/libLLVM-14.so.1',
  'usr/bin/psql',
  `usr/share/doc/${'long-folder-name/'.repeat(8)}file`,
];

/** A tar as mmdebstrap writes it: GNU format, names with a leading `./`. */
function rootfs(folder: string, time = 1000): string {
  for (const path of [...KEPT, ...DROPPED]) {
    const file = join(folder, 'root', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, path.repeat(100));
    utimesSync(file, time, time);
  }
  const tar = join(folder, 'root.tar');
  const args = ['-C', join(folder, 'root'), '--format=gnu', '--sort=name', '-cf', tar, '.'];
  assert.equal(spawnSync('tar', args).status, 0);
  return tar;
}

describe('the layer of a root file system', () => {
  it('keeps what the server needs and drops the rest, long names included', async (context) => {
    const folder = temporary(context);
    const layer = await layerOfRootfs(rootfs(folder), join(folder, 'layer.tar.gz'));
    const listed = spawnSync('tar', ['-tf', join(folder, 'layer.tar.gz')], { encoding: 'utf8' });
    assert.equal(listed.status, 0, listed.stderr);
    const files = listed.stdout.split('\n').filter((name) => name !== '' && !name.endsWith('/'));
    assert.deepEqual(files.sort(), KEPT.map((name) => `./${name}`).sort());
    const bytes = readFileSync(join(folder, 'layer.tar.gz'));
    assert.equal(layer.digest, `sha256:${sha256(bytes)}`);
    assert.equal(layer.diffId, `sha256:${sha256(gunzipSync(bytes))}`);
    assert.equal(layer.size, bytes.length);
    const text = spawnSync('tar', ['-xOf', join(folder, 'layer.tar.gz'), `./${LONG}`], { encoding: 'utf8' });
    assert.equal(text.stdout, LONG.repeat(100));
  });

  it('does not depend on times', async (context) => {
    const [one, other] = [temporary(context), temporary(context)];
    const first = await layerOfRootfs(rootfs(one, 1000), join(one, 'layer'));
    const second = await layerOfRootfs(rootfs(other, 2000), join(other, 'layer'));
    assert.equal(first.digest, second.digest);
  });

  it('fails for a tar that was cut', async (context) => {
    const folder = temporary(context);
    const tar = rootfs(folder);
    truncateSync(tar, 12_000);
    await assert.rejects(layerOfRootfs(tar, join(folder, 'layer')), /ends in the middle/);
  });

  it('knows paths with and without the leading dot', () => {
    assert.equal(isKept('./usr/lib/apt/methods'), false);
    assert.equal(isKept('usr/lib/apt/methods'), false);
    assert.equal(isKept('./usr/bin/pg_dump'), false);
    assert.equal(isKept('./usr/lib/postgresql/15/bin/pg_dump'), true);
  });
});
