import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readSpec } from '../../src/pack/spec/read.js';
import { chartsOf, digests, made, sha256, standin, temporary } from './support.js';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function layoutOf(out: string) {
  const blob = (digest: string) => readFileSync(join(out, 'images/blobs', ...digest.split(':')));
  const index = JSON.parse(readFileSync(join(out, 'images/index.json'), 'utf8')) as {
    manifests: Descriptor[];
  };
  const named = new Map(
    index.manifests.map((entry) => [entry.annotations?.['org.opencontainers.image.ref.name'] ?? '', entry]),
  );
  return { blob, named };
}

describe('what the script writes', () => {
  it('is the same, byte for byte, each time', (context) => {
    const folder = temporary(context);
    for (const name of ['one', 'two']) made(['--version', '2.13.66', '--out', join(folder, name)]);
    const first = digests(join(folder, 'one'));
    assert.ok(first.size > 60, `only ${first.size} files`);
    assert.deepEqual(digests(join(folder, 'two')), first);
    made(['--version', '2.13.66', '--out', join(folder, 'one')]);
    assert.deepEqual(digests(join(folder, 'one')), first, 'over an older output');
  });

  it('is a layout whose blobs have the digests that name them', (context) => {
    const out = temporary(context);
    made(['--version', '2.8', '--out', out]);
    const blobs = readdirSync(join(out, 'images/blobs/sha256'));
    for (const name of blobs)
      assert.equal(sha256(readFileSync(join(out, 'images/blobs/sha256', name))), name);
    const { named, blob } = layoutOf(out);
    const configs = [...named.values()]
      .map((entry) => JSON.parse(String(blob(entry.digest))))
      .flatMap((manifest) => (manifest.config ? [manifest.config.digest] : []));
    assert.equal(new Set(configs).size, configs.length, 'each image has a config of its own');
  });

  it('has every form of image', (context) => {
    const out = temporary(context);
    made(['--version', '2.13.66', '--out', out]);
    const { named, blob } = layoutOf(out);
    assert.match(named.get('frontend')?.mediaType ?? '', /docker\.distribution\.manifest\.v2/);
    assert.match(named.get('backend')?.mediaType ?? '', /oci\.image\.manifest/);
    const index = JSON.parse(String(blob(named.get('grafana')?.digest ?? '')));
    assert.deepEqual(
      index.manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
      ['amd64', 'arm64'],
    );
    const archive = spawnSync('tar', ['-xOf', join(out, 'archives/keycloak.tar'), 'manifest.json']);
    const [entry] = JSON.parse(String(archive.stdout));
    assert.deepEqual(entry.RepoTags, ['gcr.io/run-ai-prod/keycloak:20.0.5']);
    const layer = spawnSync('tar', ['-xOf', join(out, 'archives/keycloak.tar'), entry.Layers[0]], {
      maxBuffer: 1 << 26,
    });
    assert.equal(`${sha256(layer.stdout)}/layer.tar`, entry.Layers[0]);
  });

  for (const [version, chart] of [
    ['2.11.3', 'runai-backend-2.11.3.tgz'],
    ['2.12', 'control-plane-2.12.0.tgz'],
  ] as const) {
    it(`has the chart ${chart}, and a spec that pack reads`, async (context) => {
      const out = temporary(context);
      const { out: printed } = made(['--version', version, '--out', out]);
      assert.equal(printed.trim(), join(out, 'spec.yaml'));
      assert.equal(chartsOf(out).backend, join(out, 'charts', chart));
      const spec = await readSpec(join(out, 'spec.yaml'), out);
      assert.equal(spec.charts.length, 2);
      assert.ok(spec.images.include.some(({ reason }) => reason?.includes('mps-server')));
    });
  }

  it('takes the CRDs that it is told to take', (context) => {
    const folder = temporary(context);
    writeFileSync(join(folder, '2.9.1.yaml'), 'kind: mine\n');
    const out = join(folder, 'out');
    made(['--version', '2.9', '--out', out], { AIRGAP_TEST_CRDS: folder });
    assert.equal(readFileSync(join(out, 'runai-crds.yaml'), 'utf8'), 'kind: mine\n');
    const { err } = made(['--version', '2.9', '--out', out]);
    assert.match(err, /\*\*\* SMALL CRDs/);
  });

  it('carries helm when it is given one', (context) => {
    const out = temporary(context);
    made(['--version', '2.9', '--out', out, '--helm', '/usr/bin/helm']);
    const spec = parse(readFileSync(join(out, 'spec.yaml'), 'utf8'));
    assert.deepEqual(spec.tools, [{ name: 'helm', platform: 'linux/amd64', path: '/usr/bin/helm' }]);
  });

  it('says what is wrong with the command line in one line', () => {
    const ran = standin(['--version', '2.21', '--out', '/nowhere']);
    assert.equal(ran.status, 1);
    assert.match(ran.err, /^standin: no stand-in for version 2\.21; there is one for 2\.3 to 2\.20\n$/);
  });
});
