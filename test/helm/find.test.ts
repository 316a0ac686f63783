import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { type FindOptions, findHelm } from '../../src/helm/find.js';
import { isSupported, parseHelmVersion } from '../../src/helm/version.js';
import { type FakeHelm, fakeHelm } from './support/fake-helm.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-find-'));
const fakes: FakeHelm[] = [];
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const fake of fakes) fake.remove();
});

function fake(version: string): FakeHelm {
  const made = fakeHelm({ version });
  fakes.push(made);
  return made;
}

const options = (path: string, more: Partial<FindOptions> = {}): FindOptions => ({
  homes: join(folder, 'homes'),
  env: { PATH: `${path}:/usr/bin:/bin` },
  ...more,
});

test('versions of helm 3 and 4 are read, with the forms that distributions print', () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['v3.14.0', true],
    ['v3.13.3', false],
    ['v3.22.0', true],
    ['v4.1.4', true],
    ['v4.0.0-rc.1', true],
    ['3.19.0+gfa9efb0', true],
    ['v2.17.0', false],
    ['v5.0.0', false],
  ];
  for (const [text, supported] of rows) {
    const version = parseHelmVersion(`${text}\n`);
    assert.ok(version, text);
    assert.equal(isSupported(version), supported, text);
  }
  for (const text of ['', 'helm', 'v3', 'Client: v2.17.0', 'v3.1.0 extra'])
    assert.equal(parseHelmVersion(text), undefined, text);
});

test('threat 112: the helm on PATH is used when it can be', async () => {
  const helm = fake('v3.19.0');
  const found = await findHelm(options(helm.bin));
  assert.deepEqual([found.path, found.origin, found.version.minor], [helm.path, 'path', 19]);
  assert.equal(statSync(join(folder, 'homes', 'plugins')).mode & 0o777, 0o700);
});

test('threat 112: one that is too old gives way to the bundle’s; without one it is told', async () => {
  const old = fake('v3.9.4');
  const bundled = fake('v3.19.0');
  const found = await findHelm(options(old.bin, { bundled: async () => bundled.path }));
  assert.deepEqual([found.path, found.origin], [bundled.path, 'bundle']);
  await assert.rejects(findHelm(options(old.bin)), (error: AirgapError) => {
    assert.equal(error.code, 'HELM_TOO_OLD');
    assert.deepEqual([error.expected, error.found], ['helm 3.14 or a newer 3.x, or 4.x', 'v3.9.4']);
    return true;
  });
  const next = fake('v5.0.0');
  await assert.rejects(findHelm(options(next.bin)), {
    code: 'HELM_TOO_OLD',
    hint: /not known to this airgap/,
  });
});

test('threat 112: no helm at all, one that cannot run, one that is something else', async () => {
  const empty = { homes: join(folder, 'homes'), env: { PATH: '/nowhere:relative' } };
  await assert.rejects(findHelm(empty), { code: 'HELM_MISSING' });
  await assert.rejects(findHelm({ ...empty, wanted: 'bundle', bundled: async () => undefined }), {
    code: 'HELM_MISSING',
  });
  await assert.rejects(findHelm({ ...empty, wanted: join(folder, 'none') }), { code: 'HELM_MISSING' });
  const broken = join(folder, 'broken');
  writeFileSync(broken, '#!/nonexistent/interpreter\n');
  chmodSync(broken, 0o755);
  await assert.rejects(findHelm({ ...empty, wanted: broken }), { code: 'HELM_MISSING' });
  const other = fake('Hello, I am a Helm 2 client');
  await assert.rejects(findHelm(options(other.bin, { wanted: other.path })), { code: 'HELM_TOO_OLD' });
});

test('--helm names the only candidate', async () => {
  const wanted = fake('v4.1.4');
  const onPath = fake('v3.19.0');
  const found = await findHelm(options(onPath.bin, { wanted: wanted.path }));
  assert.deepEqual([found.path, found.origin, found.version.major], [wanted.path, 'option', 4]);
  const bundled = await findHelm(options(onPath.bin, { wanted: 'bundle', bundled: async () => wanted.path }));
  assert.equal(bundled.path, wanted.path);
});

test('threat 112: HELM_* of the operator does not reach helm, its own homes do', async () => {
  const helm = fake('v3.19.0');
  const env = {
    PATH: `${helm.bin}:/usr/bin:/bin`,
    HELM_DRIVER: 'configmap',
    HELM_PLUGINS: '/evil',
    HELM_NAMESPACE: 'other',
    KUBECONFIG: '/operator/config',
    AIRGAP_REGISTRY: 'x',
    AWS_PROFILE: 'needed-by-exec-plugins',
  };
  await findHelm({ homes: join(folder, 'homes'), env, configFiles: ['/a', '/b'] });
  const seen = helm.env();
  assert.equal(seen['HELM_DRIVER'], 'secret');
  assert.equal(seen['HELM_PLUGINS'], join(folder, 'homes', 'plugins'));
  assert.equal(seen['HELM_NAMESPACE'], undefined);
  assert.equal(seen['AIRGAP_REGISTRY'], undefined);
  assert.equal(seen['KUBECONFIG'], '/a:/b');
  assert.equal(seen['AWS_PROFILE'], 'needed-by-exec-plugins');
});
