import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { AirgapEvent } from '../../src/events.js';
import { knownImages } from '../../src/install/proof-read.js';
import { MEDIA } from '../../src/oci/types.js';
import { fetchPayload } from '../../src/pack/index.js';
import { failure } from './support/failure.js';
import { folderOf, type Scope, suiteScope } from './support/folder.js';
import { blobGets, startGateway } from './support/gateway.js';
import { noise, type Product, packed, productOf } from './support/pack.js';
import { PATH } from './support/programs.js';
import { pushImage, startRegistry } from './support/registry.js';

const CRDS = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.run.ai}
spec: {group: run.ai, versions: [{name: v1}]}
`;
const WITH_CRDS = { more: 'crds: [{path: ./crds.yaml}]\n', files: { 'crds.yaml': CRDS } };

async function fetched(t: Scope, product: Product, mode: 'locked' | 'refresh' = 'refresh') {
  const events: AirgapEvent[] = [];
  const tmpdir = folderOf(t);
  const payload = await fetchPayload({
    spec: product.spec,
    cwd: product.folder,
    env: { PATH },
    now: Date.now,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    reach: { retries: 2, retryDelay: 10 },
    concurrency: 4,
    platform: 'linux/amd64',
    tmpdir,
    mode,
  });
  const warnings = events.flatMap((event) =>
    event.type === 'note' && event.level === 'warn' ? [event.text] : [],
  );
  return { payload, warnings, tmpdir };
}

describe('what a connected site installs from', () => {
  let registry = '';
  const scope = suiteScope();
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/one:1', [noise(50_000, 'one')]);
    await pushImage(registry, 'team/two:1', [noise(60_000, 'two')]);
  });

  test('charts, CRDs and manifests are brought, no layer is, and nothing is written beside the spec', async (t) => {
    const gateway = await startGateway(t, registry);
    const product = productOf(t, {
      registry: gateway.host,
      images: ['team/one:1', 'team/two:1'],
      ...WITH_CRDS,
    });
    const before = readdirSync(product.folder).sort();
    const { payload, tmpdir } = await fetched(t, product);
    assert.equal((await payload.read('runai-crds.yaml')).toString(), CRDS);
    const chart = await payload.read('demo-1.0.0.tgz');
    assert.ok(chart.equals(readFileSync(join(product.folder, 'charts/demo.tgz'))));
    assert.deepEqual(
      payload.manifest.images.map(({ source }) => source),
      [`${gateway.host}/team/one:1`, `${gateway.host}/team/two:1`],
    );
    assert.equal(blobGets(gateway.requests).length, 2, 'configs only');
    assert.deepEqual(readdirSync(product.folder).sort(), before);
    await payload.close();
    assert.deepEqual(readdirSync(tmpdir), []);
  });

  test('the id is that of the content: the same again, another for another chart, with or without a lock', async (t) => {
    const facts = { registry, images: ['team/one:1'], ...WITH_CRDS };
    const product = productOf(t, facts);
    const idOf = async (of: Product): Promise<string> => {
      const { payload } = await fetched(t, of);
      await payload.close();
      return payload.bundleId;
    };
    const first = await idOf(product);
    await packed(t, product);
    assert.equal(await idOf(product), first, 'the lock must not matter');
    assert.equal(await idOf(productOf(t, facts)), first);
    assert.notEqual(await idOf(productOf(t, { ...facts, images: ['team/one:1', 'team/two:1'] })), first);
    writeFileSync(join(product.folder, 'crds.yaml'), CRDS.replace('v1}', 'v1, served: true}'));
    assert.notEqual(await idOf(product), first);
  });

  test('a tag that moved since the lock is told; with --locked it ends before anything is installed', async (t) => {
    await pushImage(registry, 'team/moving:1', [noise(1000, 'before')]);
    const product = productOf(t, { registry, images: ['team/moving:1'] });
    await packed(t, product);
    await (await fetched(t, product, 'locked')).payload.close();
    const lockFile = join(product.folder, 'spec.lock.yaml');
    const lock = readFileSync(lockFile, 'utf8');
    await pushImage(registry, 'team/moving:1', [noise(1000, 'after')]);
    const { payload, warnings } = await fetched(t, product);
    await payload.close();
    assert.match(
      warnings.join('\n'),
      /not as the lock has it: image \S+\/team\/moving:1: sha256:\S+ .*-> sha256:/,
    );
    assert.equal(readFileSync(lockFile, 'utf8'), lock);
    const { text } = await failure('LOCK_STALE', () => fetched(t, product, 'locked'));
    assert.match(text, /image \S+\/team\/moving:1: differs from the lock/);
    assert.equal(readFileSync(lockFile, 'utf8'), lock);
    rmSync(lockFile);
    await failure('LOCK_STALE', () => fetched(t, product, 'locked'));
  });

  test('an image is known by the whole index too, which is what a node that pulls it reports', async (t) => {
    const amd = await pushImage(registry, 'team/multi:amd', [noise(1000, 'amd')]);
    const arm = await pushImage(registry, 'team/multi:arm', [noise(1000, 'arm')], { architecture: 'arm64' });
    const index = {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [
        { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
        { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
      ],
    };
    const put = await fetch(`http://${registry}/v2/team/multi/manifests/1`, {
      method: 'PUT',
      headers: { 'content-type': MEDIA.ociIndex },
      body: JSON.stringify(index),
    });
    const { payload } = await fetched(t, productOf(t, { registry, images: ['team/multi:1'] }));
    t.after(() => payload.close());
    const [known, ...others] = await knownImages(payload);
    assert.deepEqual(others, []);
    assert.equal(known?.target, `${registry}/team/multi:1`);
    assert.ok(known?.digests.has(amd.digest), 'the manifest of the platform');
    assert.ok(known?.digests.has(put.headers.get('docker-content-digest') ?? ''), 'the index');
    assert.ok(!known?.digests.has(arm.digest));
  });

  test('an image that only a layout has is left out, loudly; one that a registry has too is asked for there', async (t) => {
    const images = `images:
  include:
    - {from: "oci:./layout:svc", target: "tools/svc:1", reason: built on the spot}
    - {ref: "${registry}/team/two:1", from: "oci:./layout:two"}
`;
    const product = productOf(t, { registry, images: ['team/one:1'], more: images });
    const { payload, warnings } = await fetched(t, product);
    t.after(() => payload.close());
    assert.deepEqual(
      payload.manifest.images.map(({ source }) => source),
      [`${registry}/team/one:1`, `${registry}/team/two:1`],
    );
    assert.match(warnings.join('\n'), /tools\/svc:1 is left out/);
  });

  test('charts need no redirects where images stay in place', async (t) => {
    const product = productOf(t, { registry, images: ['team/one:1'] });
    const spec = readFileSync(product.spec, 'utf8');
    writeFileSync(product.spec, spec.replace('"{{registry}}", flat: "yes"', '"{{registry}}/nowhere"'));
    await failure('IMAGE_MISSING_IN_BUNDLE', () => packed(t, product));
    const { payload } = await fetched(t, product);
    await payload.close();
    assert.equal(payload.manifest.images.length, 1);
  });

  test('a chart that is not there: nothing is left in the temporary folder', async (t) => {
    const product = productOf(t, { registry, images: ['team/one:1'] });
    rmSync(join(product.folder, 'charts/demo.tgz'));
    const tmpdir = folderOf(t);
    await failure('CHART_NOT_FOUND', () =>
      fetchPayload({
        spec: product.spec,
        cwd: product.folder,
        env: { PATH },
        now: Date.now,
        emit: () => {},
        signal: new AbortController().signal,
        reach: {},
        concurrency: 4,
        platform: 'linux/amd64',
        tmpdir,
        mode: 'refresh',
      }),
    );
    assert.deepEqual(readdirSync(tmpdir), []);
    assert.ok(!existsSync(join(product.folder, 'spec.lock.yaml')));
  });
});
