import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Blob } from './blob.js';
import type { Image } from './image.js';

/** Where an image goes: `HOST:PORT`, spoken to in plain HTTP, then repository and tag. */
export interface Destination {
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
}

/** Sends an image byte for byte, children before parents, the tag last; what the registry has is left alone. */
export async function pushImage(image: Image, to: Destination): Promise<void> {
  for (const blob of image.blobs) await pushBlob(blob, to);
  for (const child of image.children) await putManifest(child, child.digest, to);
  await putManifest(image.top, to.tag, to);
}

async function pushBlob(blob: Blob, to: Destination): Promise<void> {
  const base = `http://${to.host}/v2/${to.repository}/blobs`;
  const head = await send('HEAD', `${base}/${blob.digest}`);
  if (head.statusCode === 200) return;
  const started = await send('POST', `${base}/uploads/`);
  expectStatus(started, 202, `upload to ${to.host}/${to.repository}`);
  const upload = new URL(started.headers.location ?? '', base);
  upload.searchParams.set('digest', blob.digest);
  const stored = await send('PUT', upload.href, blob, 'application/octet-stream');
  expectStatus(stored, 201, `blob ${blob.digest} in ${to.host}/${to.repository}`);
}

async function putManifest(
  manifest: Blob & { readonly mediaType: string },
  reference: string,
  to: Destination,
): Promise<void> {
  const url = `http://${to.host}/v2/${to.repository}/manifests/${reference}`;
  const stored = await send('PUT', url, manifest, manifest.mediaType);
  expectStatus(stored, 201, `manifest ${to.repository}:${reference} in ${to.host}`);
}

function send(method: string, url: string, body?: Blob, type?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? { 'content-length': 0 } : { 'content-length': body.size, 'content-type': type };
    const sent = request(url, { method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response));
    });
    sent.on('error', (cause) => reject(new Error(`${method} ${url} failed: ${cause.message}`, { cause })));
    if (body === undefined) sent.end();
    else if (Buffer.isBuffer(body.content)) sent.end(body.content);
    else pipeline(createReadStream(body.content.file), sent).catch(reject);
  });
}

function expectStatus(response: IncomingMessage, status: number, what: string): void {
  if (response.statusCode === status) return;
  throw new Error(`${what}: the registry answered ${response.statusCode}, wanted ${status}`);
}
