import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseReference } from '../../../src/oci/reference.js';
import { createRegistry } from '../../../src/oci/registry.js';
import { type ChartFetchOptions, fetchChart } from '../../../src/pack/chart/fetch.js';
import { loadCharts } from '../../../src/pack/chart/load.js';
import type { ChartSource } from '../../../src/pack/spec/types.js';
import { failure } from '../support/failure.js';
import { folderOf } from '../support/folder.js';
import { PATH } from '../support/programs.js';
import { startRegistry } from '../support/registry.js';
import { chartOf } from '../support/tgz.js';
import { startWeb } from '../support/web.js';

const CHART = chartOf('demo', '1.2.3');
const SUM = createHash('sha256').update(CHART).digest('hex');

function index(urls: string, digest = SUM): string {
  return `apiVersion: v1\nentries:\n  demo:\n    - {name: demo, version: 1.2.3, digest: "${digest}", urls: ["${urls}"]}\n`;
}

const options = (more: Partial<ChartFetchOptions> = {}): ChartFetchOptions => ({
  env: {},
  retries: 2,
  retryDelay: 5,
  registry: (host) => createRegistry(host, { env: {}, plainHttp: true, retries: 0 }),
  ...more,
});

function repo(url: string, more: Partial<Extract<ChartSource, { kind: 'repo' }>> = {}): ChartSource {
  return { kind: 'repo', url, name: 'demo', version: '1.2.3', ...more };
}

test('a chart repository: index.yaml, then the relative address below it', async (t) => {
  const web = await startWeb(t, ({ url }, answer) => {
    if (url === '/stable/index.yaml') answer.end(index('charts/demo-1.2.3.tgz'));
    else if (url === '/stable/charts/demo-1.2.3.tgz') answer.end(CHART);
    else answer.writeHead(404).end();
  });
  const { bytes, origin } = await fetchChart(repo(`${web}/stable`), options());
  assert.ok(bytes.equals(CHART));
  assert.equal(origin, `${web}/stable demo 1.2.3`);
});

test('a login goes to the repository and to nobody else', async (t) => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await startWeb(t, ({ headers }, answer) => {
    seen.push(headers.authorization);
    answer.end(CHART);
  });
  const basic = `Basic ${Buffer.from('me:pa:ss').toString('base64')}`;
  const web = await startWeb(t, ({ url, headers }, answer) => {
    if (headers.authorization !== basic) answer.writeHead(401).end();
    else if (url === '/index.yaml') answer.end(index('moved'));
    else answer.writeHead(302, { location: `${elsewhere}/demo.tgz` }).end();
  });
  const credentials = { usernameEnv: 'U', passwordEnv: 'P' };
  const { bytes } = await fetchChart(repo(web, { credentials }), options({ env: { U: 'me', P: 'pa:ss' } }));
  assert.ok(bytes.equals(CHART));
  assert.deepEqual(seen, [undefined]);
  const stored = folderOf(t, {
    'r.yaml': `repositories:\n  - {name: x, url: "${web}/", username: me, password: "pa:ss"}\n`,
  });
  await fetchChart(repo(web), options({ env: { HELM_REPOSITORY_CONFIG: join(stored, 'r.yaml') } }));
  const { error, text } = await failure('REGISTRY_AUTH', () =>
    fetchChart(repo(web, { credentials }), options({ env: { U: 'me', P: 'wrong-secret' } })),
  );
  assert.equal(error.exitStatus, 5);
  assert.ok(!text.includes('wrong-secret'));
  await failure('REGISTRY_AUTH', () => fetchChart(repo(web, { credentials }), options()));
});

test('bytes that the index does not promise are refused: exit 4', async (t) => {
  const web = await startWeb(t, ({ url }, answer) => {
    answer.end(url === '/index.yaml' ? index('demo.tgz', 'f'.repeat(64)) : CHART);
  });
  const { error } = await failure('BLOB_MISMATCH', () => fetchChart(repo(web), options()));
  assert.equal(error.exitStatus, 4);
});

for (const [status, code] of [
  [403, 'REGISTRY_DENIED'],
  [404, 'CHART_NOT_FOUND'],
  [429, 'REGISTRY_RATE_LIMIT'],
  [503, 'REGISTRY_FAILED'],
] as const) {
  test(`a chart repository that answers ${status}`, async (t) => {
    let asked = 0;
    const web = await startWeb(t, (_request, answer) => {
      asked++;
      answer.writeHead(status, status === 429 ? { 'retry-after': '0' } : {}).end();
    });
    await failure(code, () => fetchChart(repo(web), options()));
    assert.equal(asked, status === 429 || status === 503 ? 3 : 1);
  });
}

test('a connection that breaks is tried again', async (t) => {
  let left = 1;
  const web = await startWeb(t, ({ url }, answer) => {
    if (url === '/index.yaml') answer.end(index('demo.tgz'));
    else if (left-- > 0) {
      answer.writeHead(200, { 'content-length': String(CHART.length) });
      answer.write(CHART.subarray(0, 10));
      setTimeout(() => answer.destroy(), 20);
    } else answer.end(CHART);
  });
  const { bytes } = await fetchChart(repo(web), options());
  assert.ok(bytes.equals(CHART));
});

test('threat 73: a private CA: refused without --ca-file, used with it', async (t) => {
  const folder = folderOf(t);
  const made = spawnSync(
    'openssl',
    // biome-ignore format: one command line
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(folder, 'k.pem'), '-out', join(folder, 'c.pem')],
  );
  assert.equal(made.status, 0, String(made.stderr));
  const [cert, key] = ['c.pem', 'k.pem'].map((name) => readFileSync(join(folder, name), 'utf8'));
  assert.ok(cert && key);
  const web = await startWeb(
    t,
    ({ url }, answer) => void answer.end(url === '/index.yaml' ? index('d.tgz') : CHART),
    {
      cert,
      key,
    },
  );
  const { text } = await failure('REGISTRY_TLS', () => fetchChart(repo(web), options()));
  assert.match(text, /--ca-file/);
  await fetchChart(repo(web), options({ caFile: join(folder, 'c.pem') }));
});

test('threat 70: a redirect that gives up TLS or goes round and round is not followed', async (t) => {
  const web = await startWeb(
    t,
    (_request, answer) => void answer.writeHead(302, { location: '/index.yaml' }).end(),
  );
  await failure('REGISTRY_PROTOCOL', () => fetchChart(repo(web), options()));
});

test('a chart from a registry, as helm push put it there', async (t) => {
  const host = await startRegistry(t);
  const folder = folderOf(t, { 'demo-1.2.3.tgz': CHART });
  const push = spawnSync('helm', ['push', '--plain-http', 'demo-1.2.3.tgz', `oci://${host}/charts`], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH, HOME: folder },
  });
  assert.equal(push.status, 0, push.stderr);
  const source: ChartSource = {
    kind: 'oci',
    reference: parseReference(`${host}/charts/demo`),
    given: `oci://${host}/charts/demo`,
    version: '1.2.3',
  };
  const { bytes, origin } = await fetchChart(source, options());
  assert.ok(bytes.equals(CHART));
  assert.equal(origin, `oci://${host}/charts/demo:1.2.3`);
  await failure('REGISTRY_NOT_FOUND', () => fetchChart({ ...source, version: '9.9.9' }, options()));
});

test('a repository that hands out another chart, and two charts that would be one file', async (t) => {
  const other = chartOf('demo', '9.9.9');
  const sum = createHash('sha256').update(other).digest('hex');
  const web = await startWeb(t, ({ url }, answer) => {
    answer.end(url === '/index.yaml' ? index('d.tgz', sum) : other);
  });
  const common = { release: 'a', namespace: 'a', values: [], imageValues: {} };
  await failure('CHART_INVALID', () =>
    loadCharts([{ ...common, role: 'cluster', source: repo(web) }], options()),
  );
  const path = join(folderOf(t, { 'a.tgz': CHART }), 'a.tgz');
  const twin = {
    ...common,
    role: 'prerequisite' as const,
    source: { kind: 'path' as const, path, given: './a.tgz' },
  };
  const { text } = await failure('CHART_INVALID', () =>
    loadCharts([twin, { ...twin, release: 'b' }], options()),
  );
  assert.match(text, /charts\/demo-1\.2\.3\.tgz/);
});
