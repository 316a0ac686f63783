import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { parseYaml } from '../../../src/yaml.js';
import { writeConfig } from './api.js';

/**
 * What is done to the standard output of a command after so many bytes. `cut`: the connection is gone. `lose`: the
 * rest never comes, the command's success does. `flip`: one bit of the next byte is another one. `hold`: nothing
 * comes until `meanwhile` is done.
 */
export interface Injury {
  readonly kind: 'cut' | 'lose' | 'flip' | 'hold';
  readonly after: number;
  readonly meanwhile?: () => Promise<void>;
}

/** One command that went through. */
export interface Call {
  readonly pod: string;
  readonly command: readonly string[];
  /** Bytes of standard output that the real server sent. */
  bytes: number;
  injured: boolean;
}

export interface ProxyOptions {
  /** Of a kubeconfig with a client certificate. */
  readonly kubeconfig: string;
  readonly injure?: (call: Call) => Injury | undefined;
  /** What is spoken with the real server; servers before Kubernetes 1.30 know v4 only. */
  readonly protocols?: readonly string[];
}

export interface ExecProxy {
  /** A kubeconfig that leads here. */
  readonly kubeconfig: string;
  readonly calls: readonly Call[];
  close(): Promise<void>;
}

const ALL = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const MOST_HELD = 4 * 1024 * 1024;

/** Stands between a client and a real API server: passes everything on, and injures streams out of pods. */
export async function startExecProxy(options: ProxyOptions): Promise<ExecProxy> {
  const { injure = () => undefined, protocols = ALL } = options;
  const upstream = readUpstream(options.kubeconfig);
  const calls: Call[] = [];
  const server = createServer((incoming, response) => pass(incoming, response, upstream));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => protocols.find((name) => offered.has(name)) ?? false,
  });
  server.on('upgrade', (incoming, socket, head) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://x');
    const call: Call = {
      pod: pathname.split('/')[6] ?? '',
      command: searchParams.getAll('command'),
      bytes: 0,
      injured: false,
    };
    const offered = (incoming.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    const spoken = protocols.filter((name) => offered.includes(name));
    if (spoken.length === 0) {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
      return;
    }
    const far = new WebSocket(upstream.server.replace(/^http/, 'ws') + incoming.url, spoken, upstream.tls);
    far.once('error', () => socket.destroy());
    far.once('unexpected-response', (_request, answer) => {
      const line = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nconnection: close\r\n\r\n`;
      socket.end(line);
    });
    far.once('open', () => {
      far.pause();
      sockets.handleUpgrade(incoming, socket, head, (near) => {
        calls.push(call);
        connectBoth(near, far, { call, injury: injure(call) });
        far.resume();
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const folder = mkdtempSync(join(tmpdir(), 'airgap-proxy-'));
  const kubeconfig = join(folder, 'config');
  writeConfig(kubeconfig, { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return {
    kubeconfig,
    calls,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Upstream {
  readonly server: string;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

function readUpstream(kubeconfig: string): Upstream {
  const config = parseYaml(readFileSync(kubeconfig, 'utf8'), kubeconfig) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const { cluster } = config.clusters[0] as { cluster: Record<string, string> };
  const { user } = config.users[0] as { user: Record<string, string> };
  const decode = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
  return {
    server: cluster['server'] ?? '',
    tls: {
      ca: decode(cluster['certificate-authority-data']),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
    },
  };
}

function pass(incoming: IncomingMessage, response: ServerResponse, { server, tls }: Upstream): void {
  const { host: _host, connection: _connection, ...headers } = incoming.headers;
  const outgoing = request(server + incoming.url, { method: incoming.method, headers, ...tls }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
}

/** Passes frames on both ways; each side is held back while the other takes nothing. */
function connectBoth(
  near: WebSocket,
  far: WebSocket,
  { call, injury }: { readonly call: Call; readonly injury: Injury | undefined },
): void {
  let held = false;
  const forward = (from: WebSocket, to: WebSocket, frame: Buffer): void => {
    to.send(frame, { binary: true }, () => {
      if (from.isPaused && !(held && from === far) && to.bufferedAmount < MOST_HELD) from.resume();
    });
    if (to.bufferedAmount >= MOST_HELD) from.pause();
  };
  near.on('message', (frame: Buffer) => forward(near, far, frame));
  far.on('message', (frame: Buffer) => {
    const passed = frame[0] === 1 && injury ? hurt(frame, { call, injury }) : frame;
    if (frame[0] === 1) call.bytes += frame.length - 1;
    if (passed) forward(far, near, passed);
    if (injury?.kind === 'hold' && !call.injured && call.bytes > injury.after) {
      call.injured = true;
      held = true;
      far.pause();
      void injury.meanwhile?.().finally(() => {
        held = false;
        far.resume();
      });
    }
    if (passed && injury?.kind === 'cut' && call.injured) {
      far.terminate();
      near.send(Buffer.of(1), () => near.terminate());
    }
  });
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => other.terminate());
    one.on('close', (code, reason) => {
      if (code === 1006 || code === 1005) other.terminate();
      else other.close(code, reason);
    });
  }
}

/** A frame of standard output as it comes out; undefined when nothing of it does. */
function hurt(
  frame: Buffer,
  { call, injury: { kind, after } }: { readonly call: Call; readonly injury: Injury },
): Buffer | undefined {
  const start = call.bytes;
  const end = start + frame.length - 1;
  if (end <= after || kind === 'hold') return frame;
  if (kind === 'flip') {
    if (start > after) return frame;
    call.injured = true;
    const copy = Buffer.from(frame);
    const at = 1 + after - start;
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  }
  call.injured = true;
  return start >= after ? undefined : frame.subarray(0, 1 + after - start);
}
