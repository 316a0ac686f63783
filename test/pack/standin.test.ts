import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBundle } from '../../src/bundle/open.js';
import { folderOf } from './support/folder.js';
import { packed } from './support/pack.js';
import { ROOT } from './support/programs.js';
import { startRegistry } from './support/registry.js';

/** The control plane's chart by era: runai-backend up to 2.11, control-plane from 2.12. */
const RELEASES = [
  ['2.8.0', 'runai-backend'],
  ['2.13.66', 'control-plane'],
] as const;

function standin(args: readonly string[]): void {
  const made = spawnSync(join(ROOT, 'scripts/standin'), [...args, '--no-postgres'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

for (const [version, chart] of RELEASES) {
  test(`the stand-in of ${version} is packed from layouts and archives, and again from a registry`, async (t) => {
    const out = folderOf(t);
    standin(['--version', version, '--out', out]);
    const local = await packed(t, { folder: out, spec: join(out, 'spec.yaml') });
    const bundle = await openBundle(local.output);
    t.after(() => bundle.close());
    const entries = bundle.manifest.entries.map(({ path }) => path);
    assert.ok(entries.includes(`runai-backend/${chart}-${version}.tgz`), entries.slice(0, 12).join());
    assert.ok(entries.includes(`runai-cluster-${version}.tgz`));
    assert.ok(entries.includes('runai-crds.yaml'));
    assert.ok(bundle.manifest.images.length > 10);
    assert.ok(local.report.excluded.length > 0);
    const folder = folderOf(t);
    assert.equal(spawnSync('tar', ['xf', local.output, '-C', folder]).status, 0);
    assert.equal(spawnSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: folder }).status, 0);

    const registry = await startRegistry(t);
    const second = folderOf(t);
    standin(['--version', version, '--out', second, '--registry', registry]);
    const remote = await packed(t, { folder: second, spec: join(second, 'spec.yaml') });
    const targets = (report: typeof local.report) => report.images.map(({ target }) => target).sort();
    assert.deepEqual(targets(remote.report), targets(local.report));
    const again = await packed(
      t,
      { folder: second, spec: join(second, 'spec.yaml') },
      { output: join(second, 'b.tar') },
    );
    assert.ok(readFileSync(again.output).equals(readFileSync(remote.output)));
  });
}
