import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from './folder.js';

/** What a gateway answers in place of the registry. */
export interface Intervention {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface GatewayOptions {
  /** Undefined lets the request through. */
  readonly intervene?: (method: string, path: string) => Intervention | undefined;
  /** Changes what comes back for a blob. */
  readonly alter?: (path: string, bytes: Buffer) => Buffer;
  /** Bytes of each second of every blob; as fast as it goes when absent. */
  readonly rate?: number;
}

export interface Gateway {
  /** HOST:PORT */
  readonly host: string;
  /** "GET /v2/…" in order. */
  readonly requests: string[];
}

/** Stands before a real registry: counts, slows down, and injects what a real one will not give on demand. */
export async function startGateway(
  t: Scope,
  upstream: string,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    requests.push(`${method} ${url}`);
    const instead = options.intervene?.(method, url);
    if (instead) {
      incoming.resume();
      outgoing.writeHead(instead.status, instead.headers ?? {}).end(instead.body ?? '');
      return;
    }
    forward(upstream, incoming, outgoing, options);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: `127.0.0.1:${address.port}`, requests };
}

function forward(
  upstream: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { alter, rate }: GatewayOptions,
): void {
  const { method = 'GET', url = '' } = incoming;
  const headers = { ...incoming.headers };
  const [host, port] = upstream.split(':');
  const forwarded = request({ host, port, method, path: url, headers }, async (answer) => {
    const isBlob = method === 'GET' && url.includes('/blobs/');
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    if (!isBlob || (!alter && rate === undefined)) {
      answer.pipe(outgoing);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = alter?.(url, Buffer.concat(chunks)) ?? Buffer.concat(chunks);
    const step = rate === undefined ? bytes.length || 1 : Math.max(1, Math.ceil(rate / 20));
    for (let at = 0; at < bytes.length && !outgoing.destroyed; at += step) {
      outgoing.write(bytes.subarray(at, at + step));
      if (rate !== undefined) await sleep(50);
    }
    outgoing.end();
  });
  forwarded.on('error', () => outgoing.destroy());
  incoming.pipe(forwarded);
}

/** Digests of blobs that were asked for, in order. */
export function blobGets(requests: readonly string[]): string[] {
  return requests.flatMap((line) => /^GET .*\/blobs\/(sha256:[0-9a-f]+)/.exec(line)?.[1] ?? []);
}
