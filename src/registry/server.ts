import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError, systemCode } from '../errors.js';

/** A connection on which nothing moves for so long is closed, milliseconds; a slow disk must fit in. */
const STALL_LIMIT = 15 * 60 * 1000;

/** How long running requests may go on after close was asked for, milliseconds. */
const CLOSE_LIMIT = 10_000;

export interface Listen {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

/** PEM texts. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A server that listens. */
export interface RunningServer {
  readonly port: number;
  /** Ends idle connections, lets running requests finish for a while, then cuts them. */
  close(): Promise<void>;
}

/** @throws AirgapError LISTEN_FAILED, FILE_NOT_FOUND for a certificate that is none */
export async function startServer(
  listener: RequestListener,
  options: { readonly listen: Listen; readonly tls?: TlsPair },
): Promise<RunningServer> {
  const server = createServer(listener, options.tls);
  server.requestTimeout = 0;
  server.timeout = STALL_LIMIT;
  server.keepAliveTimeout = 75_000;
  await listen(server, options.listen);
  const { port } = server.address() as AddressInfo;
  return { port, close: () => close(server) };
}

function createServer(listener: RequestListener, tls: TlsPair | undefined): Server {
  if (!tls) return createHttpServer(listener);
  try {
    return createHttpsServer({ ...tls, minVersion: 'TLSv1.2' }, listener);
  } catch (error) {
    throw new AirgapError('LISTEN_FAILED', 'the certificate or key for TLS cannot be used', {
      expected: 'a PEM certificate (chain) and its private key',
      found: error instanceof Error ? error.message : String(error),
      hint: 'check the files of --tls-cert and --tls-key',
      cause: error,
    });
  }
}

function listen(server: Server, { host, port }: Listen): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new AirgapError('LISTEN_FAILED', `cannot listen on ${host}:${port}`, {
          found: systemCode(error) ?? error.message,
          cause: error,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server): Promise<void> {
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      isClosed = true;
      resolve();
    });
  });
  const limit = performance.now() + CLOSE_LIMIT;
  while (!isClosed && performance.now() < limit) {
    server.closeIdleConnections();
    await Promise.race([closed, sleep(50)]);
  }
  server.closeAllConnections();
  await closed;
}
