import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/version.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/executable.mjs', import.meta.url));

describe('the single executable', () => {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-executable-'));
  const program = join(folder, 'airgap');

  /** No PATH: neither Node.js nor anything else is found beside it. */
  function run(...args: string[]) {
    const ran = spawnSync(program, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: '/nowhere', HOME: folder },
    });
    return { status: ran.status, out: ran.stdout, err: ran.stderr };
  }

  before(() => {
    const built = spawnSync(process.execPath, [SCRIPT, program], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    mkdirSync(join(folder, 'chart/templates'), { recursive: true });
    writeFileSync(
      join(folder, 'chart/Chart.yaml'),
      'apiVersion: v2\nname: runai-cluster\nversion: 2.13.66\n',
    );
    writeFileSync(join(folder, 'chart/templates/empty.yaml'), '# nothing\n');
    writeFileSync(
      join(folder, 'spec.yaml'),
      [
        'apiVersion: airgap/v1',
        'kind: Bundle',
        'product: runai',
        'version: 2.13.66',
        'platforms: [linux/amd64]',
        'charts:',
        '  - { role: cluster, release: runai-cluster, namespace: runai, path: ./chart, imageValues: {} }',
        'images: { discover: false }',
        'tools:',
        '  - { name: airgap, platform: linux/amd64, path: ./airgap }',
        '',
      ].join('\n'),
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('says its version, and nothing else', () => {
    assert.deepEqual(run('--version'), { status: 0, out: `${VERSION}\n`, err: '' });
  });

  it('packs itself, verifies with its threads, and is found again', () => {
    const packed = run('pack', 'spec.yaml', '-o', 'bundle.tar', '--quiet');
    assert.equal(packed.status, 0, packed.err);
    const verified = run('verify', 'bundle.tar');
    assert.equal(verified.status, 0, verified.err);
    const inspected = run('inspect', 'bundle.tar', '-o', 'json');
    assert.equal(inspected.status, 0, inspected.err);
    assert.match(inspected.out, /tools\/linux-amd64\/airgap/);
  });

  it('reads a kubeconfig and says that the cluster cannot be reached', () => {
    writeFileSync(
      join(folder, 'kubeconfig'),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'gone',
        contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'gone' } }],
        clusters: [{ name: 'gone', cluster: { server: 'https://127.0.0.1:9' } }],
        users: [{ name: 'gone', user: { token: 'not-a-secret' } }],
      }),
    );
    const ran = run('install', 'bundle.tar', '--kubeconfig', 'kubeconfig', '--dry-run');
    assert.notEqual(ran.status, 0);
    assert.notEqual(ran.status, 1, ran.err);
    assert.match(ran.err, /error [A-Z_]+: /);
    assert.doesNotMatch(ran.err, /Warning|require\(\)/);
  });
});
