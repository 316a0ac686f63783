import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FakeApi, startFakeApi } from '../install/support/fake-api.js';
import { folderOf, suiteScope } from '../pack/support/folder.js';
import { type GatewayOptions, startGateway } from '../pack/support/gateway.js';
import { airgap, noise, type Product, packed, productOf, type Ran } from '../pack/support/pack.js';
import { pushImage, startRegistry } from '../pack/support/registry.js';

/** What an operator must get: the status, one error with its code, one thing to do, and every text that matters. */
function refused(ran: Ran, status: number, code: string, ...texts: readonly RegExp[]): void {
  assert.equal(ran.status, status, ran.out + ran.err);
  assert.deepEqual(ran.err.match(/^error [A-Z_]+/gm), [`error ${code}`], ran.err);
  assert.equal(ran.err.match(/^hint: .+$/gm)?.length, 1, ran.err);
  assert.doesNotMatch(ran.err, /\n\s+at .*\.ts:/, 'a stack');
  for (const text of texts) assert.match(ran.err, text);
}

describe('bad input, as an operator meets it', () => {
  const scope = suiteScope();
  let registry = '';
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/app:1', [noise(200_000, 'layer')]);
  });

  const productWith = (change: (spec: string) => string, images = ['team/app:1']): Product => {
    const product = productOf(scope, { registry, images });
    writeFileSync(product.spec, change(readFileSync(product.spec, 'utf8')));
    return product;
  };
  /** Packs and says what is in the folder afterwards that was not there before. */
  const pack = async (product: Product, ...more: string[]): Promise<Ran & { left: string[] }> => {
    const names = new Set(readdirSync(product.folder));
    const args = ['pack', 'spec.yaml', '-o', 'out.tar', '--retries', '1', ...more];
    const ran = await airgap(args, { cwd: product.folder, env: { TMPDIR: folderOf(scope) } });
    return { ...ran, left: readdirSync(product.folder).filter((name) => !names.has(name)) };
  };

  test('pack: an unknown key of the spec, with its place and the one that is meant', async () => {
    const ran = await pack(productWith((spec) => `${spec}imagess: {}\n`));
    refused(ran, 3, 'SPEC_INVALID', /spec\.yaml:13:1: imagess: unknown key .* did you mean images\?/);
    assert.deepEqual(ran.left, []);
  });

  test('pack: a chart that is not there', async () => {
    const ran = await pack(productWith((spec) => spec.replace('demo.tgz', 'gone.tgz')));
    refused(ran, 3, 'CHART_NOT_FOUND', /the chart \.\/charts\/gone\.tgz cannot be read/);
    assert.deepEqual(ran.left, []);
  });

  test('pack: an image that does not exist, with the template that names it', async () => {
    const ran = await pack(productWith((spec) => spec, ['team/app:1', 'team/none:2']));
    refused(ran, 3, 'IMAGE_MISSING_IN_BUNDLE', /team\/none:2/, /d1\.yaml: Deployment\/d1, container main/);
    assert.deepEqual(ran.left, []);
  });

  const answers: readonly (readonly [string, GatewayOptions, number, string, RegExp])[] = [
    [
      '401',
      status(401, { 'www-authenticate': 'Basic realm="x"' }),
      5,
      'REGISTRY_AUTH',
      /hint: log in \(docker/,
    ],
    ['403', status(403), 5, 'REGISTRY_DENIED', /hint: ask for the right to pull/],
    ['404', status(404), 3, 'IMAGE_MISSING_IN_BUNDLE', /found {5}HTTP 404/],
    ['429', status(429, { 'retry-after': '0' }), 5, 'REGISTRY_RATE_LIMIT', /hint: log in or wait/],
    [
      '404 for a blob that the manifest lists',
      {
        intervene: (method, path) => (/^GET.*blobs/.test(`${method} ${path}`) ? { status: 404 } : undefined),
      },
      5,
      'REGISTRY_CONTENT',
      /hint: push the image to its registry again/,
    ],
  ];
  for (const [name, options, exit, code, text] of answers) {
    test(`pack: ${name} from the registry`, async (t) => {
      const gateway = await startGateway(t, registry, options);
      const ran = await pack(productOf(t, { registry: gateway.host, images: ['team/app:1'] }));
      refused(ran, exit, code, text, /Deployment\/d0, container main/);
      assert.deepEqual(ran.left, []);
    });
  }

  test('pack: a layer that is not what its digest says; what was right stays for the next try', async (t) => {
    let isBad = true;
    const alter = (_path: string, bytes: Buffer): Buffer =>
      isBad && bytes.length > 100_000 ? Buffer.from(bytes).fill(0, 5, 6) : bytes;
    const gateway = await startGateway(t, registry, { alter });
    const product = productOf(t, { registry: gateway.host, images: ['team/app:1'] });
    const ran = await pack(product);
    refused(ran, 4, 'BLOB_MISMATCH', /expected {2}sha256:/, /found {5}sha256:/);
    assert.deepEqual(ran.left, ['out.tar.partial', 'spec.lock.yaml']);
    isBad = false;
    assert.equal((await pack(product)).status, 0);
    assert.deepEqual(readdirSync(product.folder).sort(), [
      'charts',
      'out.tar',
      'spec.lock.yaml',
      'spec.yaml',
    ]);
  });

  test('pack: onto a disk without room', async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'airgap-small-'));
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'tmpfs', disk]).status === 0;
    t.after(() => {
      if (isMounted) spawnSync('umount', [disk]);
      rmdirSync(disk);
    });
    if (!isMounted) {
      t.skip('no right to mount a tmpfs here');
      return;
    }
    const { folder } = productWith((spec) => spec);
    const ran = await airgap(['pack', 'spec.yaml', '-o', join(disk, 'out.tar')], { cwd: folder });
    refused(ran, 2, 'DISK_FULL', /out\.tar/);
    assert.deepEqual(readdirSync(disk), []);
  });

  test('pack: a second one to the same file at once', async (t) => {
    const gateway = await startGateway(t, registry, { rate: 60_000 });
    const { folder } = productOf(t, { registry: gateway.host, images: ['team/app:1'] });
    const run = () => airgap(['pack', 'spec.yaml', '-o', 'out.tar'], { cwd: folder });
    const first = run();
    for (let tries = 0; tries < 600 && !existsSync(join(folder, 'out.tar.lock')); tries++) await sleep(50);
    refused(await run(), 9, 'LOCKED', /process \d+/);
    assert.equal((await first).status, 0);
    assert.deepEqual(readdirSync(folder).sort(), ['charts', 'out.tar', 'spec.lock.yaml', 'spec.yaml']);
  });

  describe('with a bundle', () => {
    let folder = '';
    let bundle = '';
    let api: FakeApi;
    before(async () => {
      const product = productOf(scope, { registry, images: ['team/app:1'] });
      bundle = (await packed(scope, product)).output;
      folder = folderOf(scope);
      const whole = readFileSync(bundle);
      writeFileSync(join(folder, 'cut.tar'), whole.subarray(0, whole.length - 5000));
      const flipped = Buffer.from(whole);
      const at = whole.length - 100_000;
      flipped[at] = (flipped[at] as number) ^ 1;
      writeFileSync(join(folder, 'flipped.tar'), flipped);
      spawnSync('tar', ['cf', join(folder, 'plain.tar'), '-C', product.folder, 'spec.yaml']);
      writeFileSync(join(folder, 'list.yaml'), '- a\n');
      writeFileSync(join(folder, 'broken.yaml'), 'a: [1\n b: c');
      mkdirSync(join(folder, 'old'));
      writeFileSync(join(folder, 'old/helm'), '#!/bin/sh\necho v3.9.4\n');
      chmodSync(join(folder, 'old/helm'), 0o755);
      api = await startFakeApi();
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
      scope.after(() => api.close());
    });

    const inFolder = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      airgap(args, { cwd: folder, env: { HOME: folder, ...env } });
    const install = (
      file: string,
      more: readonly string[] = [],
      env: NodeJS.ProcessEnv = {},
    ): Promise<Ran> => {
      const site = ['--registry', registry, '--plain-http', '--domain', 'x.test'];
      return inFolder(['install', file, ...site, '--kubeconfig', api.kubeconfig, '--yes', ...more], env);
    };

    for (const verb of ['verify', 'inspect', 'push', 'install']) {
      const act = (file: string): Promise<Ran> => {
        if (verb === 'install') return install(file);
        const site = verb === 'push' ? ['--registry', registry, '--plain-http'] : [];
        return inFolder([verb, file, ...site]);
      };
      test(`${verb}: a truncated bundle, and a tar that is none`, async () => {
        refused(await act('cut.tar'), 4, 'BUNDLE_TRUNCATED', /cut\.tar is short by 5000 bytes/, /hint: copy/);
        refused(await act('plain.tar'), 3, 'NOT_A_BUNDLE', /a tar whose first entry is spec\.yaml/);
        assert.deepEqual(api.writes, []);
      });
      if (verb === 'inspect') continue;
      test(`${verb}: a flipped bit`, async () => {
        const ran = await act('flipped.tar');
        refused(ran, 4, verb === 'push' ? 'BLOB_MISMATCH' : 'BUNDLE_CORRUPT', /blobs?[/ ]sha256/);
        assert.deepEqual(api.writes, []);
        const tags = await fetch(`http://${registry}/v2/app/tags/list`);
        assert.equal(tags.status, 404, 'a tag was set');
      });
    }

    test('install: a context that the kubeconfig does not have, and a kubeconfig that is not there', async () => {
      const wrong = await install(bundle, ['--context', 'prod']);
      refused(wrong, 6, 'CLUSTER_CONFIG', /expected {2}one of: fake/, /hint: choose one with --context/);
      refused(await install(bundle, ['--kubeconfig', '/none']), 6, 'CLUSTER_CONFIG', /kubeconfig \/none/);
    });

    test('install: no helm, and one that is too old', async () => {
      const none = await install(bundle, [], { PATH: '/nonexistent' });
      refused(none, 6, 'HELM_MISSING', /hint: put helm 3\.14 or newer on PATH/);
      const old = await install(bundle, [], { PATH: `${folder}/old:/usr/bin:/bin` });
      refused(old, 6, 'HELM_TOO_OLD', /expected {2}helm 3\.14/, /found {5}v3\.9\.4/);
      assert.deepEqual(api.writes, []);
    });

    test('install: values that are no YAML, no map, or not there: before the bundle is read', async () => {
      const broken = await install('none.tar', ['--cluster-values', 'broken.yaml']);
      refused(broken, 3, 'VALUES_INVALID', /broken\.yaml:2:3/);
      refused(await install('none.tar', ['--backend-values', 'list.yaml']), 3, 'VALUES_INVALID', /a list/);
      refused(
        await install('none.tar', ['--backend-values', 'gone.yaml']),
        2,
        'FILE_NOT_FOUND',
        /gone\.yaml/,
      );
      refused(await install('none.tar', ['--backend-set', 'x']), 3, 'VALUES_INVALID', /--backend-set x/);
    });

    for (const [name, options, code, text] of [
      ['401', status(401, { 'www-authenticate': 'Basic realm="x"' }), 'REGISTRY_AUTH', /hint: log in/],
      ['403', status(403), 'REGISTRY_DENIED', /app cannot be begun/],
      ['404', status(404), 'REGISTRY_NOT_FOUND', /hint: have the project or repository made/],
      ['429', status(429, { 'retry-after': '0' }), 'REGISTRY_RATE_LIMIT', /hint: log in or wait/],
    ] as const) {
      test(`push: ${name} from the registry`, async (t) => {
        const fresh = await startRegistry(t);
        const gateway = await startGateway(t, fresh, options);
        const args = ['push', bundle, '--registry', gateway.host, '--plain-http', '--retries', '1'];
        refused(await inFolder(args), 5, code, text);
        const catalog = (await (await fetch(`http://${fresh}/v2/_catalog`)).json()) as {
          repositories: string[];
        };
        assert.deepEqual(catalog.repositories, [], 'something was left in the registry');
      });
    }
  });
});

/** Answers what is written, and every question for a manifest, with a status. */
function status(code: number, headers: Record<string, string> = {}): GatewayOptions {
  return {
    intervene: (method, path) =>
      method === 'POST' || (method === 'GET' && path.includes('/manifests/'))
        ? { status: code, headers }
        : undefined,
  };
}
