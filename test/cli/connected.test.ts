import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { isSpec } from '../../src/cli/connected.js';
import { folderOf, suiteScope } from '../pack/support/folder.js';
import { airgap, noise, type Product, packed, productOf } from '../pack/support/pack.js';
import { pushImage, startRegistry } from '../pack/support/registry.js';

test('a spec is told by its name', () => {
  for (const name of ['runai.yaml', 'a/b.yml', 'B.YAML']) assert.ok(isSpec(name), name);
  for (const name of ['runai.tar', 'runai.yaml.tar', 'yaml', 'b.yaml.001']) assert.ok(!isSpec(name), name);
});

describe('install from a spec, without a cluster', () => {
  const scope = suiteScope();
  let product: Product;
  let registry = '';
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/one:1', [noise(20_000, 'one')]);
    product = productOf(scope, { registry, images: ['team/one:1'] });
  });
  const install = (...args: string[]) =>
    airgap(['install', ...args], {
      cwd: product.folder,
      env: { HOME: product.folder, KUBECONFIG: join(product.folder, 'none'), AIRGAP_REGISTRY: '' },
    });
  const plan = ['--dry-run', '--without-cluster'];

  test('the plan pushes nothing, redirects nothing, and says that no site was looked at', async () => {
    const { status, out, err } = await install('spec.yaml', ...plan);
    assert.equal(status, 0, err);
    assert.match(out, /^demo 1\.0\.0 \(from spec\.yaml, content [0-9a-f]{12}\)\n/);
    assert.match(out, /NONE WAS LOOKED AT/);
    assert.match(out, /images {4}left where the charts name them/);
    assert.match(out, /skip {2}site {2}no cluster, no helm/);
    assert.doesNotMatch(out, /push|[+~] registry: /);
    assert.match(out, /install the cluster part 1\.0\.0/);
    assert.match(out, /what its name stood for when the spec was read/);
    const json = JSON.parse((await install('spec.yaml', ...plan, '-o', 'json')).out);
    assert.equal(json.outcome, 'planned');
    assert.equal(json.images, 'left');
    assert.equal(json.cluster, undefined);
    assert.deepEqual(
      json.findings.map((finding: { id: string; outcome: string }) => [finding.id, finding.outcome]),
      [['site', 'not-checked']],
    );
  });

  test('of a bundle: with the registry, which is looked at', async () => {
    const { output } = await packed(scope, product);
    const own = await startRegistry(scope);
    const { status, out, err } = await install(output, ...plan, '--registry', own, '--plain-http');
    assert.equal(status, 0, err);
    assert.match(out, /NONE WAS LOOKED AT/);
    assert.match(out, /push all images of the bundle/);
    assert.match(out, new RegExp(`~ registry: "${registry}" -> "${own}"`));
    const none = await install(output, ...plan);
    assert.equal(none.status, 2);
    assert.match(none.err, /--registry HOST/);
    const gone = await install(output, ...plan, '--registry', '127.0.0.1:1', '--plain-http');
    assert.equal(gone.status, 5);
  });

  test('--without-cluster is for plans only', async () => {
    const { status, err } = await install('spec.yaml', '--without-cluster', '--yes');
    assert.equal(status, 2);
    assert.match(err, /^error USAGE: --without-cluster only makes a plan/);
  });

  test('flags that only a bundle has a use for are refused, with what to do', async () => {
    const { status, err } = await install('spec.yaml', '--registry', 'r:5000', '--skip-push', ...plan);
    assert.equal(status, 2);
    assert.match(err, /^error USAGE: --registry, --skip-push cannot be used with a spec/);
    assert.match(err, /airgap pack SPEC/);
    const plain = await install('spec.yaml', '--plain-http', ...plan);
    assert.match(plain.err, /plainHttp/);
    const restore = await airgap(['restore', 'x.backup', '--bundle', 'spec.yaml'], { cwd: product.folder });
    assert.equal(restore.status, 2);
    assert.match(restore.err, /is a spec; a restore needs a bundle/);
  });

  test('threat 23: with trusted keys, only exactly this content may be allowed', async () => {
    const keys = join(product.folder, 'keys');
    mkdirSync(keys, { mode: 0o700 });
    const made = await airgap(
      ['keygen', '--secret-key', 'site.key', '--public-key', 'keys/site.pub', '--plain'],
      { cwd: product.folder },
    );
    assert.equal(made.status, 0, made.err);
    const refused = await install('spec.yaml', ...plan, '--trusted-keys', keys);
    assert.equal(refused.status, 4, refused.err);
    const id = /--allow-unsigned=([0-9a-f]{64})/.exec(refused.err)?.[1] ?? '';
    const allowed = await install('spec.yaml', ...plan, '--trusted-keys', keys, '--allow-unsigned', id);
    assert.equal(allowed.status, 0, allowed.err);
    const other = await install(
      'spec.yaml',
      ...plan,
      '--trusted-keys',
      keys,
      '--allow-unsigned',
      'f'.repeat(64),
    );
    assert.equal(other.status, 4);
  });

  test('a spec with faults, or one that is not there, ends before any cluster is asked', async () => {
    const folder = folderOf(scope, { 'bad.yaml': 'apiVersion: airgap/v1\nkind: Bundle\nplatform: x\n' });
    const bad = await install(join(folder, 'bad.yaml'), '--yes');
    assert.equal(bad.status, 3);
    assert.match(bad.err, /bad\.yaml:3:1: platform: unknown key/);
    const gone = await install('gone.yaml', '--yes');
    assert.equal(gone.status, 2);
    assert.match(gone.err, /^error FILE_NOT_FOUND/m);
  });
});
