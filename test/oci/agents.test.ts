import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { RegistryOptions } from '../../src/oci/client.js';
import { createRegistry } from '../../src/oci/registry.js';
import { makeAuthority, pem } from './support/certs.js';
import { FakeRegistry } from './support/fake-registry.js';
import { collect, describeBlob, openerOf } from './support/images.js';

const authority = makeAuthority();
after(() => authority.remove());

/** Loopback is never proxied, so the registry goes by a name that only the proxy knows. */
const NAME = 'registry.proxied.test';
const good = authority.issue('proxied', { san: `DNS:${NAME}` });

interface Proxy {
  readonly url: string;
  readonly seen: { method: string; url: string; authorization: string | undefined }[];
}

async function startProxy(t: TestContext, to: FakeRegistry, refuse = 0): Promise<Proxy> {
  const seen: Proxy['seen'] = [];
  const note = (request: IncomingMessage): void => {
    const authorization = request.headers['proxy-authorization'];
    seen.push({ method: request.method ?? '', url: request.url ?? '', authorization });
  };
  const server: Server = createServer((request, response) => {
    note(request);
    const url = new URL(request.url ?? '');
    const socket = connect(to.port, '127.0.0.1', () => {
      const headers = Object.entries(request.headers).map(([key, value]) => `${key}: ${String(value)}\r\n`);
      socket.write(`${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${headers.join('')}\r\n`);
      request.pipe(socket, { end: false });
      socket.pipe(response.socket as NodeJS.WritableStream);
    });
  });
  server.on('connect', (request, client) => {
    note(request);
    if (refuse > 0) {
      client.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
      return;
    }
    const socket = connect(to.port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(socket).pipe(client);
    });
    socket.on('error', () => client.destroy());
    client.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://us%65r:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function clientOf(t: TestContext, host: string, options: RegistryOptions): ReturnType<typeof createRegistry> {
  const client = createRegistry(host, { retryDelay: 5, retries: 1, ...options });
  t.after(() => client.close());
  return client;
}

test('threat 75: a registry with TLS is reached through CONNECT, up and down, over kept tunnels', async (t) => {
  const fake = await FakeRegistry.start(pem(good));
  t.after(() => fake.close());
  const proxy = await startProxy(t, fake);
  const client = clientOf(t, `${NAME}:5000`, { env: { HTTPS_PROXY: proxy.url }, caFile: authority.caFile });
  const bytes = randomBytes(3_000_000);
  await client.putBlob('a', describeBlob(bytes), openerOf(bytes));
  assert.deepEqual(await collect(await client.blob('a', describeBlob(bytes))), bytes);
  for (let round = 0; round < 5; round++) await client.hasBlob('a', describeBlob(bytes));
  assert.ok(fake.seen.length >= 8 && proxy.seen.length <= 3, `${proxy.seen.length} tunnels`);
  for (const { method, url } of proxy.seen) assert.equal(`${method} ${url}`, `CONNECT ${NAME}:5000`);
  assert.equal(proxy.seen[0]?.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  assert.deepEqual(await client.route(), {
    origin: `https://${NAME}:5000`,
    proxy: proxy.url.replace(/\/\/.*@/, '//'),
    credentials: undefined,
    tls: 'verified',
  });
});

test('threat 75: a plain registry is reached through the proxy by its full address', async (t) => {
  const fake = await FakeRegistry.start();
  t.after(() => fake.close());
  const proxy = await startProxy(t, fake);
  const client = clientOf(t, `${NAME}:5000`, { env: { http_proxy: proxy.url }, plainHttp: true });
  await client.ping();
  assert.deepEqual(
    proxy.seen.map(({ url }) => url),
    [`http://${NAME}:5000/v2/`],
  );
  assert.equal(fake.seen[0]?.headers.host, `${NAME}:5000`);
});

test('threat 75: a proxy that refuses is named as the one that does', async (t) => {
  const fake = await FakeRegistry.start(pem(good));
  t.after(() => fake.close());
  const proxy = await startProxy(t, fake, 403);
  const client = clientOf(t, `${NAME}:5000`, { env: { HTTPS_PROXY: proxy.url } });
  await assert.rejects(client.ping(), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_UNREACHABLE'));
    assert.match(error.found ?? '', /proxy 127\.0\.0\.1:\d+ refuses.*403/);
    assert.doesNotMatch(JSON.stringify([error.message, error.found]), /p@ss|p%40ss/);
    return true;
  });
});

test('threat 73: the certificate is checked inside the tunnel too', async (t) => {
  const fake = await FakeRegistry.start(pem(authority.issue('wrong', { san: 'DNS:wrong.test' })));
  t.after(() => fake.close());
  const proxy = await startProxy(t, fake);
  const client = clientOf(t, `${NAME}:5000`, { env: { HTTPS_PROXY: proxy.url }, caFile: authority.caFile });
  await assert.rejects(
    client.ping(),
    (error) => isAirgapError(error, 'REGISTRY_TLS') && /another name/.test(error.message),
  );
});

test('threat 75: NO_PROXY keeps the proxy out, and then the name is not found', async (t) => {
  const fake = await FakeRegistry.start(pem(good));
  t.after(() => fake.close());
  const proxy = await startProxy(t, fake);
  const client = clientOf(t, `${NAME}:5000`, { env: { HTTPS_PROXY: proxy.url, NO_PROXY: '.proxied.test' } });
  await assert.rejects(
    client.ping(),
    (error) => isAirgapError(error, 'REGISTRY_UNREACHABLE') && /ENOTFOUND|EAI_AGAIN/.test(error.found ?? ''),
  );
  assert.equal(proxy.seen.length, 0);
});

test('a registry that is not there is reported at once', async (t) => {
  const fake = await FakeRegistry.start();
  const { host } = fake;
  await fake.close();
  const client = clientOf(t, host, { env: {}, plainHttp: true, retries: 8, retryDelay: 1000 });
  const started = performance.now();
  await assert.rejects(
    client.ping(),
    (error) => isAirgapError(error, 'REGISTRY_UNREACHABLE') && /ECONNREFUSED/.test(error.found ?? ''),
  );
  assert.ok(performance.now() - started < 20_000);
});

const hasV6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

test('threat 75: an IPv6 address in brackets is a host', {
  skip: hasV6 ? false : 'no IPv6 loopback here',
}, async (t) => {
  const server = createServer((_request, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await clientOf(t, `[::1]:${port}`, { env: {}, plainHttp: true }).ping();
});

test('a web page at the address is no registry', async (t) => {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<html>login'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const client = clientOf(t, `127.0.0.1:${port}`, { env: {}, plainHttp: true });
  await assert.rejects(
    client.ping(),
    (error) => isAirgapError(error, 'REGISTRY_PROTOCOL') && /web page/.test(error.found ?? ''),
  );
});
