import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { tarOf } from '../../../scripts/lib/standin/oci/tar.js';

function listed(tar: Buffer): string[] {
  const { status, stdout, stderr } = spawnSync('tar', ['--numeric-owner', '-tvf', '-'], {
    input: tar,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

describe('a tar made in memory', () => {
  it('is read by tar with its modes, owners, links and times', () => {
    const lines = listed(
      tarOf([
        { path: 'bin/' },
        { path: 'bin/tool', data: 'abc', mode: 0o755 },
        { path: 'bin/link', link: 'tool', mode: 0o777 },
        { path: 'data/', uid: 1001, mode: 0o700 },
      ]),
    );
    assert.deepEqual(
      lines.map((line) => line.replace(/\s+/g, ' ')),
      [
        'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/',
        '-rwxr-xr-x 0/0 3 1970-01-01 00:00 bin/tool',
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/link -> tool',
        'drwx------ 1001/1001 0 1970-01-01 00:00 data/',
      ],
    );
  });

  it('splits a name of more than 100 bytes', () => {
    const path = `${'folder/'.repeat(16)}file`;
    assert.match(listed(tarOf([{ path, data: 'x' }]))[0] ?? '', new RegExp(`${path}$`));
  });

  it('refuses a name that no header holds', () => {
    assert.throws(() => tarOf([{ path: 'x'.repeat(101) }]), /too long/);
  });
});
