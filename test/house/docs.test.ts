import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VERSION } from '../../src/version.js';
import { ROOT, readSources } from './sources.js';

interface Package {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const pkg = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Package;

test('docs/errors.md and docs/cli are what the code says', () => {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/docs.ts', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(run.stderr.replace(/^npm warn.*\n/gm, ''), '');
  assert.equal(run.status, 0);
});

test('the version in the code is that of the package', () => {
  assert.equal(VERSION, pkg.version);
});

test('every dependency is pinned exactly', () => {
  const pins = { ...pkg.dependencies, ...pkg.devDependencies };
  for (const [name, pin] of Object.entries(pins)) assert.match(pin, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
});

test('every runtime dependency is imported', () => {
  const modules = readSources().flatMap(({ foreign }) => foreign);
  const isUsed = (name: string): boolean =>
    modules.some((module) => module === name || module.startsWith(`${name}/`));
  assert.deepEqual(
    Object.keys(pkg.dependencies).filter((name) => !isUsed(name)),
    [],
  );
});

test('every runtime dependency has its reason in docs/decisions', () => {
  const page = readFileSync(join(ROOT, 'docs/decisions/0001-dependencies.md'), 'utf8');
  for (const name of Object.keys(pkg.dependencies)) assert.ok(page.includes(`\`${name}\``), name);
});

test('the lock file records no download address', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  assert.ok(!lock.includes('"resolved"'));
});
