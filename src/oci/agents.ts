import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type RequestOptions,
} from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { RegistryOptions } from './client.js';
import { proxyFor } from './proxy.js';
import { openTappable } from './tapped-socket.js';
import { loadTls, type TlsMaterial } from './tls.js';

/** Opens requests over kept connections, through the proxy when there is one, with the TLS of each host. */
export interface Wire {
  open(url: URL, options: RequestOptions): Promise<ClientRequest>;
  close(): void;
}

/**
 * node:http and node:https with keep-alive: they carry blobs with a third less CPU than undici
 * (docs/decisions/0005-http.md). Client certificate and skipped verification hold for the registry's own host only.
 */
export function createWire(host: string, options: RegistryOptions): Wire {
  const settings: AgentOptions = {
    keepAlive: true,
    maxSockets: options.concurrency ?? 8,
    scheduling: 'lifo',
  };
  const plain = new TappableAgent(settings);
  const secure = new TappableTlsAgent(settings);
  const tunnel = new TunnelAgent(settings);
  const materials = new Map<string, Promise<TlsMaterial>>();
  const tlsFor = (url: URL): Promise<TlsMaterial> => {
    const known = materials.get(url.host);
    if (known) return known;
    const loading = loadTls(url.host, url.hostname === hostnameOf(host) ? options : withoutTrust(options));
    materials.set(url.host, loading);
    return loading;
  };
  return {
    async open(url, request) {
      const proxy = proxyFor(url, options.env);
      if (url.protocol === 'https:') {
        const material = await tlsFor(url);
        const through = proxy ? { agent: tunnel, proxy } : { agent: secure };
        return httpsRequest(url, { ...request, ...material, ...through });
      }
      if (!proxy) return httpRequest(url, { ...request, agent: plain });
      const headers = { ...request.headers, host: url.host, ...proxyHeaders(proxy) };
      const target = { protocol: proxy.protocol, hostname: proxy.hostname, port: proxy.port, path: url.href };
      return proxy.protocol === 'https:'
        ? httpsRequest({ ...request, ...target, headers, agent: secure })
        : httpRequest({ ...request, ...target, headers, agent: plain });
    },
    close() {
      for (const agent of [plain, secure, tunnel]) agent.destroy();
    },
  };
}

function hostnameOf(host: string): string {
  return new URL(`http://${host}`).hostname;
}

function withoutTrust(options: RegistryOptions): RegistryOptions {
  const { clientCert: _pair, insecureSkipTlsVerify: _skip, ...rest } = options;
  return rest;
}

function proxyHeaders(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

type Open = (options: NetConnectOpts) => Socket;

/** Its connections can be tapped (tapped-socket.ts). */
class TappableAgent extends HttpAgent {
  override createConnection(options: NetConnectOpts): Socket {
    const open = super.createConnection as Open;
    return openTappable((onread) => open.call(this, { ...options, onread }));
  }
}

/** Its connections can be tapped (tapped-socket.ts). */
class TappableTlsAgent extends HttpsAgent {
  override createConnection(options: NetConnectOpts): Socket {
    const open = super.createConnection as Open;
    return openTappable((onread) => open.call(this, { ...options, onread }));
  }
}

type TunnelOptions = AgentOptions & { host?: string; port?: number; proxy?: URL; servername?: string };
type Made = (error: Error | null, socket: Duplex) => void;

/** TLS inside a CONNECT tunnel; one tunnel per kept connection. */
class TunnelAgent extends HttpsAgent {
  /** Called by Node for each new connection; answers through `made`, because CONNECT takes a round trip. */
  override createConnection(options: TunnelOptions, made?: Made): undefined {
    const proxy = options.proxy as URL;
    const authority = `${isIP(options.host ?? '') === 6 ? `[${options.host}]` : options.host}:${options.port ?? 443}`;
    const open = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = open({
      protocol: proxy.protocol,
      hostname: proxy.hostname,
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...proxyHeaders(proxy) },
      agent: false,
      timeout: 30_000,
    });
    request.on('timeout', () => request.destroy(new Error(`the proxy ${proxy.host} does not answer`)));
    const fail = (error: Error): void => made?.(error, undefined as unknown as Duplex);
    request.on('error', fail);
    request.on('connect', (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        fail(new ProxyRefusal(proxy.host, authority, answer.statusCode ?? 0));
        return;
      }
      made?.(null, tlsConnect({ ...(options as ConnectionOptions), socket, ...serverName(options) }));
    });
    request.end();
  }

  /** Connections through different proxies, or to different hosts, are never mixed. */
  override getName(options: TunnelOptions): string {
    return `${super.getName(options)}:${options.proxy?.host ?? ''}`;
  }
}

function serverName(options: TunnelOptions): { servername?: string } {
  return options.host && isIP(options.host) === 0 ? { servername: options.host } : {};
}

/** A proxy that answers CONNECT with something else than 200. */
export class ProxyRefusal extends Error {
  readonly code = 'PROXY_REFUSED';
  readonly status: number;

  constructor(proxy: string, target: string, status: number) {
    super(`the proxy ${proxy} refuses to connect to ${target}: ${status}`);
    this.status = status;
  }
}
