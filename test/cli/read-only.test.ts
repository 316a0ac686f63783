import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { layoutBundle } from '../../src/bundle/layout.js';
import { assemble, sample } from '../bundle/helpers.js';
import { airgap } from '../pack/support/pack.js';

/** A medium of its own with a bundle, mounted without the rights to write and to execute. */
function medium(t: TestContext): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-medium-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]).status === 0;
  t.after(() => {
    if (isMounted) spawnSync('umount', [folder]);
    rmdirSync(folder);
  });
  if (!isMounted) return undefined;
  const from = sample();
  writeFileSync(join(folder, 'b.tar'), assemble(layoutBundle(from.draft), from));
  const again = spawnSync('mount', ['-o', 'remount,ro,noexec', folder]);
  assert.equal(again.status, 0, again.stderr.toString());
  assert.throws(() => writeFileSync(join(folder, 'x'), ''), { code: 'EROFS' });
  return folder;
}

test('threat 21: on a read-only, noexec medium a bundle verifies; for the state, install names the folder and the flag', async (t) => {
  const folder = medium(t);
  if (folder === undefined) {
    t.skip('no right to mount a tmpfs here');
    return;
  }
  const bundle = join(folder, 'b.tar');
  const verified = await airgap(['verify', bundle], { cwd: folder });
  assert.equal(verified.status, 0, verified.err);
  const inspected = await airgap(['inspect', bundle], { cwd: folder });
  assert.equal(inspected.status, 0, inspected.err);
  const state = join(folder, 'state');
  const install = await airgap(
    [
      'install',
      bundle,
      '--registry',
      'r:5000',
      '--yes',
      '--state-dir',
      state,
      '--kubeconfig',
      '/nonexistent',
    ],
    { cwd: folder },
  );
  assert.equal(install.status, 2);
  assert.ok(install.err.includes(`error OUTPUT_UNWRITABLE: the record of runs cannot be kept in ${state}`));
  assert.match(install.err, /found {5}EROFS\nhint: .*--state-dir DIR/);
  assert.deepEqual(readdirSync(folder), ['b.tar']);
});
