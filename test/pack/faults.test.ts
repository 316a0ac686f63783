import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { ErrorCode } from '../../src/errors.js';
import { MEDIA } from '../../src/oci/types.js';
import { failure } from './support/failure.js';
import { folderOf, type Scope, suiteScope } from './support/folder.js';
import { blobGets, type GatewayOptions, startGateway } from './support/gateway.js';
import { airgap, noise, packed, productOf } from './support/pack.js';
import { PATH } from './support/programs.js';
import { pushImage, startRegistry } from './support/registry.js';
import { chartOf, deployment } from './support/tgz.js';

const LAYER = noise(200_000, 'layer');
let registry = '';

/** Packs through a gateway, must fail, and must leave no bundle, no lock and no temporary file behind. */
async function refused(t: Scope, code: ErrorCode, options: GatewayOptions, keeps: readonly string[] = []) {
  const gateway = await startGateway(t, registry, options);
  const product = productOf(t, { registry: gateway.host, images: ['team/app:1'] });
  const temporary = folderOf(t);
  const names = readdirSync(product.folder);
  const failed = await failure(code, () => packed(t, product, { tmpdir: temporary }));
  assert.deepEqual(readdirSync(product.folder).sort(), [...names, ...keeps].sort());
  assert.deepEqual(readdirSync(temporary), []);
  return { ...failed, gateway };
}

/** A manifest that is well formed. */
const EMPTY = {
  schemaVersion: 2,
  mediaType: MEDIA.ociManifest,
  config: { mediaType: MEDIA.ociConfig, digest: `sha256:${'0'.repeat(64)}`, size: 2 },
  layers: [],
};
const manifestOf = (path: string): boolean => path.includes('/manifests/');
const layerOf = (path: string): boolean => path.includes('/blobs/');
/** What a pack leaves that broke while it wrote. */
const RESUMABLE = ['out.tar.partial', 'spec.lock.yaml'];

describe('a registry that does not give what is asked', () => {
  const scope = suiteScope();
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/app:1', [LAYER]);
  });

  test('threat 56: 401 ends with how to log in, after few requests', async (t) => {
    const { error, text, gateway } = await refused(t, 'REGISTRY_AUTH', {
      intervene: () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
    });
    assert.equal(error.exitStatus, 5);
    assert.match(text, /docker login/);
    assert.ok(gateway.requests.length <= 3, gateway.requests.join());
  });

  test('403 says which image, and where it is named', async (t) => {
    const { error, text } = await refused(t, 'REGISTRY_DENIED', {
      intervene: (_method, path) => (manifestOf(path) ? { status: 403 } : undefined),
    });
    assert.equal(error.exitStatus, 5);
    assert.match(text, /team\/app:1/);
    assert.match(text, /demo\/templates\/d0\.yaml: Deployment\/d0, container main/);
  });

  test('threat 51: an image that only a chart names and nobody has: where it was found, and what to do', async (t) => {
    const product = productOf(t, { registry, images: ['team/app:1', 'team/gone:9', 'team/gone:8'] });
    const { error, text } = await failure('IMAGE_MISSING_IN_BUNDLE', () => packed(t, product));
    assert.equal(error.exitStatus, 3);
    assert.match(text, /team\/gone:8/);
    assert.match(text, /demo\/templates\/d1\.yaml: Deployment\/d1, container main: names .*team\/gone:9/);
    assert.match(text, /images\.include/);
    assert.ok(!existsSync(join(product.folder, 'out.tar.partial')));
  });

  test('a listed image that is not there is a fault of the registry', async (t) => {
    const more = `images: {include: [{ref: "${registry}/team/gone:9"}]}\n`;
    const product = productOf(t, { registry, images: ['team/app:1'], more });
    const { error, text } = await failure('REGISTRY_NOT_FOUND', () => packed(t, product));
    assert.equal(error.exitStatus, 5);
    assert.match(text, /team\/gone:9/);
  });

  test('threat 61: 429 is waited out; one that stays is told as such', async (t) => {
    let left = 2;
    const gateway = await startGateway(t, registry, {
      intervene: (_method, path) =>
        manifestOf(path) && left-- > 0 ? { status: 429, headers: { 'retry-after': '0' } } : undefined,
    });
    await packed(t, productOf(t, { registry: gateway.host, images: ['team/app:1'] }));
    const { error } = await refused(t, 'REGISTRY_RATE_LIMIT', {
      intervene: (_method, path) =>
        manifestOf(path) ? { status: 429, headers: { 'retry-after': '0' } } : undefined,
    });
    assert.equal(error.exitStatus, 5);
  });

  test('threat 62: 503 is tried again', async (t) => {
    let left = 2;
    const gateway = await startGateway(t, registry, {
      intervene: (_method, path) => (layerOf(path) && left-- > 0 ? { status: 503 } : undefined),
    });
    await packed(t, productOf(t, { registry: gateway.host, images: ['team/app:1'] }));
  });

  test('a layer that is not what its digest says: exit 4, no bundle', async (t) => {
    const { error, text } = await refused(
      t,
      'BLOB_MISMATCH',
      {
        alter: (_path, bytes) =>
          bytes.length === LAYER.length ? Buffer.from(bytes).fill(0, 100, 101) : bytes,
      },
      RESUMABLE,
    );
    assert.equal(error.exitStatus, 4);
    assert.match(text, /sha256:/);
  });

  test('a manifest that is not what its digest says: exit 4', async (t) => {
    const { digest } = await pushImage(registry, 'team/pinned:1', [LAYER]);
    const gateway = await startGateway(t, registry, {
      intervene: (_method, path) =>
        manifestOf(path)
          ? {
              status: 200,
              headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
              body: JSON.stringify({ ...EMPTY, annotations: { another: 'image' } }),
            }
          : undefined,
    });
    const product = productOf(t, { registry: gateway.host, images: [`team/pinned@${digest}`] });
    const { error } = await failure('BLOB_MISMATCH', () => packed(t, product));
    assert.equal(error.exitStatus, 4);
  });

  test('nobody answers at the address', async (t) => {
    const product = productOf(t, { registry: '127.0.0.1:1', images: ['team/app:1'] });
    const { error, text } = await failure('REGISTRY_UNREACHABLE', () => packed(t, product));
    assert.equal(error.exitStatus, 5);
    assert.match(text, /Deployment\/d0/);
  });

  test('threat 72: a registry without TLS is not spoken to in clear by itself', async (t) => {
    const product = productOf(t, { registry, images: ['team/app:1'] });
    writeFileSync(product.spec, readFileSync(product.spec, 'utf8').replace(/^plainHttp.*$/m, ''));
    const { error, text } = await failure('REGISTRY_TLS', () => packed(t, product));
    assert.equal(error.exitStatus, 5);
    assert.match(text, /plain-http/);
    await packed(t, product, { plainHttp: [registry] });
  });

  test('threat 85: a disk that is full: said before the first layer is fetched', async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'airgap-pack-disk-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    t.after(() => {
      if (mounted.status === 0) spawnSync('umount', [disk]);
      rmdirSync(disk);
    });
    if (mounted.status !== 0) {
      t.skip('a tmpfs cannot be mounted here');
      return;
    }
    const gateway = await startGateway(t, registry);
    const product = productOf(t, { registry: gateway.host, images: ['team/app:1'] });
    writeFileSync(join(disk, 'filler'), Buffer.alloc(100_000));
    const { error, text } = await failure('DISK_FULL', () =>
      packed(t, product, { output: join(disk, 'out.tar') }),
    );
    assert.equal(error.exitStatus, 2);
    assert.match(text, /out\.tar/);
    assert.equal(blobGets(gateway.requests).length, 1, 'the room is looked at before the first layer');
    assert.deepEqual(readdirSync(disk), ['filler']);
  });

  test('an output folder that is not there, or is no folder', async (t) => {
    const product = productOf(t, { registry, images: ['team/app:1'] });
    const { error } = await failure('OUTPUT_UNWRITABLE', () =>
      packed(t, product, { output: join(product.folder, 'no/such/out.tar') }),
    );
    assert.equal(error.exitStatus, 2);
    await failure('OUTPUT_UNWRITABLE', () => packed(t, product, { output: product.folder }));
  });
});

describe('charts that do not fit', () => {
  const scope = suiteScope();
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/app:1', [LAYER]);
  });

  test('a chart that is not there', async (t) => {
    const product = productOf(t, { registry, images: [] });
    writeFileSync(product.spec, readFileSync(product.spec, 'utf8').replace('demo.tgz', 'gone.tgz'));
    const { error, text } = await failure('CHART_NOT_FOUND', () => packed(t, product));
    assert.equal(error.exitStatus, 3);
    assert.match(text, /\.\/charts\/gone\.tgz/);
  });

  test('a chart that helm cannot render gives the words of helm', async (t) => {
    const chart = chartOf('demo', '1.0.0', {
      'templates/x.yaml': '{{ required "a domain is needed" .Values.domain }}',
    });
    const product = productOf(t, { registry, images: [], files: { 'charts/demo.tgz': chart } });
    const { error, text } = await failure('CHART_INVALID', () => packed(t, product));
    assert.equal(error.exitStatus, 3);
    assert.match(text, /a domain is needed/);
  });

  test('a values file that is not there, or is not YAML', async (t) => {
    const product = productOf(t, { registry, images: ['team/app:1'] });
    const spec = readFileSync(product.spec, 'utf8');
    writeFileSync(product.spec, spec.replace('    path:', '    values: ./v.yaml\n    path:'));
    const { error } = await failure('SOURCE_MISSING', () => packed(t, product));
    assert.equal(error.exitStatus, 3);
    writeFileSync(join(product.folder, 'v.yaml'), 'a: [1\n');
    await failure('CHART_INVALID', () => packed(t, product));
  });

  test('no helm anywhere', async (t) => {
    const product = productOf(t, { registry, images: ['team/app:1'] });
    const { error, text } = await failure('HELM_MISSING', () =>
      packed(t, product, { env: { PATH: '/nonexistent' } }),
    );
    assert.equal(error.exitStatus, 6);
    assert.match(text, /helm/);
  });

  test('the helm that the spec carries renders when there is none on PATH', async (t) => {
    const helm = spawnSync('which', ['helm'], {
      encoding: 'utf8',
      env: { ...process.env, PATH },
    }).stdout.trim();
    const more = `tools: [{name: helm, platform: linux/amd64, path: ./helm, version: v3.0.0}]\n`;
    const product = productOf(t, {
      registry,
      images: ['team/app:1'],
      more,
      files: { helm: readFileSync(helm) },
    });
    const { report } = await packed(t, product, { env: { PATH: '/nonexistent' }, dryRun: true });
    assert.equal(report.tools[0]?.entry, 'tools/linux-amd64/helm');
    assert.equal(report.images.length, 1);
  });

  test('a tool with another checksum: exit 4', async (t) => {
    const more = `tools: [{name: x, platform: linux/amd64, path: ./x, sha256: ${'a'.repeat(64)}}]\n`;
    const product = productOf(t, { registry, images: [], more, files: { x: 'hello' } });
    const { error } = await failure('TOOL_CHECKSUM', () => packed(t, product));
    assert.equal(error.exitStatus, 4);
  });

  test('threat 51: an image that stays at its old registry names the key that is missing', async (t) => {
    const chart = chartOf('demo', '1.0.0', {
      'values.yaml': `registry: ${registry}\nflat: ""\nsidecar: {image: "${registry}/team/app:1"}\n`,
      'templates/a.yaml': deployment('a', '{{ .Values.sidecar.image }}'),
    });
    const product = productOf(t, { registry, images: [], files: { 'charts/demo.tgz': chart } });
    const { error, text } = await failure('IMAGE_MISSING_IN_BUNDLE', () => packed(t, product));
    assert.equal(error.exitStatus, 3);
    assert.match(text, /demo\/templates\/a\.yaml: Deployment\/a, container main/);
    assert.match(text, /imageValues for sidecar\.image/);
  });

  test('with discover: false nothing is rendered, and that is said loudly', async (t) => {
    const more = `images: {discover: false, include: [{ref: "${registry}/team/app:1"}]}\n`;
    const product = productOf(t, { registry, images: ['team/gone:1'], more });
    const { report, events } = await packed(t, product, { env: { PATH: '/nonexistent' } });
    assert.deepEqual(
      report.images.map(({ target }) => target),
      ['app:1'],
    );
    assert.match(report.warnings.join(), /NOBODY CHECKED/);
    assert.ok(
      events.some((event) => event.type === 'note' && event.level === 'warn' && /NOBODY/.test(event.text)),
    );
  });

  test('hooks and CRD folders are rendered too; what looks like an image is a hint', async (t) => {
    const hook = deployment(
      'hook',
      '{{ .Values.registry }}/{{ if not .Values.flat }}team/{{ end }}app:1',
    ).replace('metadata: {name: hook}', 'metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}');
    const operator = `kind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\ndata: {worker: "example.com/team/worker:7"}\n`;
    const chart = chartOf('demo', '1.0.0', {
      'values.yaml': `registry: ${registry}\nflat: ""\n`,
      'templates/hook.yaml': hook,
      'templates/cm.yaml': operator,
      'crds/c.yaml':
        'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n',
    });
    const product = productOf(t, { registry, images: [], files: { 'charts/demo.tgz': chart } });
    const { report } = await packed(t, product, { dryRun: true });
    assert.deepEqual(
      report.images.map(({ source }) => source),
      [`${registry}/team/app:1`],
    );
    assert.deepEqual(
      report.hints.map(({ image }) => image),
      ['example.com/team/worker:7'],
    );
  });
});

test('the program ends with the status and one message, on stderr', async (t) => {
  const folder = folderOf(t, { 'spec.yaml': 'apiVersion: airgap/v1\nkind: Bundle\nplatform: x\n' });
  const invalid = await airgap(['pack', 'spec.yaml', '-o', 'x.tar'], { cwd: folder });
  assert.equal(invalid.status, 3);
  assert.equal(invalid.out, '');
  assert.match(invalid.err, /^error SPEC_INVALID: spec\.yaml has \d faults\n {2}- spec\.yaml:/);
  assert.match(invalid.err, /spec\.yaml:3:1: platform: unknown key "platform", did you mean platforms\?/);
  const missing = await airgap(['pack', 'gone.yaml', '-o', 'x.tar'], { cwd: folder });
  assert.equal(missing.status, 2);
  assert.match(missing.err, /^error FILE_NOT_FOUND: the spec gone\.yaml cannot be read/);
  assert.deepEqual(readdirSync(folder), ['spec.yaml']);
});
