import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { openBundle } from '../../src/bundle/open.js';
import { encodeHeader } from '../../src/bundle/tar.js';
import { MEDIA } from '../../src/oci/types.js';
import { contentOfBundle } from '../../src/registry/bundle-open.js';
import { serveBundle } from '../../src/registry/index.js';
import { noise, packSample, sample } from '../bundle/helpers.js';
import {
  ask,
  atEnd,
  digestOf,
  imageOf,
  pushBlob,
  pushImage,
  putManifest,
  startFolder,
  temporaryFolder,
} from './support.js';

/** Real programs against the registry: what the distribution spec means to those who pull and push. */
const run = promisify(execFile);

const onPath = async (program: string): Promise<boolean> => {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
};

const lacks = async (...programs: string[]): Promise<string | false> => {
  for (const program of programs) if (!(await onPath(program))) return `${program} is not on PATH`;
  return false;
};

/** A layer that a container runtime can unpack. */
function layerOf(files: Readonly<Record<string, string>>): { gzipped: Buffer; diffId: string } {
  const parts = Object.entries(files).flatMap(([path, text]) => {
    const bytes = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    bytes.write(text);
    return [encodeHeader({ path, size: text.length }), bytes];
  });
  const tar = Buffer.concat([...parts, Buffer.alloc(1024)]);
  return { gzipped: gzipSync(tar), diffId: digestOf(tar) };
}

async function pushRunnable(url: string, repository: string, tag: string) {
  const { gzipped, diffId } = layerOf({ 'etc/airgap': 'here\n' });
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [diffId] },
    }),
  );
  await pushBlob(url, repository, gzipped);
  await pushBlob(url, repository, config);
  const manifest = Buffer.from(
    imageOf(config, [gzipped]).toString().replace('layer.v1.tar', 'layer.v1.tar+gzip'),
  );
  assert.equal((await putManifest(url, repository, tag, manifest)).status, 201);
  return { manifest, digest: digestOf(manifest) };
}

test('skopeo pushes to the folder, copies within it, and pulls the same bytes', {
  skip: await lacks('skopeo'),
}, async (t) => {
  const { url, address } = await startFolder(t);
  const { manifest, digest } = await pushRunnable(url, 'source/app', 'v1');
  const folder = await temporaryFolder(t);
  await run('skopeo', [
    'copy',
    '--src-tls-verify=false',
    `docker://${address}/source/app:v1`,
    `oci:${folder}/layout:app`,
  ]);
  await run('skopeo', [
    'copy',
    '--dest-tls-verify=false',
    `oci:${folder}/layout:app`,
    `docker://${address}/copied/app:v2`,
  ]);
  assert.ok((await ask('GET', `${url}/v2/copied/app/manifests/v2`)).body.equals(manifest));
  const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await run('skopeo', [
    'copy',
    ...tls,
    `docker://${address}/copied/app:v2`,
    `docker://${address}/mounted/app:v3`,
  ]);
  const { stdout } = await run('skopeo', [
    'inspect',
    '--tls-verify=false',
    `docker://${address}/mounted/app:v3`,
  ]);
  assert.equal((JSON.parse(stdout) as { Digest: string }).Digest, digest);
  await run('skopeo', ['delete', '--tls-verify=false', `docker://${address}/mounted/app:v3`]);
  assert.equal((await ask('GET', `${url}/v2/mounted/app/manifests/v3`)).status, 404);
});

test('skopeo pushes with user and password', { skip: await lacks('skopeo') }, async (t) => {
  const { parseUsers } = await import('../../src/registry/auth.js');
  const { address } = await startFolder(t, {
    auth: { users: parseUsers('ann:secret').users, anonymousPull: true },
  });
  const source = await startFolder(t);
  await pushRunnable(source.url, 'app', 'v1');
  const copy = (...more: string[]) =>
    run('skopeo', [
      ...['copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...more],
      `docker://${source.address}/app:v1`,
      `docker://${address}/app:v1`,
    ]);
  await assert.rejects(copy(), /unauthorized|authentication required|user name and password/i);
  await copy('--dest-creds=ann:secret');
  await run('skopeo', ['inspect', '--no-creds', '--tls-verify=false', `docker://${address}/app:v1`]);
});

test('crane copies, lists and validates', { skip: await lacks('crane') }, async (t) => {
  const { url, address } = await startFolder(t);
  const { digest } = await pushRunnable(url, 'app', 'v1');
  await run('crane', ['copy', '--insecure', `${address}/app:v1`, `${address}/other/app:v9`]);
  const { stdout } = await run('crane', ['digest', '--insecure', `${address}/other/app:v9`]);
  assert.equal(stdout.trim(), digest);
  await run('crane', ['validate', '--insecure', '--remote', `${address}/other/app:v9`]);
  const catalog = await run('crane', ['catalog', '--insecure', address]);
  assert.deepEqual(catalog.stdout.trim().split('\n'), ['app', 'other/app']);
  await run('crane', ['tag', '--insecure', `${address}/app:v1`, 'latest']);
  const tags = await run('crane', ['ls', '--insecure', `${address}/app`]);
  assert.deepEqual(tags.stdout.trim().split('\n'), ['latest', 'v1']);
});

test('crane and skopeo pull from a bundle in place', { skip: await lacks('crane', 'skopeo') }, async (t) => {
  const { gzipped, diffId } = layerOf({ 'etc/airgap': 'here\n' });
  assert.ok(diffId);
  const image = {
    source: 'registry.example.com/team/app:v1',
    target: 'app:v1',
    layers: [gzipped, noise(90_000, 'layer')],
  };
  const { path } = await packSample(t, sample({ images: [image] }));
  const served = await serveBundle(contentOfBundle(await openBundle(path)));
  atEnd(t, served.close);
  const folder = await temporaryFolder(t);
  await run('crane', [
    'pull',
    '--insecure',
    '--format=oci',
    `${served.address}/app:v1`,
    join(folder, 'crane'),
  ]);
  await run('skopeo', [
    'copy',
    '--preserve-digests',
    '--src-tls-verify=false',
    `docker://${served.address}/app:v1`,
    `oci:${folder}/skopeo:app`,
  ]);
  const index = JSON.parse(await readFile(join(folder, 'skopeo/index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  const answer = await ask('HEAD', `http://${served.address}/v2/app/manifests/v1`);
  assert.equal(index.manifests[0]?.digest, answer.headers['docker-content-digest']);
  await assert.rejects(
    run('skopeo', [
      'copy',
      '--dest-tls-verify=false',
      `oci:${folder}/skopeo:app`,
      `docker://${served.address}/new:v1`,
    ]),
    /read-only|unsupported/i,
  );
});

test('the distribution registry takes the folder over, and gives it back', {
  skip: await lacks('docker-registry'),
}, async (t) => {
  const mine = await startFolder(t);
  const image = await pushImage(mine.url, 'team/app', 'v1');
  await mine.close();
  const theirs = await startDistribution(t, mine.root);
  const headers = { Accept: MEDIA.ociManifest };
  assert.ok(
    (await ask('GET', `${theirs.url}/v2/team/app/manifests/v1`, { headers })).body.equals(image.manifest),
  );
  assert.ok(
    (await ask('GET', `${theirs.url}/v2/team/app/blobs/${digestOf(image.layer)}`)).body.equals(image.layer),
  );
  const second = await pushToDistribution(theirs.url);
  await theirs.stop();
  const { url } = await startFolder(t, { root: mine.root });
  assert.ok((await ask('GET', `${url}/v2/their/app/manifests/v2`)).body.equals(second.manifest));
  assert.ok(
    (await ask('GET', `${url}/v2/their/app/blobs/${digestOf(second.layer)}`)).body.equals(second.layer),
  );
  assert.ok((await ask('GET', `${url}/v2/team/app/manifests/v1`)).body.equals(image.manifest));
});

const noContainerd =
  (await lacks('containerd', 'ctr')) || (process.getuid?.() === 0 ? false : 'containerd needs root');

test('containerd pulls by tag, and through a mirror from a bundle', { skip: noContainerd }, async (t) => {
  const { url, address } = await startFolder(t);
  const { digest } = await pushRunnable(url, 'team/app', 'v1');
  const ctr = await startContainerd(t);
  await ctr('images', 'pull', '--plain-http', '--snapshotter', 'native', `${address}/team/app:v1`);
  const listed = await ctr('images', 'ls');
  assert.match(listed, new RegExp(`${address}/team/app:v1 .*${digest}`));
  await ctr('images', 'push', '--plain-http', `${address}/pushed/app:v2`, `${address}/team/app:v1`);
  const pushed = await ask('HEAD', `${url}/v2/pushed/app/manifests/v2`);
  assert.equal(pushed.headers['docker-content-digest'], digest);

  const image = {
    source: 'registry.example.com/team/app:v1',
    target: 'app:v1',
    layers: [noise(90_000, 'layer')],
  };
  const { path, layout } = await packSample(t, sample({ images: [image] }));
  const served = await serveBundle(contentOfBundle(await openBundle(path)));
  atEnd(t, served.close);
  const hosts = join(await temporaryFolder(t), 'certs.d');
  await mkdir(join(hosts, 'registry.example.com'), { recursive: true });
  const toml = `[host."http://${served.address}"]\n  capabilities = ["pull", "resolve"]\n`;
  await writeFile(join(hosts, 'registry.example.com/hosts.toml'), toml);
  await ctr('content', 'fetch', '--hosts-dir', hosts, 'registry.example.com/team/app:v1');
  assert.match(await ctr('content', 'ls'), new RegExp(String(layout.manifest.images[0]?.descriptor.digest)));
});

async function startContainerd(t: TestContext): Promise<(...args: string[]) => Promise<string>> {
  const folder = await temporaryFolder(t);
  const socket = join(folder, 'c.sock');
  const config = [
    'version = 2',
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    `[grpc]\n  address = "${socket}"`,
  ].join('\n');
  await writeFile(join(folder, 'config.toml'), config);
  const child = spawn('containerd', ['--config', join(folder, 'config.toml')], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  atEnd(t, async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const ctr = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('ctr', ['--address', socket, ...args], { timeout: 60_000 });
    return stdout;
  };
  for (let tries = 0; ; tries++) {
    try {
      await ctr('version');
      return ctr;
    } catch (error) {
      if (tries > 50) throw error;
      await sleep(200);
    }
  }
}

async function startDistribution(t: TestContext, root: string) {
  const folder = await temporaryFolder(t);
  const port = await freePort();
  const file = join(folder, 'config.yml');
  const config = `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`;
  await writeFile(file, config);
  const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  atEnd(t, stop);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    try {
      await ask('GET', `${url}/v2/`);
      return { url, stop };
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(50);
    }
  }
}

/** Its upload locations are absolute and carry a state. */
async function pushToDistribution(url: string) {
  const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
  const layer = noise(5000, 'their layer');
  for (const bytes of [config, layer]) {
    const session = await ask('POST', `${url}/v2/their/app/blobs/uploads/`);
    const answer = await ask('PUT', `${session.headers.location}&digest=${digestOf(bytes)}`, { body: bytes });
    assert.equal(answer.status, 201);
  }
  const manifest = imageOf(config, [layer]);
  assert.equal((await putManifest(url, 'their/app', 'v2', manifest)).status, 201);
  return { manifest, layer };
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
