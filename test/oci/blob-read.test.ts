import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAirgapError } from '../../src/errors.js';
import { pairOf } from './support/client.js';
import { FakeRegistry, send } from './support/fake-registry.js';
import { refuse, reply, sendPart } from './support/faults.js';
import { collect, describeBlob } from './support/images.js';

const bytes = randomBytes(2 * 1024 * 1024 + 3);
const blob = describeBlob(bytes);
const BLOB = /\/blobs\/sha256:/;

test('a blob comes with its bytes checked', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('a/b', bytes);
  assert.deepEqual(await collect(await client.blob('a/b', blob)), bytes);
  assert.equal(fake.seen[0]?.headers['accept-encoding'], 'identity');
});

test('it can be read from an offset', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('a', bytes);
  assert.deepEqual(
    await collect(await client.blob('a', blob, { offset: 1_000_001 })),
    bytes.subarray(1_000_001),
  );
});

test('a server that ignores Range is read over', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', BLOB, reply(200, {}, bytes));
  assert.deepEqual(
    await collect(await client.blob('a', blob, { offset: 1_000_001 })),
    bytes.subarray(1_000_001),
  );
});

for (const end of ['reset', 'close', 'hang'] as const) {
  test(`threat 64: a download that ends in ${end} goes on with Range`, async (t) => {
    const { fake, client } = await pairOf(t, end === 'hang' ? { stallTimeout: 400 } : {});
    fake.putBlob('a', bytes);
    fake.on('GET', BLOB, sendPart(bytes, 700_000, end));
    assert.deepEqual(await collect(await client.blob('a', blob)), bytes);
    assert.match(String(fake.seen[1]?.headers.range), /^bytes=[1-9]\d+-$/);
  });
}

test('threat 64: a server that trickles is given up when a least rate is asked for', async (t) => {
  const { fake, client } = await pairOf(t, { stallTimeout: 300, minRate: 100_000 });
  fake.putBlob('a', bytes);
  fake.on('GET', BLOB, ({ response }) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    let at = 0;
    const timer = setInterval(() => response.write(bytes.subarray(at, ++at)), 20);
    response.on('close', () => clearInterval(timer));
    return true;
  });
  assert.deepEqual(await collect(await client.blob('a', blob)), bytes);
  assert.equal(fake.count('GET'), 2);
});

test('a reader that is slow is not taken for a stalled server', async (t) => {
  const { fake, client } = await pairOf(t, { stallTimeout: 100 });
  const large = randomBytes(16 * 1024 * 1024);
  const descriptor = describeBlob(large);
  fake.putBlob('a', large);
  const stream = await client.blob('a', descriptor);
  await sleep(500);
  assert.equal((await collect(stream)).length, large.length);
  assert.equal(fake.count('GET'), 1);
});

test('threat 41: wrong bytes fail at the end, more bytes at once', async (t) => {
  const { fake, client } = await pairOf(t);
  const wrong = Buffer.from(bytes);
  wrong[0] = (wrong[0] ?? 0) ^ 1;
  fake.on('GET', BLOB, reply(200, {}, wrong));
  await assert.rejects(
    collect(await client.blob('a', blob)),
    (error) => isAirgapError(error, 'BLOB_MISMATCH') && error.exitStatus === 4,
  );
  fake.on('GET', BLOB, reply(200, {}, Buffer.concat([bytes, Buffer.alloc(9)])));
  await assert.rejects(
    collect(await client.blob('a', blob)),
    (error) => isAirgapError(error, 'BLOB_MISMATCH') && /more than/.test(error.found ?? ''),
  );
});

test('threat 41: a resumed part that is something else is noticed', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('a', bytes);
  fake.on('GET', BLOB, sendPart(bytes, 700_000, 'close'));
  fake.on('GET', BLOB, (exchange) => {
    const start = Number(/=(\d+)-/.exec(String(exchange.seen.headers.range))?.[1]);
    const rest = Buffer.alloc(bytes.length - start);
    send(exchange, 206, { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }, rest);
    return true;
  });
  await assert.rejects(collect(await client.blob('a', blob)), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
});

test('a Content-Range of another place is refused', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', BLOB, reply(206, { 'content-range': 'bytes 0-5/10' }, 'abcdef'));
  await assert.rejects(collect(await client.blob('a', blob, { offset: 3 })), (error) =>
    isAirgapError(error, 'REGISTRY_PROTOCOL'),
  );
});

test('a blob that is not there is said to be so, once', async (t) => {
  const { fake, client } = await pairOf(t);
  await assert.rejects(collect(await client.blob('a', blob)), (error) =>
    isAirgapError(error, 'REGISTRY_NOT_FOUND'),
  );
  assert.equal(fake.seen.length, 1);
});

test('threat 79: a rate limit is waited for, and kept to when it does not end', async (t) => {
  const { fake, client } = await pairOf(t, { retries: 2 });
  fake.putBlob('a', bytes);
  fake.on('GET', BLOB, refuse(429, 'TOOMANYREQUESTS'), { times: 2 });
  assert.equal((await collect(await client.blob('a', blob))).length, bytes.length);
  fake.on('GET', BLOB, refuse(429, 'TOOMANYREQUESTS'), { times: 99 });
  await assert.rejects(collect(await client.blob('a', blob)), (error) =>
    isAirgapError(error, 'REGISTRY_RATE_LIMIT'),
  );
});

test('threat 70: a redirect to storage goes without our credentials', async (t) => {
  const credentials = { kind: 'basic', username: 'u', password: 'pw' } as const;
  const { fake, client } = await pairOf(t, { credentials });
  const storage = await FakeRegistry.start();
  t.after(() => storage.close());
  storage.on('GET', /storage/, reply(200, {}, bytes));
  fake.on('GET', BLOB, reply(401, { 'www-authenticate': 'Basic realm="x"' }));
  fake.on('GET', BLOB, reply(307, { location: `${storage.url}/storage?sig=x` }));
  assert.deepEqual(await collect(await client.blob('a', blob)), bytes);
  assert.match(String(fake.seen[1]?.headers.authorization), /^Basic /);
  assert.equal(storage.seen[0]?.headers.authorization, undefined);
});

test('threat 70: redirects in a circle end after five', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', /./, reply(307, { location: '/v2/a/blobs/sha256:again' }), { times: 99 });
  await assert.rejects(collect(await client.blob('a', blob)), (error) =>
    isAirgapError(error, 'REGISTRY_PROTOCOL'),
  );
  assert.equal(fake.seen.length, 6);
});

test('threat 70: a redirect to the link-local address of a cloud is not followed', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', BLOB, reply(302, { location: 'http://169.254.169.254/latest/meta-data' }));
  await assert.rejects(
    collect(await client.blob('a', blob)),
    (error) => isAirgapError(error, 'REGISTRY_PROTOCOL') && error.found === 'http://169.254.169.254',
  );
});

test('a stream that is given up lets its connection go', async (t) => {
  const { fake, client } = await pairOf(t);
  const large = randomBytes(16 * 1024 * 1024);
  fake.putBlob('a', large);
  const stream = await client.blob('a', describeBlob(large));
  for await (const _chunk of stream) break;
  assert.ok(stream.destroyed);
  assert.equal((await collect(await client.blob('a', describeBlob(large)))).length, large.length);
});
