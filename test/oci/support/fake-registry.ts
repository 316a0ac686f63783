import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request as the fake saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Bytes of body that arrived. */
  received: number;
}

/** Answers (or breaks) one request; false lets the registry go on as if nothing was. */
export type Fault = (exchange: Exchange) => boolean | Promise<boolean>;

export interface Exchange {
  readonly seen: Seen;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly registry: FakeRegistry;
}

export interface FaultRule {
  readonly method: string;
  readonly path: RegExp;
  /** Times that it strikes; once when absent. */
  times?: number;
  /** Matching requests that pass before. */
  skip?: number;
  readonly fault: Fault;
}

interface Session {
  readonly repository: string;
  chunks: Buffer[];
  size: number;
}

/**
 * A registry in memory that keeps to the distribution spec, with faults scripted per request. It keeps what arrived
 * of a broken upload, so that going on inside a blob can be tested.
 */
export class FakeRegistry {
  readonly seen: Seen[] = [];
  readonly blobs = new Map<string, Map<string, Buffer>>();
  readonly manifests = new Map<string, Map<string, { type: string; bytes: Buffer }>>();
  readonly sessions = new Map<string, Session>();
  readonly rules: FaultRule[] = [];
  /** Extra headers of the answer to POST uploads. */
  uploadHeaders: Record<string, string> = {};
  mounts = true;
  private constructor(
    private readonly server: Server,
    readonly scheme: 'http' | 'https',
  ) {}

  static async start(tls?: ServerOptions): Promise<FakeRegistry> {
    const server = tls ? createTlsServer(tls) : createServer();
    const fake = new FakeRegistry(server, tls ? 'https' : 'http');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      fake.handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(599).end(String(error));
        else response.destroy();
      });
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `${this.scheme}://${this.host}`;
  }

  on(method: string, path: RegExp, fault: Fault, limits: { times?: number; skip?: number } = {}): void {
    this.rules.push({ method, path, fault, ...limits });
  }

  /** Requests of a method whose path matches. */
  count(method: string, path = /./): number {
    return this.seen.filter((one) => one.method === method && path.test(one.path)).length;
  }

  /** Bytes of bodies that came for uploads. */
  get uploaded(): number {
    return this.seen
      .filter(({ path }) => path.includes('/uploads/'))
      .reduce((sum, one) => sum + one.received, 0);
  }

  putBlob(repository: string, bytes: Buffer): string {
    const digest = sha256(bytes);
    this.blobsOf(repository).set(digest, bytes);
    return digest;
  }

  putManifest(repository: string, name: string, bytes: Buffer, type: string): string {
    const digest = sha256(bytes);
    for (const key of [name, digest]) this.manifestsOf(repository).set(key, { type, bytes });
    return digest;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  blobsOf(repository: string): Map<string, Buffer> {
    const found = this.blobs.get(repository) ?? new Map<string, Buffer>();
    this.blobs.set(repository, found);
    return found;
  }

  manifestsOf(repository: string): Map<string, { type: string; bytes: Buffer }> {
    const found = this.manifests.get(repository) ?? new Map<string, { type: string; bytes: Buffer }>();
    this.manifests.set(repository, found);
    return found;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const seen: Seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      received: 0,
    };
    this.seen.push(seen);
    const exchange: Exchange = { seen, request, response, registry: this };
    for (const rule of this.rules) {
      if (rule.method !== seen.method || !rule.path.test(url.pathname)) continue;
      if ((rule.skip ?? 0) > 0) {
        rule.skip = (rule.skip ?? 0) - 1;
        continue;
      }
      if ((rule.times ?? 1) <= 0) continue;
      rule.times = (rule.times ?? 1) - 1;
      if (await rule.fault(exchange)) return;
    }
    await this.serve(exchange);
  }

  private async serve(exchange: Exchange): Promise<void> {
    const { seen } = exchange;
    const uploads = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(seen.path);
    if (uploads) return this.serveUpload(exchange, uploads[1] as string, uploads[2] as string);
    const blob = /^\/v2\/(.+)\/blobs\/([^/]+)$/.exec(seen.path);
    if (blob) return this.serveBlob(exchange, blob[1] as string, blob[2] as string);
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(seen.path);
    if (manifest) return this.serveManifest(exchange, manifest[1] as string, manifest[2] as string);
    const tags = /^\/v2\/(.+)\/tags\/list$/.exec(seen.path);
    if (tags) return this.serveTags(exchange, tags[1] as string);
    await drain(exchange);
    if (seen.path === '/v2/') send(exchange, 200, {}, '{}');
    else send(exchange, 404, {}, '{}');
  }

  private async serveUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
    const { seen } = exchange;
    if (id === '' && seen.method === 'POST') {
      await drain(exchange);
      const mount = seen.query.get('mount');
      const from = seen.query.get('from') ?? '';
      const source = mount && this.mounts ? this.blobsOf(from).get(mount) : undefined;
      if (mount && source) {
        this.blobsOf(repository).set(mount, source);
        return send(exchange, 201, {
          location: `/v2/${repository}/blobs/${mount}`,
          'docker-content-digest': mount,
        });
      }
      const key = randomUUID();
      this.sessions.set(key, { repository, chunks: [], size: 0 });
      const location = `/v2/${repository}/blobs/uploads/${key}?_state=secret-state`;
      return send(exchange, 202, { location, range: '0-0', ...this.uploadHeaders });
    }
    const session = this.sessions.get(id);
    if (!session || session.repository !== repository) {
      await drain(exchange);
      return fail(exchange, 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    const location = `/v2/${repository}/blobs/uploads/${id}?_state=s${session.size}`;
    const place = (): Record<string, string> => ({ location, range: `0-${Math.max(0, session.size - 1)}` });
    if (seen.method === 'GET') return send(exchange, 204, place());
    if (seen.method === 'DELETE') {
      this.sessions.delete(id);
      return send(exchange, 204, {});
    }
    if (seen.method === 'PATCH') {
      const start = /^(\d+)-\d+$/.exec(String(exchange.request.headers['content-range'] ?? '0-0'))?.[1];
      if (Number(start) !== session.size) {
        await drain(exchange);
        return send(exchange, 416, place());
      }
      await this.receive(exchange, session);
      return send(exchange, 202, place());
    }
    if (seen.method !== 'PUT') return fail(exchange, 405, 'UNSUPPORTED');
    await this.receive(exchange, session);
    const bytes = Buffer.concat(session.chunks);
    const digest = seen.query.get('digest') ?? '';
    this.sessions.delete(id);
    if (sha256(bytes) !== digest) return fail(exchange, 400, 'DIGEST_INVALID');
    this.blobsOf(repository).set(digest, bytes);
    send(exchange, 201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest });
  }

  /** What arrives is kept even when the connection breaks in the middle. */
  private async receive(exchange: Exchange, session: Session): Promise<void> {
    for await (const chunk of exchange.request) {
      exchange.seen.received += (chunk as Buffer).length;
      session.chunks.push(chunk as Buffer);
      session.size += (chunk as Buffer).length;
    }
  }

  private async serveBlob(exchange: Exchange, repository: string, digest: string): Promise<void> {
    const { seen, request } = exchange;
    const bytes = this.blobsOf(repository).get(digest);
    if (!bytes) return fail(exchange, 404, 'BLOB_UNKNOWN');
    if (seen.method === 'HEAD') return send(exchange, 200, { 'content-length': String(bytes.length) });
    const range = /^bytes=(\d+)-$/.exec(String(request.headers.range ?? ''));
    if (!range) return send(exchange, 200, {}, bytes);
    const start = Number(range[1]);
    const content = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    send(exchange, 206, { 'content-range': content }, bytes.subarray(start));
  }

  private async serveManifest(exchange: Exchange, repository: string, name: string): Promise<void> {
    const { seen, request } = exchange;
    if (seen.method === 'PUT') {
      const bytes = await drain(exchange);
      const document = JSON.parse(bytes.toString()) as Record<
        string,
        { digest: string }[] & { digest: string }
      >;
      const blobs = [document.config, ...(document.layers ?? [])].filter((item) => item !== undefined);
      const missing = blobs.filter(({ digest }) => !this.blobsOf(repository).has(digest));
      const lost = (document.manifests ?? []).filter(
        ({ digest }) => !this.manifestsOf(repository).has(digest),
      );
      if (missing.length + lost.length > 0) {
        const errors = missing.map(({ digest }) => ({
          code: 'MANIFEST_BLOB_UNKNOWN',
          message: 'blob unknown',
          detail: digest,
        }));
        const more = lost.map(({ digest }) => ({
          code: 'MANIFEST_UNKNOWN',
          message: 'manifest unknown',
          detail: digest,
        }));
        return send(exchange, 400, {}, JSON.stringify({ errors: [...errors, ...more] }));
      }
      const digest = this.putManifest(repository, name, bytes, String(request.headers['content-type']));
      return send(exchange, 201, { 'docker-content-digest': digest });
    }
    const found = this.manifestsOf(repository).get(name);
    if (!found) return fail(exchange, 404, 'MANIFEST_UNKNOWN');
    if (seen.method === 'DELETE') {
      this.manifestsOf(repository).delete(name);
      return send(exchange, 202, {});
    }
    const headers = { 'content-type': found.type, 'docker-content-digest': sha256(found.bytes) };
    if (seen.method === 'HEAD')
      return send(exchange, 200, { ...headers, 'content-length': String(found.bytes.length) });
    send(exchange, 200, headers, found.bytes);
  }

  private async serveTags(exchange: Exchange, repository: string): Promise<void> {
    const all = this.manifests.get(repository);
    if (!all) return fail(exchange, 404, 'NAME_UNKNOWN');
    const tags = [...all.keys()].filter((key) => !key.startsWith('sha256:')).sort();
    const last = exchange.seen.query.get('last');
    const size = Math.min(Number(exchange.seen.query.get('n') ?? 2), 2);
    const start = last === null ? 0 : tags.indexOf(last) + 1;
    const page = tags.slice(start, start + size);
    const more = start + size < tags.length;
    const link = `</v2/${repository}/tags/list?n=${size}&last=${page.at(-1)}>; rel="next"`;
    send(exchange, 200, more ? { link } : {}, JSON.stringify({ name: repository, tags: page }));
  }
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function send(
  { response, seen }: Exchange,
  status: number,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): void {
  const length = seen.method === 'HEAD' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(status, status === 204 ? headers : { ...length, ...headers });
  response.end(seen.method === 'HEAD' ? undefined : body);
}

export function fail(exchange: Exchange, status: number, code: string, message = code.toLowerCase()): void {
  send(exchange, status, {}, JSON.stringify({ errors: [{ code, message }] }));
}

export async function drain({ request, seen }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    seen.received += (chunk as Buffer).length;
  }
  return Buffer.concat(chunks);
}
