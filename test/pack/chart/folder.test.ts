import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packChartFolder } from '../../../src/pack/chart/folder.js';
import { storedGzip } from '../../../src/pack/chart/gzip.js';
import { parseIgnore } from '../../../src/pack/chart/ignore.js';
import { scanChart } from '../../../src/pack/chart/scan.js';
import { failure } from '../support/failure.js';
import { folderOf } from '../support/folder.js';
import { PATH } from '../support/programs.js';
import { deployment } from '../support/tgz.js';

const FILES = {
  'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.2.3\n',
  'values.yaml': 'image: a.io/b:1\n',
  'templates/deploy.yaml': deployment('demo', '{{ .Values.image }}'),
  'templates/.hidden': 'x',
  'docs/big.md': 'ignored',
  '.git/config': 'secret',
  '.helmignore': '# comment\n.git/\n/docs\n*.bak\n',
  'a.bak': 'x',
  'notes/keep.txt': 'x',
};

test('the same folder gives the same archive, whatever the times', async (t) => {
  const [one, other] = [folderOf(t, FILES), folderOf(t, FILES)];
  utimesSync(join(other, 'values.yaml'), 1, 1);
  const first = await packChartFolder(one, './demo', 1e6);
  assert.ok(first.equals(await packChartFolder(other, './demo', 1e6)));
  const chart = await scanChart(first, './demo');
  assert.deepEqual([chart.name, chart.version], ['demo', '1.2.3']);
});

test('what .helmignore names stays behind, as with helm package', async (t) => {
  const folder = folderOf(t, FILES);
  const archive = gunzipSync(await packChartFolder(folder, './demo', 1e6)).toString('latin1');
  const has = (path: string): boolean => archive.includes(`demo/${path}\0`);
  for (const path of [
    'Chart.yaml',
    'values.yaml',
    'templates/deploy.yaml',
    'notes/keep.txt',
    '.helmignore',
  ]) {
    assert.ok(has(path), path);
  }
  for (const path of ['.git/config', 'docs/big.md', 'a.bak', 'templates/.hidden'])
    assert.ok(!has(path), path);
  const out = folderOf(t);
  const helm = spawnSync('helm', ['package', folder, '-d', out], {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  assert.equal(helm.status, 0, helm.stderr);
  const list = (file: string): string[] =>
    spawnSync('tar', ['tzf', file], { encoding: 'utf8', env: { ...process.env, PATH } })
      .stdout.trim()
      .split('\n')
      .sort();
  writeFileSync(join(out, 'ours.tgz'), await packChartFolder(folder, './demo', 1e6));
  assert.deepEqual(list(join(out, 'ours.tgz')), list(join(out, 'demo-1.2.3.tgz')));
});

test('helm reads the archive', async (t) => {
  const folder = folderOf(t, FILES);
  const out = folderOf(t, { 'demo.tgz': await packChartFolder(folder, './demo', 1e6) });
  const helm = spawnSync('helm', ['template', 'x', join(out, 'demo.tgz')], {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  assert.match(helm.stdout, /image: "a\.io\/b:1"/, helm.stderr);
});

test('a link in the folder, no Chart.yaml, too many bytes: refused', async (t) => {
  const folder = folderOf(t, FILES);
  await failure('CHART_INVALID', () => packChartFolder(folder, './demo', 10));
  symlinkSync('/etc/passwd', join(folder, 'templates/link.yaml'));
  const { text } = await failure('CHART_INVALID', () => packChartFolder(folder, './demo', 1e6));
  assert.match(text, /templates\/link\.yaml is no regular file/);
  await failure('CHART_NOT_FOUND', () => packChartFolder(folderOf(t, { 'x.yaml': '' }), './x', 1e6));
});

test('the gzip without compression is gzip, at every length around a block', () => {
  for (const size of [0, 1, 65_534, 65_535, 65_536, 131_070, 200_000]) {
    const bytes = Buffer.alloc(size, 'abc');
    assert.ok(gunzipSync(storedGzip(bytes)).equals(bytes), String(size));
  }
});

for (const [pattern, path, folder, expected] of [
  ['*.md', 'docs/a.md', false, true],
  ['/*.md', 'docs/a.md', false, false],
  ['docs/*.md', 'docs/a.md', false, true],
  ['docs/', 'docs', true, true],
  ['docs/', 'docs', false, false],
  ['[ab].txt', 'b.txt', false, true],
  ['[^ab].txt', 'b.txt', false, false],
  ['a?c', 'abc', false, true],
  ['a.c', 'abc', false, false],
  ['', 'abc', false, false],
  ['!a.txt', 'a.txt', false, false],
  ['!a.txt', 'b.txt', false, true],
  ['x', 'templates/.x', false, true],
] as const) {
  test(`.helmignore "${pattern}" and ${path}`, () =>
    assert.equal(parseIgnore(pattern)(path, { folder }), expected));
}
