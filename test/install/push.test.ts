import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openBundle } from '../../src/bundle/open.js';
import { silent } from '../../src/events.js';
import { chooseRegistry } from '../../src/install/open-registry.js';
import { isPushed, parseTarget, pushBundle, readPushState } from '../../src/install/push.js';
import { digestOf } from '../../src/oci/digest.js';
import { createRegistry } from '../../src/oci/registry.js';
import { noise, sample, temporaryFolder, writeSample } from '../bundle/helpers.js';
import { FakeRegistry } from '../oci/support/fake-registry.js';
import { refuse } from '../oci/support/faults.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

async function start(t: TestContext) {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'runai-air-gapped-2.13.66.tar');
  await writeSample(file, sample());
  const fake = await FakeRegistry.start();
  t.after(() => fake.close());
  const registry = createRegistry(fake.host, { env: {}, plainHttp: true, prefix: 'mirror', retryDelay: 5 });
  t.after(() => registry.close());
  const bundle = await openBundle(file);
  t.after(() => bundle.close());
  return { folder, file, fake, registry, bundle };
}

test('a target is a repository with a tag or a digest', () => {
  assert.deepEqual(parseTarget('svc:1'), { repository: 'svc', tag: '1' });
  assert.deepEqual(parseTarget('a/b/svc:1.2-x'), { repository: 'a/b/svc', tag: '1.2-x' });
  assert.deepEqual(parseTarget(`svc@${DIGEST}`), { repository: 'svc', digest: DIGEST });
  for (const text of ['svc', 'svc@sha256:short', `svc:1@${DIGEST}x`, ''])
    assert.throws(() => parseTarget(text), { code: 'MANIFEST_INVALID' }, text);
});

test('into an empty registry: each blob once, below the prefix, and again nothing at all', async (t) => {
  const { fake, registry, bundle } = await start(t);
  const before = await readPushState(bundle, registry);
  assert.deepEqual([before.images, before.missing.length, isPushed(before)], [2, 2, false]);
  const report = await pushBundle(bundle, registry);
  assert.deepEqual([...fake.manifests.keys()].sort(), ['mirror/busybox', 'mirror/operator']);
  const unique = bundle.manifest.entries.filter(({ path }) => path.startsWith('blobs/'));
  const manifests = new Set(bundle.manifest.images.map(({ descriptor }) => descriptor.digest));
  const blobs = unique.filter(({ sha256 }) => !manifests.has(`sha256:${sha256}`));
  assert.equal(
    report.sent.bytes,
    blobs.reduce((sum, { size }) => sum + size, 0),
  );
  assert.equal(fake.uploaded, report.sent.bytes, 'the wire carried each blob once');
  assert.equal(report.mounted.blobs, 1, 'the shared layer is mounted');
  assert.ok(isPushed(await readPushState(bundle, registry)));
  const requests = fake.seen.length;
  const again = await pushBundle(bundle, registry);
  assert.deepEqual([again.sent.bytes, again.images.every(({ outcome }) => outcome === 'present')], [0, true]);
  assert.ok(fake.seen.slice(requests).every(({ method }) => method === 'GET' || method === 'HEAD'));
});

test('threat 49: a tag that stands for something else is seen, moved and reported; or refused', async (t) => {
  const { fake, registry, bundle } = await start(t);
  await pushBundle(bundle, registry);
  const other = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {},
      layers: [],
    }),
  );
  fake.putManifest('mirror/operator', '2.13.66', other, 'application/vnd.oci.image.manifest.v1+json');
  const state = await readPushState(bundle, registry);
  assert.deepEqual(
    state.different.map(({ target, found }) => [target, found]),
    [['operator:2.13.66', digestOf(other)]],
  );
  await assert.rejects(pushBundle(bundle, registry, { existingTags: 'refuse' }));
  const report = await pushBundle(bundle, registry);
  assert.deepEqual(
    report.images.filter(({ replaced }) => replaced).map(({ replaced }) => replaced),
    [digestOf(other)],
  );
  assert.ok(isPushed(await readPushState(bundle, registry)));
});

test('threat 19: bytes that changed after the bundle was opened end the push before any tag', async (t) => {
  const { file, fake, registry, bundle } = await start(t);
  const layer = noise(5000, 'base');
  const content = readFileSync(file);
  const at = content.indexOf(layer);
  assert.ok(at > 0);
  content[at + 100] = (content[at + 100] ?? 0) ^ 1;
  writeFileSync(file, content);
  await assert.rejects(
    pushBundle(bundle, registry),
    (error: { exitStatus?: number }) => error.exitStatus === 4,
  );
  assert.deepEqual(
    [...fake.manifests.values()].flatMap((names) => [...names.keys()]),
    [],
  );
});

test('threat 58: a registry that refuses one repository is told with it', async (t) => {
  const { fake, registry, bundle } = await start(t);
  fake.on('POST', /mirror\/operator\/blobs\/uploads/, refuse(403, 'DENIED', 'no'), { times: 9 });
  await assert.rejects(pushBundle(bundle, registry), { code: 'REGISTRY_DENIED' });
  assert.equal([...fake.manifestsOf('mirror/operator').keys()].length, 0);
});

test('the registry comes from the flag, an earlier run, or the environment, in this order, else the flag is named', async (t) => {
  const { bundle } = await start(t);
  const around = (env: Record<string, string>) => ({
    env,
    emit: silent,
    signal: AbortSignal.timeout(10_000),
  });
  const choose = async (
    flag: string | undefined,
    earlier: string | undefined,
    env: Record<string, string>,
  ) => {
    const remembered = earlier === undefined ? {} : { registry: earlier, plainHttp: true };
    const found = await chooseRegistry(flag === undefined ? {} : { address: flag }, remembered, {
      around: around(env),
      bundle,
    });
    await found.client.close();
    return [found.address.text, found.origin, found.plainHttp];
  };
  const env = { AIRGAP_REGISTRY: 'env:3/x' };
  assert.deepEqual(await choose('flag:1', 'run:2', env), ['flag:1', '--registry', false]);
  assert.deepEqual(await choose(undefined, 'run:2', env), ['run:2', 'an earlier run', true]);
  assert.deepEqual(await choose(undefined, undefined, env), ['env:3/x', 'AIRGAP_REGISTRY', false]);
  await assert.rejects(choose(undefined, undefined, {}), { code: 'USAGE', expected: /--registry/ });
});

test('a bundle that is cut or not there ends before the registry is asked', async (t) => {
  const { folder, file } = await start(t);
  appendFileSync(file, 'x');
  await assert.rejects(openBundle(file), { code: 'BUNDLE_TRUNCATED' });
  rmSync(file);
  await assert.rejects(openBundle(join(folder, 'none.tar')), { code: 'FILE_NOT_FOUND' });
});
