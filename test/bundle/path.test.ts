import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathCollisions, pathFault } from '../../src/bundle/path.js';

const BAD: Readonly<Record<string, string>> = {
  absolute: '/etc/passwd',
  parent: '../x',
  'parent inside': 'a/../../x',
  'parent at the end': 'a/..',
  'current folder': './a',
  backslash: 'a\\b',
  drive: 'C:/x',
  'alternate stream': 'a:b',
  NUL: 'a\0b',
  CR: 'a\rb',
  LF: 'a\nb',
  'right-to-left override': 'a\u202egpj.exe',
  'look-alike letter': 'аirgap.json',
  'full-width slash': 'a／b',
  'empty segment': 'a//b',
  'trailing slash': 'a/',
  empty: '',
  space: 'a b',
  'leading dash': '-rf',
  'leading dot': '.hidden',
  'trailing dot': 'a.',
  'device con': 'con',
  'device with extension': 'tools/NUL.txt',
  'device com1': 'COM1',
  'too long': 'a'.repeat(100),
  tilde: '~/x',
  glob: 'a*',
};

for (const [name, path] of Object.entries(BAD)) {
  test(`threat 8: the path of an entry may not be: ${name}`, () => {
    assert.notEqual(pathFault(path), undefined);
  });
}

test('the paths that bundles have are fine', () => {
  const good = [
    'airgap.sig',
    'SHA256SUMS',
    'runai-backend/control-plane-2.13.66+build.7.tgz',
    'charts/ingress-nginx-4.7.1.tgz',
    'tools/linux-amd64/helm',
    `blobs/sha256/${'0a'.repeat(32)}`,
    'console',
    'tools/_internal',
  ];
  for (const path of good) assert.equal(pathFault(path), undefined, path);
});

test('threat 8: no accepted path leaves the folder it is extracted into, on any system', () => {
  const segment = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('..', '.', 'a', 'con', 'C:', '\\'));
  const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(path, (text) => {
      if (pathFault(text) !== undefined) return;
      assert.equal(posix.normalize(text), text);
      assert.ok(!posix.isAbsolute(text) && !win32.isAbsolute(text));
      assert.ok(posix.join('/x', text).startsWith('/x/'));
      assert.ok(win32.join('C:\\x', text).startsWith('C:\\x\\'));
    }),
    { numRuns: 2000 },
  );
});

test('threat 8: two entries may not be one file where case does not count', () => {
  const found = pathCollisions(['a/b', 'A/B', 'c', 'c', 'd', 'D/e']);
  assert.deepEqual(
    found.map(({ index, what }) => `${index} ${what}`),
    ['1 differs from a/b in case only', '3 occurs twice', '4 is a file and a folder at once'],
  );
});
