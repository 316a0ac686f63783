import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, readSources } from './sources.js';

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

test('every package that is installed is imported, pinned, and has its reason written down', () => {
  const imported = new Set(readSources().flatMap(({ foreign }) => foreign.map(packageOf)));
  const reasons = readFileSync(join(ROOT, 'docs/decisions/0001-dependencies.md'), 'utf8');
  const faults = Object.entries(dependencies).flatMap(([name, version]) => [
    ...(imported.has(name) ? [] : [`nothing imports ${name}`]),
    ...(/^\d+\.\d+\.\d+$/.test(version) ? [] : [`${name} is not pinned: ${version}`]),
    ...(reasons.includes(`| \`${name}\` |`) ? [] : [`${name} has no row in 0001-dependencies.md`]),
  ]);
  assert.deepEqual(faults, []);
});

/** `@scope/name/deep/file.js` -> `@scope/name` */
function packageOf(module: string): string {
  return module
    .split('/')
    .slice(0, module.startsWith('@') ? 2 : 1)
    .join('/');
}
