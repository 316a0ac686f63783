import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a registry and counts what it is sent. */
export interface CountingProxy {
  readonly address: string;
  /** Body bytes of uploads of blobs (POST, PATCH, PUT below blobs/uploads). */
  blobBytes(): number;
  /** Digests whose upload was finished, with how often. */
  finished(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Hands every request on with its Host header as it is, so that the registry's locations lead back here. */
export async function startProxy(registry: string): Promise<CountingProxy> {
  const [host, port] = registry.split(':');
  let bytes = 0;
  const finished = new Map<string, number>();
  const server = createServer((incoming, answer) => {
    const path = incoming.url ?? '/';
    const isUpload = path.includes('/blobs/uploads/') && incoming.method !== 'GET';
    const onward = request(
      { host, port, method: incoming.method, path, headers: incoming.headers },
      (response) => {
        const digest = new URLSearchParams(path.split('?')[1]).get('digest');
        if (isUpload && response.statusCode === 201 && digest && incoming.method !== 'PATCH') {
          finished.set(digest, (finished.get(digest) ?? 0) + 1);
        }
        answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
        response.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    if (isUpload) {
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
    }
    incoming.pipe(onward);
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    blobBytes: () => bytes,
    finished: () => finished,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
