import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../house/sources.js';

/** The demo begins with scripts/setup, which must find nothing to do: other tests run from the same checkout. */
function isSetUp(): boolean {
  const mark = join(ROOT, 'node_modules/.airgap-lock');
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  return existsSync(mark) && readFileSync(mark, 'utf8') === lock && existsSync(join(ROOT, 'dist/main.js'));
}

test('scripts/demo where no node can be had: packs, verifies, pushes, and ends with the plan', (t) => {
  if (!isSetUp()) {
    console.error('SKIPPED: scripts/demo without a node, because this checkout is not set up: scripts/setup');
    t.skip('run scripts/setup first');
    return;
  }
  const out = mkdtempSync(join(tmpdir(), 'airgap-demo-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  // A name that scripts/node refuses: the same answer as on a machine that cannot have a node.
  const env = { ...process.env, AIRGAP_DEMO: out, AIRGAP_NODE_NAME: 'No_Node', HOME: process.env['HOME'] };
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'scripts/demo'), [], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stderr, /No_Node/, 'why there is no node');
  assert.match(stdout, /ok: .*runai-air-gapped-2\.13\.66\.tar/);
  assert.match(stdout, /NONE WAS LOOKED AT/);
  assert.match(stdout, /all \d+ images are in 127\.0\.0\.1:\d+/);
  assert.match(stdout, /install the control plane 2\.13\.66/);
  assert.match(stdout, /so nothing was installed/);
  assert.ok(existsSync(join(out, 'runai-air-gapped-2.13.66.tar')));
});
