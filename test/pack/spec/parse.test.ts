import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AirgapError } from '../../../src/errors.js';
import { parseSpec } from '../../../src/pack/spec/parse.js';
import { failure } from '../support/failure.js';

const HEAD = `apiVersion: airgap/v1
kind: Bundle
product: runai
version: 2.13.66
platforms: [linux/amd64]
`;
const CHARTS = `charts:
  - {role: cluster, release: runai-cluster, namespace: runai, path: ./c.tgz}
`;

function parse(text: string) {
  return parseSpec(text, 'spec.yaml', '/specs');
}

async function faults(text: string): Promise<string[]> {
  const { error } = await failure('SPEC_INVALID', () => parse(text));
  assert.equal(error.exitStatus, 3);
  return error.faults.map(({ where, what }) => `${where} ${what}`);
}

test('the least spec has the defaults that the design gives', () => {
  const spec = parse(HEAD + CHARTS);
  assert.equal(spec.images.discover, true);
  assert.deepEqual(spec.relocate, { rule: 'flat' });
  assert.deepEqual(spec.charts[0], {
    role: 'cluster',
    release: 'runai-cluster',
    namespace: 'runai',
    source: { kind: 'path', path: '/specs/c.tgz', given: './c.tgz' },
    values: [],
    imageValues: {},
  });
  assert.equal(spec.sourceDate, undefined);
});

test('every part of a spec is read, paths start at its folder', () => {
  const spec = parse(`${HEAD}sequence: 21366
sourceDate: 2024-10-01T00:00:00Z
requires: {kubernetes: ">=1.23 <1.29"}
charts:
  - role: control-plane
    release: runai-backend
    namespace: runai-backend
    repo: https://charts.example.com/stable
    name: control-plane
    version: 2.13.66
    credentials: {usernameEnv: CHART_USER, passwordEnv: CHART_PASSWORD}
    values: [./values/a.yaml, /abs/b.yaml]
    imageValues: {global.image.registry: "{{registry}}"}
  - {role: cluster, release: runai-cluster, namespace: runai, oci: "oci://registry.example.com/charts/runai-cluster", version: 2.13.66}
crds:
  - path: ./runai-crds.yaml
  - url: https://example.com/crds.yaml
images:
  include:
    - ref: gcr.io/run-ai-prod/operator:2.13.66
      reason: at run time
    - ref: gcr.io/run-ai-prod/svc:1
      from: oci:./layout:svc
    - from: docker-archive:/abs/a.tar:example.com/x:1
      target: tools/svc:1
  exclude:
    - {ref: "docker.io/bats/bats:*", reason: helm test only}
relocate: {prefix: site/runai}
plainHttp: ["127.0.0.1:5001", "[::1]:5000"]
tools:
  - {name: helm, platform: linux/amd64, url: https://example.com/helm, sha256: ${'a'.repeat(64)}, version: v3.14.4}
upgrade: {from: ">=2.8"}
`);
  assert.equal(spec.sourceDate, Date.UTC(2024, 9, 1) / 1000);
  assert.deepEqual(spec.charts[0]?.values, ['/specs/values/a.yaml', '/abs/b.yaml']);
  assert.equal(spec.charts[0]?.source.kind, 'repo');
  assert.equal(spec.charts[1]?.source.kind, 'oci');
  assert.deepEqual(spec.crds[1], { kind: 'url', url: 'https://example.com/crds.yaml' });
  assert.deepEqual(spec.images.include[1]?.from, {
    transport: 'oci',
    path: '/specs/layout',
    name: 'svc',
    given: 'oci:./layout:svc',
  });
  assert.deepEqual(spec.images.include[2]?.from, {
    transport: 'docker-archive',
    path: '/abs/a.tar',
    name: 'example.com/x:1',
    given: 'docker-archive:/abs/a.tar:example.com/x:1',
  });
  assert.deepEqual(spec.relocate, { rule: 'prefix', prefix: 'site/runai' });
  assert.deepEqual(spec.upgrade, { from: '>=2.8' });
});

test('all faults come at once, each with line and column, in order', async () => {
  const found = await faults(`apiVersion: airgap/v2
kind: Bundle
product: runai
version: 2.20
plattforms: [linux/amd64]
charts:
  - role: cluster
    release: Runai
    path: ./x.tgz
    repo: https://charts.example.com
images:
  include:
    - ref: UPPER/x:y:z
    - {}
`);
  assert.deepEqual(found, [
    'spec.yaml:1:1 platforms: platforms is missing',
    'spec.yaml:1:13 apiVersion: is not as expected',
    'spec.yaml:4:10 version: is not as expected',
    'spec.yaml:5:1 plattforms: unknown key "plattforms", did you mean platforms?',
    'spec.yaml:7:5 charts[0].namespace: namespace is missing',
    'spec.yaml:8:14 charts[0].release: is not as expected',
    'spec.yaml:10:5 charts[0].repo: path is given already',
    'spec.yaml:10:5 charts[0].repo: repo needs name beside it',
    'spec.yaml:10:5 charts[0].repo: repo needs version beside it',
    'spec.yaml:13:12 images.include[0].ref: "UPPER/x:y:z" is not an image reference',
    'spec.yaml:14:7 images.include[1]: nothing says which image',
  ]);
});

const CASES: readonly (readonly [string, string, RegExp])[] = [
  ['tabs and other syntax', `${HEAD}charts:\n\t- x\n`, /^spec\.yaml:7:1 /],
  ['a key given twice', `${HEAD}${CHARTS}kind: Bundle\n`, /^spec\.yaml:8:1 .*unique/],
  ['two documents', `${HEAD}${CHARTS}---\na: b\n`, /^spec\.yaml:8:1 .*multiple documents/],
  ['a list in place of a mapping', '- a\n', /^spec\.yaml:1:1 /],
  ['an empty file', '', /^spec\.yaml:1:1 /],
  ['a key of another tool', `${HEAD}${CHARTS}image: {}\n`, /unknown key "image", did you mean images\?/],
  [
    'a tool by address without checksum',
    `${HEAD}${CHARTS}tools: [{name: helm, platform: linux/amd64, url: https://e.x/h}]\n`,
    /tools\[0\]\.url: url needs sha256/,
  ],
  [
    'credentials in an address',
    `${HEAD}charts: [{role: cluster, release: a, namespace: a, repo: "https://u:secret@e.x", name: a, version: 1.0.0}]\n`,
    /charts\[0\]\.repo: is not as expected/,
  ],
  [
    'an image without a name',
    `${HEAD}${CHARTS}images: {include: [{from: "oci:./x:y"}]}\n`,
    /images\.include\[0\]\.from: an image without ref needs a target/,
  ],
  [
    'an unknown transport',
    `${HEAD}${CHARTS}images: {include: [{ref: a.b/c:1, from: "dir:./x"}]}\n`,
    /images\.include\[0\]\.from: "dir:.\/x" names no kind of image store/,
  ],
  [
    'one image twice',
    `${HEAD}${CHARTS}images: {include: [{ref: busybox:1}, {ref: docker.io/library/busybox:1}]}\n`,
    /images\.include\[1\]: has the ref of include\[0\]/,
  ],
  [
    'a target with a registry',
    `${HEAD}${CHARTS}images: {include: [{ref: a.b/c:1, target: "host:5000/x:1"}]}\n`,
    /images\.include\[0\]\.target: /,
  ],
  [
    'two charts of one role',
    `${HEAD}charts: [{role: cluster, release: a, namespace: n, path: a}, {role: cluster, release: b, namespace: n, path: b}]\n`,
    /charts\[1\]\.role: charts\[0\] is the cluster chart already/,
  ],
  [
    'a sha512 digest',
    `${HEAD}${CHARTS}images: {include: [{ref: "a.b/c@sha512:${'0'.repeat(128)}"}]}\n`,
    /sha512/,
  ],
  ['a day that is none', `${HEAD}${CHARTS}sourceDate: 2024-13-01\n`, /sourceDate: is not as expected/],
  [
    'a platform that is none',
    `${HEAD.replace('linux/amd64', 'amd64')}${CHARTS}`,
    /platforms\[0\]: is not as expected/,
  ],
];

for (const [name, text, expected] of CASES) {
  test(`a fault is found: ${name}`, async () => {
    const found = await faults(text);
    assert.ok(
      found.some((line) => expected.test(line)),
      found.join('\n'),
    );
  });
}

test('a secret in the spec does not reach the message', async () => {
  const { text } = await failure('SPEC_INVALID', () =>
    parse(`${HEAD}charts: [{role: cluster, release: a, namespace: a, repo: "https://u:hunter22@e.x"}]\n`),
  );
  assert.ok(!text.includes('hunter22'), text);
});

test('threat 52: an alias bomb in a spec ends in a fault, not in memory', async () => {
  const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++)
    rows.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
  const { error } = await failure('SPEC_INVALID', () => parse(`${HEAD}${rows.join('\n')}\n`));
  assert.match(`${error.message} ${error.found}`, /alias/i);
});

test('whatever the text, the answer is a spec or SPEC_INVALID', () => {
  const piece = fc.constantFrom(
    'charts:',
    '  - ',
    'role: cluster',
    '\n',
    ': ',
    '[',
    '{',
    '"',
    '&a ',
    '*a',
    '#',
    '2.20',
    'images:',
    '  include:',
    '\t',
    '---',
    '|',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 30 }), (parts) => {
      try {
        parse(HEAD + parts.join(''));
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        assert.equal(error.code, 'SPEC_INVALID');
      }
    }),
    { numRuns: 300 },
  );
});
