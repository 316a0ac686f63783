import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BundleImage } from '../../src/bundle/manifest.js';
import { type Packed, packSample, sample, temporaryFolder } from './helpers.js';
import { END, member } from './raw-tar.js';

/** Programs come from PATH, else from the cache that scripts/tools fills. */
const CACHE =
  process.env['AIRGAP_TOOLS'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'airgap-tools');
const env = { ...process.env, PATH: `${process.env['PATH']}${delimiter}${join(CACHE, 'bin')}` };

function absent(...programs: readonly string[]): string | false {
  const missing = programs.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env }).status !== 0,
  );
  return missing.length > 0 ? `not here: ${missing.join(', ')}; scripts/tools ensure peers node` : false;
}

/** Layers that are real tars, so that programs which unpack accept them. */
const layer = (name: string): Buffer => Buffer.concat([member(`${name}.txt`, name), END]);
const from = sample({
  images: [
    {
      source: 'registry.example.com/run-ai-prod/operator:2.13.66',
      target: 'operator:2.13.66',
      layers: [layer('base'), layer('operator')],
    },
    {
      source: 'registry.example.com:5000/deep/path/web:1.0_x',
      target: 'web:1.0_x',
      layers: [layer('base'), layer('web')],
    },
    {
      source: 'docker.io/library/busybox:1.36',
      target: 'busybox:1.36',
      layers: [layer('base')],
      docker: true,
    },
  ],
});
const OCI = from.draft.images.slice(0, 2) as [BundleImage, BundleImage];
const DOCKER = from.draft.images[2] as BundleImage;

async function extract(t: TestContext): Promise<Packed & { folder: string }> {
  const packed = await packSample(t, from);
  const folder = join(await temporaryFolder(t), 'x');
  mkdirSync(folder);
  execFileSync('tar', ['xf', packed.path, '-C', folder]);
  return { ...packed, folder };
}

test('skopeo reads the OCI images by their source reference, from the file and from the folder', {
  skip: absent('skopeo'),
}, async (t) => {
  const { path, folder } = await extract(t);
  for (const { source, descriptor } of OCI) {
    for (const [index, name] of [`oci-archive:${path}:${source}`, `oci:${folder}:${source}`].entries()) {
      const raw = execFileSync('skopeo', ['inspect', '--raw', name], { env });
      assert.equal(raw.length, descriptor.size);
      const out = join(await temporaryFolder(t), `d${index}`);
      execFileSync('skopeo', ['copy', '--quiet', '--preserve-digests', name, `dir:${out}`], { env });
      assert.deepEqual(readFileSync(join(out, 'manifest.json')), raw);
    }
  }
});

test('containerd imports every image from the file that was not extracted', {
  skip: absent('containerd', 'ctr'),
}, async (t) => {
  const { path } = await packSample(t, from);
  const folder = await temporaryFolder(t);
  const socket = join(folder, 'c.sock');
  const disabled = [
    'io.containerd.grpc.v1.cri',
    'io.containerd.cri.v1.images',
    'io.containerd.cri.v1.runtime',
  ];
  writeFileSync(
    join(folder, 'config.toml'),
    `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\ndisabled_plugins = ${JSON.stringify(disabled)}\n[grpc]\naddress = "${socket}"\n`,
  );
  const daemon = spawn('containerd', ['-c', join(folder, 'config.toml')], { env, stdio: 'ignore' });
  try {
    for (let i = 0; i < 100 && !existsSync(socket); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const ctr = (...args: string[]): string =>
      execFileSync('ctr', ['-a', socket, 'images', ...args], { env, encoding: 'utf8' });
    ctr('import', '--no-unpack', path);
    const list = ctr('ls');
    for (const { source, descriptor } of [...OCI, DOCKER]) {
      const line = list.split('\n').find((text) => text.startsWith(`${source} `));
      assert.ok(line?.includes(descriptor.digest), `${source} in\n${list}`);
    }
  } finally {
    daemon.kill('SIGTERM');
    await new Promise((resolve) => daemon.on('close', resolve));
  }
});

test('crane and regctl push every image, bytes and digests kept', {
  skip: absent('crane', 'regctl', 'docker-registry'),
}, async (t) => {
  const { folder } = await extract(t);
  const data = await temporaryFolder(t);
  const port = await freePort();
  const config = `version: 0.1\nstorage: {filesystem: {rootdirectory: ${data}/data}}\nhttp: {addr: 127.0.0.1:${port}}\n`;
  writeFileSync(join(data, 'config.yml'), config);
  const server = spawn('docker-registry', ['serve', join(data, 'config.yml')], { env, stdio: 'ignore' });
  const registry = `127.0.0.1:${port}`;
  try {
    await waitFor(`http://${registry}/v2/`);
    execFileSync('crane', ['push', '--index', folder, `${registry}/all:x`], { env, stdio: 'pipe' });
    for (const { descriptor, target } of [...OCI, DOCKER]) {
      const args = [
        '--host',
        `reg=${registry},tls=disabled`,
        'image',
        'copy',
        `ocidir://.@${descriptor.digest}`,
        `${registry}/${target}`,
      ];
      execFileSync('regctl', args, { env, cwd: folder, stdio: 'pipe' });
      for (const name of [`${registry}/${target}`, `${registry}/all@${descriptor.digest}`]) {
        assert.equal(
          execFileSync('crane', ['digest', name], { env, encoding: 'utf8' }).trim(),
          descriptor.digest,
        );
      }
    }
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.on('close', resolve));
  }
});

test('README.txt gives commands that work as printed: skopeo', { skip: absent('skopeo') }, async (t) => {
  const { folder } = await extract(t);
  const out = await temporaryFolder(t);
  const readme = readFileSync(join(folder, 'README.txt'), 'utf8');
  const lines = readme.split('\n').filter((line) => line.startsWith('  skopeo copy'));
  assert.equal(lines.length, OCI.length);
  for (const [index, line] of lines.entries()) {
    const command = line.replace(/docker:\/\/\$REGISTRY\/\S+/, `dir:${out}/${index}`);
    execFileSync('sh', ['-c', command], { cwd: folder, env, stdio: 'pipe' });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.on('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function waitFor(url: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${url} does not answer`);
}
