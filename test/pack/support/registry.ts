import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../../src/oci/digest.js';
import { type Descriptor, MEDIA } from '../../../src/oci/types.js';
import { folderOf, type Scope } from './folder.js';
import { PATH } from './programs.js';

/** Starts Debian's docker-registry on a free loopback port; ends with the test. @returns HOST:PORT */
export async function startRegistry(t: Scope): Promise<string> {
  const host = `127.0.0.1:${await freePort()}`;
  const folder = folderOf(t, {});
  const { writeFileSync } = await import('node:fs');
  writeFileSync(
    join(folder, 'config.yml'),
    `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}
http: {addr: ${host}}
`,
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: 'ignore',
    env: { ...process.env, PATH },
  });
  t.after(() => child.kill('SIGKILL'));
  for (let tries = 0; tries < 100; tries++) {
    const up = await fetch(`http://${host}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return host;
    await sleep(50);
  }
  throw new Error('docker-registry does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** Pushes a single-platform image straight over HTTP; gives the manifest's descriptor. */
export async function pushImage(
  host: string,
  name: string,
  layers: readonly Buffer[],
  facts: { readonly architecture?: string } = {},
): Promise<Descriptor> {
  const [repository = '', tag = ''] = name.split(':');
  const put = (bytes: Buffer, mediaType: string) => pushBlob(host, repository, bytes, mediaType);
  const config = await put(
    Buffer.from(JSON.stringify({ os: 'linux', architecture: facts.architecture ?? 'amd64', name })),
    MEDIA.ociConfig,
  );
  const descriptors: Descriptor[] = [];
  for (const layer of layers)
    descriptors.push(await put(layer, 'application/vnd.oci.image.layer.v1.tar+gzip'));
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: descriptors }),
  );
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': MEDIA.ociManifest },
    body: new Uint8Array(bytes),
  });
  assert.equal(answer.status, 201, await answer.text());
  return { mediaType: MEDIA.ociManifest, digest: digestOf(bytes), size: bytes.length };
}

async function pushBlob(
  host: string,
  repository: string,
  bytes: Buffer,
  mediaType: string,
): Promise<Descriptor> {
  const digest = digestOf(bytes);
  const begun = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  assert.equal(begun.status, 202);
  const location = new URL(begun.headers.get('location') ?? '', `http://${host}`);
  location.searchParams.set('digest', digest);
  const answer = await fetch(location, { method: 'PUT', body: new Uint8Array(bytes) });
  assert.equal(answer.status, 201);
  return { mediaType, digest, size: bytes.length };
}
