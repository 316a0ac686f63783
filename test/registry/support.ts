import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openBundle } from '../../src/bundle/open.js';
import { MEDIA } from '../../src/oci/types.js';
import { contentOfBundle } from '../../src/registry/bundle-open.js';
import { type ServeOptions, serveBundle, serveFolder, serveRegistry } from '../../src/registry/index.js';
import { packSample, type Sample, sample } from '../bundle/helpers.js';

/** A served registry as a test uses it. */
export interface TestRegistry {
  /** http://HOST:PORT */
  readonly url: string;
  readonly address: string;
  readonly root: string;
  close(): Promise<void>;
}

const endings = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** Runs at the end of the test, the last one added first: a server ends before its folder goes. */
export function atEnd(t: TestContext, work: () => Promise<void>): void {
  const list = endings.get(t);
  if (list) {
    list.unshift(work);
    return;
  }
  const first = [work];
  endings.set(t, first);
  t.after(async () => {
    for (const ending of first) await ending();
  });
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-registry-'));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startFolder(
  t: TestContext,
  options: ServeOptions & { readonly root?: string } = {},
): Promise<TestRegistry> {
  const root = options.root ?? (await temporaryFolder(t));
  return asTestRegistry(t, await serveFolder(root, options), root);
}

export async function startBundle(t: TestContext, from: Sample = sample(), options: ServeOptions = {}) {
  const { path, bytes, layout } = await packSample(t, from);
  const served = await serveBundle(contentOfBundle(await openBundle(path)), options);
  return { ...asTestRegistry(t, served, path), path, bytes, layout };
}

export async function startBoth(t: TestContext, from: Sample = sample()) {
  const root = await temporaryFolder(t);
  const { path } = await packSample(t, from);
  const bundle = contentOfBundle(await openBundle(path));
  return asTestRegistry(t, await serveRegistry({ root, bundle }), root);
}

function asTestRegistry(
  t: TestContext,
  served: { readonly address: string; close(): Promise<void> },
  root: string,
): TestRegistry {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= served.close();
    return closing;
  };
  atEnd(t, close);
  return { url: `http://${served.address}`, address: served.address, root, close };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** One request with its path exactly as written: fetch would tidy it up. */
export function ask(method: string, url: string, { headers = {}, body }: Ask = {}): Promise<Answer> {
  const origin = new URL(url).origin;
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const path = url.slice(origin.length) || '/';
    const sent = request({ method, hostname, port, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on('error', reject);
    if (body !== undefined && headers['Transfer-Encoding'] === undefined) {
      sent.setHeader('Content-Length', Buffer.byteLength(body));
    }
    sent.end(body);
  });
}

/** The code of an error answer, which must have the body of the distribution spec. */
export function codeOf(answer: Answer): string {
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string; message: string }[] };
  const [first] = errors;
  if (!first?.message) throw new Error('no error in the answer');
  return first.code;
}

export function jsonOf(answer: Answer): unknown {
  return JSON.parse(answer.body.toString());
}

export function digestOf(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export const noise = randomBytes;

/** Pushes a blob with POST and PUT. */
export async function pushBlob(url: string, repository: string, bytes: Buffer, digest = digestOf(bytes)) {
  const place = await startUpload(url, repository);
  return ask('PUT', `${place}?digest=${digest}`, { body: bytes });
}

/** Begins an upload session. @returns its URL */
export async function startUpload(url: string, repository: string): Promise<string> {
  const answer = await ask('POST', `${url}/v2/${repository}/blobs/uploads/`);
  if (answer.status !== 202) throw new Error(`no session: ${answer.status} ${answer.body}`);
  return `${url}${answer.headers.location}`;
}

export function imageOf(config: Buffer, layers: readonly Buffer[], more: object = {}): Buffer {
  const describe = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: describe(config, MEDIA.ociConfig),
      layers: layers.map((layer) => describe(layer, 'application/vnd.oci.image.layer.v1.tar')),
      ...more,
    }),
  );
}

export function putManifest(
  url: string,
  repository: string,
  reference: string,
  bytes: Buffer,
  type: string = MEDIA.ociManifest,
) {
  return ask('PUT', `${url}/v2/${repository}/manifests/${reference}`, {
    headers: { 'Content-Type': type },
    body: bytes,
  });
}

/** Pushes a whole image of one config and one layer. */
export async function pushImage(url: string, repository: string, tag: string, more: object = {}) {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', tag }));
  const layer = noise(1000);
  await pushBlob(url, repository, config);
  await pushBlob(url, repository, layer);
  const manifest = imageOf(config, [layer], more);
  const answer = await putManifest(url, repository, tag, manifest);
  return { config, layer, manifest, digest: digestOf(manifest), answer };
}

/** Every file below a folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
