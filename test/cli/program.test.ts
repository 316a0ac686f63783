import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../house/sources.js';

const ENTRY = ['--import', 'tsx', join(ROOT, 'src/main.ts')];

function airgap(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NO_COLOR: '1' };
  return spawnSync(process.execPath, [...ENTRY, ...args], { encoding: 'utf8', cwd: ROOT, env });
}

test('--version is on stdout and nothing else', () => {
  const run = airgap('--version');
  assert.deepEqual([run.status, run.stdout, run.stderr], [0, '0.1.0\n', '']);
});

test('help lists the exit statuses', () => {
  assert.match(airgap('--help').stdout, /10 interrupted, resumable/);
});

test('a wrong word is a usage error with the command that helps', () => {
  const run = airgap('verfy', 'x.tar');
  assert.equal(run.status, 2);
  assert.equal(run.stdout, '');
  assert.match(run.stderr, /^error USAGE: .*\nhint: airgap --help\n$/);
});

test('with --log-format json an error is one JSON line', () => {
  const run = airgap('--log-format=json', 'verfy');
  assert.equal((JSON.parse(run.stderr) as { code: string }).code, 'USAGE');
});

test('threat 83: a closed pipe does not crash', async () => {
  const child = spawn('sh', ['-c', '"$0" "$@" --help | head -c 1', process.execPath, ...ENTRY], {
    cwd: ROOT,
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += String(data);
  });
  const status = await new Promise((done) => child.on('close', done));
  assert.deepEqual([status, stderr], [0, '']);
});
