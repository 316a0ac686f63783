import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { scanChart } from '../../../src/pack/chart/scan.js';
import { CHART_LIMITS } from '../../../src/pack/chart/types.js';
import { failure } from '../support/failure.js';
import { chartOf, type TarEntry, tarOf, tgzOf } from '../support/tgz.js';

const LIMITS = { total: 64 * 1024, file: 8 * 1024, files: 20, depth: 2 };

test('a chart is known by its Chart.yaml, whatever its folder is called', async () => {
  const bytes = tgzOf([
    { path: 'whatever', type: 'Directory' },
    {
      path: 'whatever/Chart.yaml',
      content: 'apiVersion: v2\nname: control-plane\nversion: 2.13.66\nappVersion: 2.13.66\n',
    },
    { path: 'whatever/values.yaml', content: 'image: {repository: x}\n' },
    { path: 'whatever/charts/sub/Chart.yaml', content: 'name: sub\nversion: 1.0.0\n' },
    { path: 'whatever/charts/sub/values.yaml', content: 'a: 1\n' },
    { path: 'whatever/templates/values.yaml', content: '{{ not yaml }}' },
  ]);
  const chart = await scanChart(bytes, 'c.tgz');
  assert.equal(chart.name, 'control-plane');
  assert.equal(chart.appVersion, '2.13.66');
  assert.deepEqual(
    chart.values.map(({ prefix }) => prefix),
    [[], ['sub']],
  );
  assert.equal(chart.bytes, bytes);
});

const HOSTILE: readonly (readonly [string, TarEntry, RegExp])[] = [
  ['a symbolic link', { path: 'a/x', type: 'SymbolicLink', linkpath: '/etc/passwd' }, /no regular file/],
  ['a hard link', { path: 'a/x', type: 'Link', linkpath: 'a/Chart.yaml' }, /no regular file/],
  ['a device', { path: 'a/x', type: 'CharacterDevice' }, /no regular file/],
  ['a fifo', { path: 'a/x', type: 'FIFO' }, /no regular file/],
  ['a way out', { path: 'a/../../etc/x' }, /leaves its folder/],
  ['an absolute path', { path: '/etc/x' }, /absolute/],
  ['a drive', { path: 'C:/x' }, /absolute/],
  ['a backslash', { path: 'a/..\\x' }, /backslash/],
  ['a dot in between', { path: 'a/./x' }, /leaves its folder/],
  ['a file there twice', { path: 'a/Chart.yaml', content: 'name: other\n' }, /there twice/],
  ['a file over the limit', { path: 'a/big', content: Buffer.alloc(9 * 1024) }, /too large/],
];

for (const [name, entry, expected] of HOSTILE) {
  test(`threat 50: a chart with ${name} is refused`, async () => {
    const { text, error } = await failure('CHART_INVALID', () =>
      scanChart(chartOf('a', '1.0.0', {}, [entry]), 'c.tgz', LIMITS),
    );
    assert.match(text, expected);
    assert.equal(error.exitStatus, 3);
  });
}

for (const name of ['.', '..', '', 'a/b', '-x', 'a b']) {
  test(`threat 50: the chart name "${name}" is refused`, async () => {
    const bytes = tgzOf([{ path: 'a/Chart.yaml', content: `name: "${name}"\nversion: 1.0.0\n` }]);
    await failure('CHART_INVALID', () => scanChart(bytes, 'c.tgz'));
  });
}

test('threat 50: a bomb is stopped at the limit, not unpacked', async () => {
  const zeros = Buffer.alloc(5 * 1024 * 1024);
  const entries = Array.from({ length: 30 }, (_, index) => ({ path: `a/f${index}`, content: zeros }));
  const bomb = chartOf('a', '1.0.0', {}, entries);
  assert.ok(bomb.length < 1024 * 1024);
  const before = process.memoryUsage().rss;
  await failure('CHART_INVALID', () => scanChart(bomb, 'c.tgz', CHART_LIMITS));
  assert.ok(process.memoryUsage().rss - before < 400 * 1024 * 1024);
});

test('threat 50: an archive in an archive in an archive spends the same budget and has a depth', async () => {
  let inner = chartOf('a', '1.0.0', {});
  for (let i = 0; i < 3; i++) inner = chartOf('a', '1.0.0', { 'charts/a-1.0.0.tgz': inner });
  const { text } = await failure('CHART_INVALID', () => scanChart(inner, 'c.tgz', LIMITS));
  assert.match(text, /nested too deeply/);
  const many = chartOf(
    'b',
    '1.0.0',
    Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`f${i}`, 'x'])),
  );
  const outer = chartOf('a', '1.0.0', { 'charts/b-1.0.0.tgz': many, 'charts/c-1.0.0.tgz': many });
  await failure('CHART_INVALID', () => scanChart(outer, 'c.tgz', LIMITS));
});

test('threat 50: a hostile entry in a subchart archive is found', async () => {
  const sub = chartOf('sub', '1.0.0', {}, [{ path: 'sub/x', type: 'SymbolicLink', linkpath: '/' }]);
  const { text } = await failure('CHART_INVALID', () =>
    scanChart(chartOf('a', '1.0.0', { 'charts/sub-1.0.0.tgz': sub }), 'c.tgz'),
  );
  assert.match(text, /charts\/sub-1\.0\.0\.tgz/);
});

for (const [name, bytes] of [
  ['no gzip', Buffer.from('hello')],
  ['an empty file', Buffer.alloc(0)],
  ['gzip of no tar', gzipSync(Buffer.from('x'.repeat(2000)))],
  ['a cut gzip', chartOf('a', '1.0.0').subarray(0, 60)],
  ['a tar without compression', tarOf([{ path: 'a/Chart.yaml', content: 'name: a' }])],
  ['no Chart.yaml', tgzOf([{ path: 'a/values.yaml', content: 'x: 1' }])],
  [
    'two folders',
    tgzOf([
      { path: 'a/Chart.yaml', content: 'name: a\nversion: 1.0.0' },
      { path: 'b/x', content: '' },
    ]),
  ],
  ['no files', tgzOf([])],
] as const) {
  test(`what is no chart is refused: ${name}`, async () => {
    await failure('CHART_INVALID', () => scanChart(bytes, 'c.tgz'));
  });
}
