import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, type ConnectOptions, connect } from '../../../src/kube/client.js';

/** What a request was, with its body. */
export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An answer; `cut` takes the request and destroys the connection without one. */
export interface Answer {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cut?: boolean;
}

export type Handler = (seen: Seen, count: number) => Answer | undefined;

/** A server that answers as the test says, for faults that a real API server will not give. */
export interface FakeServer {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly seen: Seen[];
  /** Kubeconfig with one context, `test`. */
  readonly kubeconfig: string;
  handler: Handler;
  connect(options?: Partial<ConnectOptions>): Promise<Connection>;
  /** Stops listening and drops connections; `start` listens on the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeOptions {
  readonly tls?: {
    readonly key: Buffer;
    readonly cert: Buffer;
    readonly requestCert?: boolean;
    readonly ca?: Buffer;
  };
  /** Lines of the kubeconfig's cluster and user, as JSON. */
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
  readonly host?: string;
}

export async function fakeServer(handler: Handler, options: FakeOptions = {}): Promise<FakeServer> {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-kube-'));
  const seen: Seen[] = [];
  const clients: Connection[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(request, response);
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const url = `${options.tls ? 'https' : 'http'}://${options.host ?? '127.0.0.1'}:${port}`;
  const kubeconfig = join(folder, 'config');
  writeConfig(kubeconfig, { server: url, ...options.cluster }, options.user ?? { token: 'good' });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const parsed = new URL(request.url ?? '/', 'http://x');
    const one: Seen = {
      method: request.method ?? '',
      url: request.url ?? '',
      path: parsed.pathname,
      query: parsed.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    seen.push(one);
    const found = fake.handler(one, seen.length) ?? status(404, 'NotFound', 'nothing here');
    if (found.cut) {
      request.socket.destroy();
      return;
    }
    const body = found.text ?? JSON.stringify(found.json ?? {});
    response.writeHead(found.status ?? 200, { 'content-type': 'application/json', ...found.headers });
    response.end(body);
  }

  const fake: FakeServer = {
    url,
    port,
    server,
    seen,
    kubeconfig,
    handler,
    connect: async (more = {}) => {
      const client = await connect({ kubeconfig, env: {}, retryDelay: 5, ...more });
      clients.push(client);
      return client;
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
    start: () => new Promise((done) => server.listen(port, '127.0.0.1', done)),
    close: async () => {
      for (const client of clients) client.close();
      server.closeAllConnections();
      if (server.listening) await new Promise((done) => server.close(done));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return fake;
}

/** A kubeconfig with one context, `test`. */
export function writeConfig(
  path: string,
  cluster: Record<string, unknown>,
  user: Record<string, unknown> = {},
): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
  };
  writeFileSync(path, JSON.stringify(config));
}

/** A Status answer as the API server gives it. */
export function status(
  code: number,
  reason: string,
  message: string,
  details: Record<string, unknown> = {},
): Answer {
  return { status: code, json: { kind: 'Status', status: 'Failure', code, reason, message, details } };
}
