import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Scope } from './folder.js';

/** Serves on a free loopback port until the test ends. @returns http://HOST:PORT, or https:// with a key pair */
export async function startWeb(
  t: Scope,
  listener: RequestListener,
  tls?: { readonly cert: string; readonly key: string },
): Promise<string> {
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`;
}
