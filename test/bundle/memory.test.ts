import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { layoutBundle } from '../../src/bundle/layout.js';
import { encodeHeader } from '../../src/bundle/tar.js';
import { digestOf } from '../../src/oci/digest.js';
import { type Digest, MEDIA } from '../../src/oci/types.js';
import { sample, temporaryFolder } from './helpers.js';

/** Bytes of the one large layer; AIRGAP_TEST_HEAVY=1 goes beyond what ustar's octal size holds (threat 16). */
const LARGE = process.env['AIRGAP_TEST_HEAVY'] === '1' ? 8 * 2 ** 30 + 5 : 768 * 2 ** 20 + 5;
const LIMIT = 256;

test('threat 22: verify and push keep to a memory that has nothing to do with the size of the bundle', async (t) => {
  const path = await packLarge(t);
  const registry = await startSink(t);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'memory-child.ts'), path, registry.host],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const out = Buffer.concat(await child.stdout.toArray()).toString();
  const { sent, peak } = JSON.parse(out) as { sent: { bytes: number }; peak: number };
  assert.ok(registry.received() > LARGE, `${registry.received()} bytes arrived`);
  assert.equal(sent.bytes, registry.received());
  assert.ok(peak < LIMIT, `${Math.round(peak)} MiB for ${LARGE} bytes`);
});

/** A sparse bundle with one layer of zeros: takes no room on the disk, and every byte of it is read. */
async function packLarge(t: TestContext): Promise<string> {
  const from = sample({ images: [] });
  const config = Buffer.from('{"os":"linux","architecture":"amd64"}');
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: zeros(LARGE), size: LARGE };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: digestOf(config), size: config.length },
      layers: [layer],
    }),
  );
  const small = [config, manifest].map((bytes) => ({ digest: digestOf(bytes), size: bytes.length, bytes }));
  const layout = layoutBundle({
    ...from.draft,
    images: [
      {
        source: 'registry.example.com/large:1',
        target: 'large:1',
        descriptor: {
          mediaType: MEDIA.ociManifest,
          digest: digestOf(manifest),
          size: manifest.length,
        },
        platforms: ['linux/amd64'],
        reasons: ['listed'],
      },
    ],
    blobs: [...small.map(({ digest, size }) => ({ digest, size })), layer],
  });
  const contents = new Map(from.contents);
  for (const { digest, bytes } of small) contents.set(`blobs/sha256/${digest.slice(7)}`, bytes);
  const path = join(await temporaryFolder(t), 'large.tar');
  const file = openSync(path, 'w');
  ftruncateSync(file, layout.totalSize);
  for (const position of layout.positions) {
    writeSync(file, encodeHeader(position), 0, 512, position.offset - 512);
    const bytes =
      position.offset === 512
        ? layout.bytes
        : (layout.generated.get(position.path) ?? contents.get(position.path));
    if (bytes) writeSync(file, bytes, 0, bytes.length, position.offset);
  }
  closeSync(file);
  return path;
}

function zeros(size: number): Digest {
  const hash = createHash('sha256');
  const block = Buffer.alloc(4 * 2 ** 20);
  for (let left = size; left > 0; left -= block.length) hash.update(block.subarray(0, left));
  return `sha256:${hash.digest('hex')}`;
}

/** A registry that counts the bytes of blobs and throws them away. */
async function startSink(t: TestContext): Promise<{ host: string; received: () => number }> {
  const manifests = new Map<string, string>();
  const blobs = new Map<string, number>();
  let received = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sink');
    const isManifest = pathname.includes('/manifests/');
    let own = 0;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (isManifest) chunks.push(chunk);
      else own += chunk.length;
    }
    received += own;
    const answer = (status: number, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, headers).end();
    if (pathname === '/v2/') return answer(200);
    if (isManifest && request.method === 'PUT') {
      const digest = digestOf(Buffer.concat(chunks));
      for (const name of [pathname, pathname.replace(/[^/]+$/, digest)]) manifests.set(name, digest);
      return answer(201, { 'docker-content-digest': digest });
    }
    if (isManifest) {
      const digest = manifests.get(pathname);
      return digest ? answer(200, { 'docker-content-digest': digest }) : answer(404);
    }
    if (request.method === 'POST') return answer(202, { location: `${pathname}one` });
    if (request.method === 'PUT') {
      blobs.set(searchParams.get('digest') ?? '', own);
      return answer(201);
    }
    const size = blobs.get(pathname.split('/').at(-1) ?? '');
    return size === undefined ? answer(404) : answer(200, { 'content-length': String(size) });
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, received: () => received };
}
