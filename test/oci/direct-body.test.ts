import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAirgapError } from '../../src/errors.js';
import type { RegistryClient } from '../../src/oci/client.js';
import { createRegistry } from '../../src/oci/registry.js';
import type { ByteSink, Descriptor } from '../../src/oci/types.js';
import { makeAuthority, pem } from './support/certs.js';
import { pairOf } from './support/client.js';
import { FakeRegistry, type Fault } from './support/fake-registry.js';
import { reply, sendPart } from './support/faults.js';
import { describeBlob } from './support/images.js';

const bytes = randomBytes(9 * 1024 * 1024 + 3);
const blob = describeBlob(bytes);
const BLOB = /\/blobs\/sha256:/;

interface Slow {
  /** Bytes after which the sink is busy. */
  readonly every: number;
  /** Milliseconds. */
  readonly pause: number;
}

/** Gathers a blob in blocks of `every` bytes; busy for a while after each. */
function gather(total: number, slow: Slow = { every: 1024 * 1024, pause: 0 }) {
  const parts: Buffer[] = [];
  let spaces = 0;
  let busy = false;
  let block = Buffer.alloc(slow.every);
  let filled = 0;
  let count = 0;
  const sink: ByteSink = {
    space() {
      assert.ok(!busy, 'no space is asked for while the sink is busy');
      assert.ok(count < total, 'no space is asked for beyond the end');
      spaces += 1;
      return block.subarray(filled);
    },
    filled(more) {
      filled += more;
      count += more;
      if (filled < slow.every) return undefined;
      parts.push(block);
      block = Buffer.alloc(slow.every);
      filled = 0;
      busy = true;
      return sleep(slow.pause).then(() => {
        busy = false;
      });
    },
  };
  const sha256 = (): string => {
    const hash = createHash('sha256');
    for (const part of [...parts, block.subarray(0, filled)]) hash.update(part);
    return `sha256:${hash.digest('hex')}`;
  };
  return { sink, sha256, count: () => count, spaces: () => spaces };
}

const pour = (client: RegistryClient, sink: ByteSink, descriptor: Descriptor = blob): Promise<void> =>
  client.pourBlob?.('a', descriptor, { sink }) ?? assert.fail('registries pour');

test('a large blob comes into the memory that is given for it', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('a', bytes);
  const gathered = gather(bytes.length);
  await pour(client, gathered.sink);
  assert.equal(gathered.sha256(), blob.digest);
  assert.equal(fake.count('GET'), 1);
});

test('it passes the HTTP parser by: its connection is given up, where a small one is kept', async (t) => {
  const { fake, client } = await pairOf(t, { concurrency: 1 });
  const ports: (number | undefined)[] = [];
  const small = randomBytes(100_000);
  for (const one of [small, bytes]) fake.putBlob('a', one);
  const note: Fault = ({ request }) => {
    ports.push(request.socket.remotePort);
    return false;
  };
  for (const one of [small, small, bytes, bytes]) {
    fake.on('GET', BLOB, note);
    await pour(client, gather(one.length).sink, describeBlob(one));
  }
  const [first, second, third, fourth] = ports;
  assert.equal(first, second);
  assert.equal(second, third);
  assert.notEqual(third, fourth);
});

test('over TLS as well', async (t) => {
  const authority = makeAuthority();
  t.after(() => authority.remove());
  const fake = await FakeRegistry.start(pem(authority.issue('good')));
  const client = createRegistry(fake.host, { env: {}, caFile: authority.caFile });
  t.after(async () => {
    await client.close();
    await fake.close();
  });
  fake.putBlob('a', bytes);
  for (let turn = 0; turn < 2; turn++) {
    const gathered = gather(bytes.length);
    await pour(client, gathered.sink);
    assert.equal(gathered.sha256(), blob.digest);
  }
});

test('the next request after it has a connection', async (t) => {
  const { fake, client } = await pairOf(t, { concurrency: 1 });
  fake.putBlob('a', bytes);
  for (let turn = 0; turn < 3; turn++) {
    const gathered = gather(bytes.length);
    await pour(client, gathered.sink);
    assert.equal(gathered.sha256(), blob.digest);
    await client.ping();
  }
});

test('many at a time, and small ones between them', async (t) => {
  const { fake, client } = await pairOf(t, { concurrency: 4 });
  const all = Array.from({ length: 12 }, (_, index) =>
    randomBytes(index % 3 === 0 ? 70_000 : 5_000_000 + index),
  );
  for (const one of all) fake.putBlob('a', one);
  await Promise.all(
    all.map(async (one) => {
      const gathered = gather(one.length, { every: 300_007, pause: 1 });
      await pour(client, gathered.sink, describeBlob(one));
      assert.equal(gathered.sha256(), describeBlob(one).digest);
    }),
  );
});

for (const end of ['reset', 'close', 'hang'] as const) {
  test(`threat 64: a large download that ends in ${end} goes on with Range`, async (t) => {
    const { fake, client } = await pairOf(t, end === 'hang' ? { stallTimeout: 400 } : {});
    fake.putBlob('a', bytes);
    fake.on('GET', BLOB, sendPart(bytes, 4_700_000, end));
    const gathered = gather(bytes.length);
    await pour(client, gathered.sink);
    assert.equal(gathered.sha256(), blob.digest);
    assert.match(String(fake.seen[1]?.headers.range), /^bytes=[1-9]\d+-$/);
  });
}

test('a sink that is slow is not taken for a stalled server', async (t) => {
  const { fake, client } = await pairOf(t, { stallTimeout: 100 });
  fake.putBlob('a', bytes);
  const gathered = gather(bytes.length, { every: 4_000_000, pause: 400 });
  await pour(client, gathered.sink);
  assert.equal(gathered.sha256(), blob.digest);
  assert.equal(fake.count('GET'), 1);
});

test('a server that says another length, or none, is read the ordinary way', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', BLOB, ({ response }) => {
    response.writeHead(200);
    response.end(bytes);
    return true;
  });
  const chunked = gather(bytes.length);
  await pour(client, chunked.sink);
  assert.equal(chunked.sha256(), blob.digest);

  fake.on('GET', BLOB, reply(200, {}, Buffer.concat([bytes, Buffer.of(1)])));
  await assert.rejects(pour(client, gather(bytes.length).sink), (error) =>
    isAirgapError(error, 'BLOB_MISMATCH'),
  );
});

test('a sink that fails ends the download', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('a', bytes);
  let calls = 0;
  const failing: ByteSink = {
    space: () => Buffer.alloc(1024),
    filled() {
      calls += 1;
      if (calls > 50) throw new Error('the disk is full');
      return undefined;
    },
  };
  await assert.rejects(pour(client, failing), /the disk is full/);
  const late: ByteSink = {
    space: () => Buffer.alloc(1024),
    filled: () => Promise.reject(new Error('too late')),
  };
  await assert.rejects(pour(client, late), /too late/);
  await client.ping();
});

test('an abort ends it', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', BLOB, sendPart(bytes, 5_000_000, 'hang'));
  const stopping = new AbortController();
  const gathered = gather(bytes.length);
  const poured = client.pourBlob?.('a', blob, { sink: gathered.sink, signal: stopping.signal });
  const rejected = assert.rejects(poured ?? Promise.resolve(), { name: 'AbortError' });
  while (gathered.count() < 5_000_000) await sleep(5);
  stopping.abort();
  await rejected;
});
