import { createHash } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Credentials, KubeTarget } from './config.js';
import type { KubeRequest, KubeResponse } from './types.js';

/** Answers above this are not from an API server that pages its lists. */
const MOST_BYTES = 512 * 1024 * 1024;
/** Credentials are asked for anew after this time, or at once after a 401. */
const FRESH_MS = 60_000;

export interface TransportOptions {
  /** Milliseconds without a byte; 60000. */
  readonly stallTimeout?: number;
  /** Milliseconds until a connection stands; 15000. */
  readonly connectTimeout?: number;
}

/** HTTP to one API server with the kubeconfig's credentials; knows nothing of Kubernetes. */
export interface Transport {
  send(request: KubeRequest): Promise<KubeResponse>;
  /** What a websocket needs. */
  access(): Promise<Credentials & { readonly agent: HttpAgent }>;
  /** Makes the next request ask for credentials again. */
  forget(): void;
  close(): void;
}

/** Opens the transport; nothing is sent yet. */
export function createTransport(target: KubeTarget, options: TransportOptions = {}): Transport {
  const plain = target.server.startsWith('http:');
  const agents = new Map<string, HttpAgent>();
  let kept: { readonly credentials: Promise<Credentials>; readonly since: number } | undefined;

  const credentials = (): Promise<Credentials> => {
    if (!kept || performance.now() - kept.since > FRESH_MS) {
      const asked = target.credentials();
      asked.catch(() => {
        kept = undefined;
      });
      kept = { credentials: asked, since: performance.now() };
    }
    return kept.credentials;
  };
  const agentFor = (found: Credentials): HttpAgent => {
    if (found.proxyAgent) return found.proxyAgent;
    const key = fingerprint(found);
    const known = agents.get(key);
    if (known) return known;
    const shared = { keepAlive: true, maxSockets: 16, timeout: options.stallTimeout ?? 60_000 };
    const agent = plain ? new HttpAgent(shared) : new HttpsAgent({ ...shared, ...found.tls });
    agents.set(key, agent);
    return agent;
  };

  return {
    send: async (request) => {
      const found = await credentials();
      return exchange(target.server, request, { credentials: found, agent: agentFor(found), options });
    },
    access: async () => {
      const found = await credentials();
      return { ...found, agent: agentFor(found) };
    },
    forget: () => {
      kept = undefined;
    },
    close: () => {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

interface Exchange {
  readonly credentials: Credentials;
  readonly agent: HttpAgent;
  readonly options: TransportOptions;
}

function exchange(server: string, request: KubeRequest, by: Exchange): Promise<KubeResponse> {
  const { credentials, agent, options } = by;
  const url = new URL(server + request.path);
  const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
  const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
  const stall = options.stallTimeout ?? 60_000;
  return new Promise((resolve, reject) => {
    const outgoing = send(url, {
      method: request.method,
      agent,
      headers: {
        accept: 'application/json',
        'user-agent': 'airgap',
        ...credentials.headers,
        ...(body === undefined
          ? {}
          : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
      },
      ...(credentials.auth === undefined ? {} : { auth: credentials.auth }),
      ...(url.protocol === 'http:' ? {} : credentials.tls),
      // A signal of its own: hundreds of requests on one signal would make Node warn of a leak.
      ...(request.signal === undefined ? {} : { signal: AbortSignal.any([request.signal]) }),
    });
    outgoing.setTimeout(stall, () => outgoing.destroy(timedOut(`no byte for ${stall / 1000} s`)));
    limitConnecting(outgoing, options.connectTimeout ?? 15_000);
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      collect(incoming).then(
        (bytes) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

async function collect(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error(`the answer is larger than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (!incoming.complete) throw Object.assign(new Error('the answer was cut'), { code: 'ECONNRESET' });
  return Buffer.concat(chunks);
}

/** A host that swallows packets would otherwise hold a request for minutes. */
function limitConnecting(outgoing: import('node:http').ClientRequest, limit: number): void {
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => outgoing.destroy(timedOut(`no connection in ${limit / 1000} s`)), limit);
    const done = (): void => clearTimeout(timer);
    socket.once('connect', done);
    socket.once('close', done);
  });
}

function timedOut(text: string): Error {
  return Object.assign(new Error(text), { code: 'ETIMEDOUT' });
}

function fingerprint(credentials: Credentials): string {
  const { ca, cert, key, servername, rejectUnauthorized } = credentials.tls;
  const hash = createHash('sha256');
  for (const part of [ca, cert, key, servername, String(rejectUnauthorized)])
    hash.update(part ?? '').update('\0');
  return hash.digest('hex');
}
