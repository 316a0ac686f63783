import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { RegistryClient, RegistryOptions } from '../../src/oci/client.js';
import { copyImages } from '../../src/oci/copy.js';
import { openLayout } from '../../src/oci/layout.js';
import { createRegistry } from '../../src/oci/registry.js';
import { MEDIA } from '../../src/oci/types.js';
import { walkImage } from '../../src/oci/walk.js';
import { makeAuthority } from './support/certs.js';
import { DOCKER_REGISTRY, startReal } from './support/docker-registry.js';
import { collect, describeBlob, makeImage, makeIndex, manifestOf, openerOf } from './support/images.js';
import { contentsOf, tarOf, tempFolder, writeLayout } from './support/local.js';

const skip =
  DOCKER_REGISTRY === undefined ? 'docker-registry is not on PATH (scripts/tools ensure tests)' : false;
const MIB = 1024 * 1024;

function clientOf(
  t: { after(done: () => Promise<void>): void },
  host: string,
  options: Partial<RegistryOptions> = {},
): RegistryClient {
  const client = createRegistry(host, { env: {}, plainHttp: true, retryDelay: 20, ...options });
  t.after(() => client.close());
  return client;
}

test('docker-registry: images of both kinds go up, are mounted, and come down byte for byte', {
  skip,
}, async (t) => {
  const { host } = await startReal(t);
  const folder = tempFolder(t);
  const base = randomBytes(5 * MIB);
  const one = makeImage([base, 300_000], 'one');
  const two = makeImage([base, 200_000], 'two');
  const docker = manifestOf(
    { config: { ...one.config, mediaType: MEDIA.dockerConfig }, layers: one.layers },
    MEDIA.dockerManifest,
  );
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  const index = makeIndex(
    [one, two].map(({ manifest }, at) => ({ ...manifest.descriptor, platform: platforms[at]! })),
  );
  const listed = [
    { descriptor: index.descriptor, name: 'multi' },
    { descriptor: docker.descriptor, name: 'docker' },
    { descriptor: two.manifest.descriptor, name: 'two' },
  ];
  writeLayout(join(folder, 'l'), listed, [...contentsOf(one), ...contentsOf(two), docker.bytes, index.bytes]);
  const layout = await openLayout(tarOf(join(folder, 'l'), join(folder, 'l.tar')));
  t.after(() => layout.close());
  const client = clientOf(t, host, { prefix: 'mirror' });
  await client.ping();
  const images = listed.map(({ name }) => ({
    source: { repository: '', tagOrDigest: name },
    target: { repository: `runai/${name}`, tag: 'v1' },
  }));
  const report = await copyImages(images, { from: layout, to: client, paranoid: client });
  assert.equal(report.sent.blobs, 5);
  assert.equal(report.mounted.blobs, 6);
  const plain = clientOf(t, host);
  assert.deepEqual(await plain.tags('mirror/runai/multi'), ['v1']);
  const tree = await walkImage(plain, 'mirror/runai/multi', 'v1');
  assert.deepEqual(tree.root.bytes, index.bytes);
  assert.equal(tree.manifests.length, 3);
  for (const descriptor of tree.blobs) await collect(await plain.blob('mirror/runai/multi', descriptor));
  assert.deepEqual((await plain.manifest('mirror/runai/docker', 'v1')).bytes, docker.bytes);
  const again = await copyImages(images, { from: layout, to: client });
  assert.ok(again.images.every(({ outcome }) => outcome === 'present'));
});

test('docker-registry: in chunks, from offsets, empty, probed, deleted', { skip }, async (t) => {
  const { host } = await startReal(t);
  const client = clientOf(t, host, { chunkSize: MIB });
  const bytes = randomBytes(3 * MIB + 5);
  const blob = describeBlob(bytes);
  assert.equal(await client.hasBlob('a/b', blob), false);
  assert.equal(await client.putBlob('a/b', blob, openerOf(bytes)), 'sent');
  assert.equal(await client.hasBlob('a/b', blob), true);
  assert.deepEqual(
    await collect(await client.blob('a/b', blob, { offset: 2_000_000 })),
    bytes.subarray(2_000_000),
  );
  const empty = describeBlob(Buffer.alloc(0));
  await client.putBlob('a/b', empty, openerOf(Buffer.alloc(0)));
  assert.equal(await client.putBlob('c', blob, () => assert.fail('opened'), { from: ['a/b'] }), 'mounted');
  await client.probePush('never/seen');
  const image = makeImage([100]);
  for (const content of image.blobs.values())
    await client.putBlob('d', describeBlob(content), openerOf(content));
  await client.putManifest('d', 'v1', image.manifest);
  await client.deleteManifest('d', image.manifest.descriptor.digest);
  assert.equal(await client.hasManifest('d', 'v1'), undefined);
  await assert.rejects(
    client.putManifest('e', 'v1', image.manifest),
    (error) => isAirgapError(error) && /MANIFEST_BLOB_UNKNOWN/.test(error.found ?? ''),
  );
});

test('docker-registry: it refuses bytes with another digest, and the client says so', { skip }, async (t) => {
  const { host } = await startReal(t);
  const client = clientOf(t, host);
  const bytes = randomBytes(1000);
  const wrong = describeBlob(randomBytes(1000));
  await assert.rejects(
    client.putBlob('a', wrong, openerOf(bytes)),
    (error) => isAirgapError(error) && /DIGEST_INVALID/.test(error.found ?? ''),
  );
  assert.equal(await client.hasBlob('a', wrong), false);
});

test('threat 64: docker-registry killed in the middle of a push and started again', { skip }, async (t) => {
  const registry = await startReal(t);
  const client = clientOf(t, registry.host, { retryDelay: 100 });
  const bytes = randomBytes(24 * MIB);
  const blob = describeBlob(bytes);
  let reported = 0;
  let killed: Promise<void> | undefined;
  const open = (offset: number) => openerOf(bytes, MIB)(offset);
  await client.ping();
  await client.putBlob('a', blob, open, {
    onBytes: (count) => {
      reported += count;
      if (reported > 8 * MIB) killed ??= registry.restart();
    },
  });
  await killed;
  assert.ok(killed, 'the registry was killed');
  assert.equal(reported, bytes.length);
  assert.deepEqual(await collect(await client.blob('a', blob)), bytes);
});

test('threat 63: docker-registry on a full disk is suspected, and done blobs are kept', {
  skip: skip || noMount(),
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'airgap-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', root]);
  t.after(() => {
    execFileSync('umount', ['-l', root]);
    rmdirSync(root);
  });
  const { host } = await startReal(t, { root: join(root, 'data') });
  const client = clientOf(t, host);
  const small = randomBytes(MIB);
  await client.putBlob('a', describeBlob(small), openerOf(small));
  const large = randomBytes(8 * MIB);
  const started = performance.now();
  await assert.rejects(
    client.putBlob('a', describeBlob(large), openerOf(large)),
    (error) => isAirgapError(error, 'REGISTRY_STORAGE') && error.exitStatus === 5,
  );
  assert.ok(performance.now() - started < 20_000);
  assert.equal(await client.hasBlob('a', describeBlob(small)), true);
});

const authority = makeAuthority();
after(() => authority.remove());

test('docker-registry: TLS with a private CA, and mTLS', { skip }, async (t) => {
  const server = authority.issue('registry');
  const clientCert = authority.issue('push', { san: 'DNS:push', usage: 'clientAuth' });
  const http = `  tls:\n    certificate: ${server.certFile}\n    key: ${server.keyFile}\n    clientcas: [${authority.caFile}]\n`;
  const { host } = await startReal(t, { http });
  const withCert = clientOf(t, host, { plainHttp: false, caFile: authority.caFile, clientCert });
  const bytes = randomBytes(2 * MIB);
  await withCert.putBlob('a', describeBlob(bytes), openerOf(bytes));
  assert.deepEqual(await collect(await withCert.blob('a', describeBlob(bytes))), bytes);
  const without = clientOf(t, host, { plainHttp: false, caFile: authority.caFile });
  await assert.rejects(
    without.ping(),
    (error) => isAirgapError(error, 'REGISTRY_TLS') && /client certificate/.test(error.message),
  );
  const plain = clientOf(t, host);
  await assert.rejects(
    plain.ping(),
    (error) => isAirgapError(error, 'REGISTRY_TLS') && /--plain-http/.test(error.hint),
  );
});

function noMount(): string | false {
  return process.getuid?.() === 0 && process.platform === 'linux' ? false : 'needs root for a small tmpfs';
}
