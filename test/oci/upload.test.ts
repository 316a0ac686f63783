import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { AirgapError, isAirgapError } from '../../src/errors.js';
import { checkedStream } from '../../src/io/checked.js';
import { hexOf } from '../../src/oci/digest.js';
import { pairOf } from './support/client.js';
import { send } from './support/fake-registry.js';
import { hangAfter, refuse, refuseEarly, reply, resetAfter, wantBearer } from './support/faults.js';
import { describeBlob, openerOf } from './support/images.js';

const MIB = 1024 * 1024;
const UPLOAD = /\/blobs\/uploads\//;
const SESSION = /\/blobs\/uploads\/.+/;
const bytes = randomBytes(3 * MIB + 17);
const blob = describeBlob(bytes);

test('a blob goes in one request, and its bytes are reported once', async (t) => {
  const { fake, client } = await pairOf(t);
  let reported = 0;
  const outcome = await client.putBlob('a/b', blob, openerOf(bytes), {
    onBytes: (count) => (reported += count),
  });
  assert.equal(outcome, 'sent');
  assert.deepEqual(fake.blobsOf('a/b').get(blob.digest), bytes);
  assert.equal(reported, bytes.length);
  assert.equal(fake.uploaded, bytes.length);
  assert.deepEqual(
    fake.seen.map(({ method }) => method),
    ['POST', 'PUT'],
  );
});

test('an empty blob can be sent', async (t) => {
  const { fake, client } = await pairOf(t);
  const empty = describeBlob(Buffer.alloc(0));
  await client.putBlob('a', empty, () => Readable.from([]));
  assert.equal(fake.blobsOf('a').get(empty.digest)?.length, 0);
});

test('a blob that another repository has is mounted, and its source is never opened', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('base', bytes);
  const outcome = await client.putBlob('a/b', blob, () => assert.fail('opened'), { from: ['nope', 'base'] });
  assert.equal(outcome, 'mounted');
  assert.ok(fake.blobsOf('a/b').has(blob.digest));
  assert.equal(fake.sessions.size, 0, 'the upload that answered the first mount was given up');
});

test('a registry that does not mount gets the upload it opened instead', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.putBlob('base', bytes);
  fake.mounts = false;
  assert.equal(await client.putBlob('a', blob, openerOf(bytes), { from: ['base'] }), 'sent');
  assert.deepEqual(
    fake.seen.map(({ method }) => method),
    ['POST', 'PUT'],
  );
});

test('a mount that is forbidden becomes an upload', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('POST', UPLOAD, refuse(403, 'DENIED'));
  assert.equal(await client.putBlob('a', blob, openerOf(bytes), { from: ['base'] }), 'sent');
});

test('chunks are sent in order when a size is given, with a closing request without a body', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: MIB });
  await client.putBlob('a', blob, openerOf(bytes, 300_000));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  const ranges = fake.seen
    .filter(({ method }) => method === 'PATCH')
    .map(({ headers }) => headers['content-range']);
  assert.deepEqual(ranges, ['0-1048575', '1048576-2097151', '2097152-3145727', '3145728-3145744']);
});

test('threat 57: a token that expires in the middle is renewed and the upload goes on at Range', async (t) => {
  const { fake, client } = await pairOf(t);
  const valid = new Set(['one']);
  let issued = 0;
  const names = ['one', 'two'];
  fake.on(
    'GET',
    /^\/token$/,
    (exchange) => {
      const token = names[issued++] ?? 'none';
      valid.add(token);
      send(exchange, 200, {}, JSON.stringify({ token, expires_in: 300 }));
      return true;
    },
    { times: 9 },
  );
  fake.on('PUT', SESSION, async (exchange) => {
    // The first megabyte is kept; then the token has expired.
    valid.delete('one');
    const id = exchange.seen.path.split('/').at(-1) as string;
    const session = fake.sessions.get(id);
    let taken = 0;
    for await (const chunk of exchange.request) {
      session?.chunks.push(chunk as Buffer);
      if (session) session.size += (chunk as Buffer).length;
      exchange.seen.received += (chunk as Buffer).length;
      taken += (chunk as Buffer).length;
      if (taken >= MIB) break;
    }
    const challenge = `Bearer realm="${fake.url}/token",service="fake"`;
    exchange.response.writeHead(401, { 'www-authenticate': challenge, connection: 'close' }).end('{}');
    return true;
  });
  for (const method of ['POST', 'PUT', 'PATCH', 'GET']) {
    fake.on(
      method,
      UPLOAD,
      wantBearer(() => `${fake.url}/token`, valid),
      { times: 99 },
    );
  }
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  assert.equal(issued, 2, 'one token at the start, one after the 401');
  const patch = fake.seen.find(({ method }) => method === 'PATCH');
  assert.ok(
    Number(String(patch?.headers['content-range']).split('-')[0]) >= MIB,
    'it went on, it did not begin anew',
  );
});

test('threat 56: credentials that stay refused end the upload before any byte is sent', async (t) => {
  const { fake, client } = await pairOf(t, {
    credentials: { kind: 'basic', username: 'u', password: 'p4ssw0rd' },
  });
  fake.on('POST', UPLOAD, reply(401, { 'www-authenticate': 'Basic realm="x"' }), { times: 99 });
  const started = performance.now();
  await assert.rejects(
    client.putBlob('a', blob, () => assert.fail('opened')),
    (error) =>
      isAirgapError(error, 'REGISTRY_AUTH') &&
      error.exitStatus === 5 &&
      !JSON.stringify(error).includes('p4ss'),
  );
  assert.ok(performance.now() - started < 20_000);
  assert.equal(fake.uploaded, 0);
  assert.equal(fake.seen.length, 2);
});

test('threat 58: a repository that may not be pushed to fails at once with the server’s words', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('POST', UPLOAD, refuse(403, 'DENIED', 'project \x1b[31mx\x1b[0m does not exist'), { times: 9 });
  await assert.rejects(client.probePush('a'), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_DENIED'));
    assert.equal(error.found, '403 DENIED: "project x does not exist"');
    return true;
  });
  assert.equal(fake.seen.length, 1);
});

test('threat 58: the probe begins an upload, gives it up and sends nothing', async (t) => {
  const { fake, client } = await pairOf(t);
  await client.probePush('a/b');
  assert.deepEqual(
    fake.seen.map(({ method }) => method),
    ['POST', 'DELETE'],
  );
  assert.equal(fake.sessions.size, 0);
  assert.equal(fake.uploaded, 0);
});

test('threat 58: a repository that does not exist and is not made on push is said to be so', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('POST', UPLOAD, refuse(404, 'NAME_UNKNOWN'), { times: 9 });
  await assert.rejects(
    client.probePush('a'),
    (error) => isAirgapError(error, 'REGISTRY_DENIED') && /create the project/.test(error.hint),
  );
});

test('threat 59: an upload that the registry forgot is begun anew', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, refuse(404, 'BLOB_UPLOAD_UNKNOWN'), { times: 2 });
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  assert.equal(fake.count('POST'), 3);
});

test('threat 59: one that is forgotten again and again is given up', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, refuse(404, 'BLOB_UPLOAD_UNKNOWN'), { times: 99 });
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) =>
    isAirgapError(error, 'REGISTRY_FAILED'),
  );
  assert.ok(fake.count('POST') <= 5);
});

test('threat 76: replicas with different secrets are suspected after a few tries', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, refuse(400, 'BLOB_UPLOAD_INVALID'), { times: 99 });
  await assert.rejects(
    client.putBlob('a', blob, openerOf(bytes)),
    (error) =>
      isAirgapError(error, 'REGISTRY_FAILED') && /http\.secret/.test(error.hint) && /sticky/.test(error.hint),
  );
});

test('threat 60: after a 413 the blob goes in chunks, and later blobs too', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, refuseEarly(413));
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  assert.equal(fake.count('PATCH'), 1, '64 MiB are enough for this one');
  await client.putBlob('b', blob, openerOf(bytes));
  assert.equal(fake.count('PATCH'), 2);
});

test('threat 60: chunks shrink step by step, not below what the registry asks for', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.uploadHeaders = { 'oci-chunk-min-length': String(16 * MIB) };
  fake.on('PUT', SESSION, refuseEarly(413), { times: 99 });
  fake.on('PATCH', SESSION, refuseEarly(413), { times: 99 });
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_TOO_LARGE'));
    assert.match(error.hint, /client_max_body_size/);
    return true;
  });
  assert.deepEqual([fake.count('PUT'), fake.count('PATCH')], [1, 2], 'whole, 64 MiB, 16 MiB');
});

test('threat 61: Retry-After is honoured', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, reply(429, { 'retry-after': '1' }));
  const started = performance.now();
  await client.putBlob('a', blob, openerOf(bytes));
  assert.ok(performance.now() - started >= 990);
});

for (const status of [500, 502, 503, 504, 408]) {
  test(`threat 62: ${status} heals`, async (t) => {
    const { fake, client } = await pairOf(t);
    fake.on('POST', UPLOAD, reply(status));
    fake.on('PUT', SESSION, reply(status), { times: 2 });
    await client.putBlob('a', blob, openerOf(bytes));
    assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  });
}

test('threat 62: without progress it ends after the retries', async (t) => {
  const { fake, client } = await pairOf(t, { retries: 3 });
  fake.on('PUT', SESSION, reply(503), { times: 99 });
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) =>
    isAirgapError(error, 'REGISTRY_FAILED'),
  );
  assert.equal(fake.count('PUT'), 4);
});

test('threat 63: 507 at one place twice means that the storage is full', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, reply(507), { times: 99 });
  await assert.rejects(
    client.putBlob('a', blob, openerOf(bytes)),
    (error) => isAirgapError(error, 'REGISTRY_STORAGE') && error.exitStatus === 5,
  );
  assert.ok(fake.count('PUT') <= 2);
});

test('threat 63: docker-registry’s own way to say it is understood', async (t) => {
  const { fake, client } = await pairOf(t);
  const detail = { DriverName: 'filesystem', Enclosed: { Op: 'write', Path: '/x', Err: 28 } };
  const body = JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'unknown error', detail }] });
  fake.on('PUT', SESSION, reply(500, {}, body), { times: 99 });
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) =>
    isAirgapError(error, 'REGISTRY_STORAGE'),
  );
  assert.ok(fake.count('PUT') <= 2);
});

test('threat 63: a bare 500 that repeats at one place is suspected as well', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, reply(500), { times: 99 });
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) =>
    isAirgapError(error, 'REGISTRY_STORAGE'),
  );
});

test('threat 64: a connection that is reset in the middle is resumed at the server’s Range', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, resetAfter(MIB));
  let reported = 0;
  await client.putBlob('a', blob, openerOf(bytes), { onBytes: (count) => (reported += count) });
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  assert.equal(reported, bytes.length, 'nothing is counted twice');
  assert.equal(fake.count('POST'), 1, 'one upload all the way');
  assert.ok(fake.uploaded < bytes.length + 64 * 1024, `${fake.uploaded} bytes were sent`);
});

test('threat 64: a silent connection is given up and the work resumed', async (t) => {
  const { fake, client } = await pairOf(t, { stallTimeout: 400 });
  fake.on('PUT', SESSION, hangAfter(MIB));
  const large = randomBytes(24 * MIB);
  const descriptor = describeBlob(large);
  const started = performance.now();
  await client.putBlob('a', descriptor, openerOf(large));
  assert.deepEqual(fake.blobsOf('a').get(descriptor.digest), large);
  assert.ok(performance.now() - started < 60_000);
});

test('threat 65: a refusal that comes while the body is on its way is read', async (t) => {
  const { fake, client } = await pairOf(t);
  const large = randomBytes(24 * MIB);
  fake.on('PUT', SESSION, refuseEarly(403), { times: 9 });
  await assert.rejects(client.putBlob('a', describeBlob(large), openerOf(large)), (error) =>
    isAirgapError(error, 'REGISTRY_DENIED'),
  );
  assert.ok(fake.uploaded < large.length);
});

test('threat 65: after a broken connection the body waits until it is invited', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, ({ request }) => {
    request.socket.resetAndDestroy();
    return true;
  });
  await client.putBlob('a', blob, openerOf(bytes));
  const bodies = fake.seen.filter(({ method }) => method === 'PUT' || method === 'PATCH');
  assert.equal(bodies[0]?.headers.expect, undefined);
  assert.equal(bodies[1]?.headers.expect, '100-continue');
});

test('threat 66: a registry that is behind is sent the rest from its own place', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: MIB });
  fake.on('PATCH', SESSION, async (exchange) => {
    // Takes the chunk, keeps half of it, and says so.
    const session = fake.sessions.get(exchange.seen.path.split('/').at(-1) as string);
    const parts: Buffer[] = [];
    for await (const part of exchange.request) parts.push(part as Buffer);
    const half = Buffer.concat(parts).subarray(0, MIB / 2);
    session?.chunks.push(half);
    if (session) session.size += half.length;
    send(exchange, 202, { location: `${exchange.seen.path}?_state=x`, range: `0-${half.length - 1}` });
    return true;
  });
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
});

test('threat 66: 416 makes the client ask where the registry stands', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: MIB });
  fake.on('PATCH', SESSION, reply(416), { skip: 1 });
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
  assert.equal(fake.count('GET'), 1);
});

test('threat 66: a registry that claims more than it was sent is not believed', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: MIB });
  fake.on(
    'PATCH',
    SESSION,
    async (exchange) => {
      for await (const _part of exchange.request);
      send(exchange, 202, { range: '0-99999999' });
      return true;
    },
    { times: 99 },
  );
  await assert.rejects(client.putBlob('a', blob, openerOf(bytes)), (error) =>
    isAirgapError(error, 'REGISTRY_PROTOCOL'),
  );
});

test('threat 66: a missing or nonsensical Range is taken as what was sent', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: 2 * MIB });
  fake.on(
    'PATCH',
    SESSION,
    async (exchange) => {
      const session = fake.sessions.get(exchange.seen.path.split('/').at(-1) as string);
      for await (const part of exchange.request) {
        session?.chunks.push(part as Buffer);
        if (session) session.size += (part as Buffer).length;
      }
      send(exchange, 202, { location: `${exchange.seen.path}?_state=x`, range: 'lots' });
      return true;
    },
    { times: 99 },
  );
  await client.putBlob('a', blob, openerOf(bytes));
  assert.deepEqual(fake.blobsOf('a').get(blob.digest), bytes);
});

test('threat 67: 201 with another digest is an error', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('PUT', SESSION, reply(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }));
  await assert.rejects(
    client.putBlob('a', blob, openerOf(bytes)),
    (error) => isAirgapError(error, 'REGISTRY_CONTENT') && error.exitStatus === 5,
  );
});

test('a source with wrong bytes never becomes a blob', async (t) => {
  const { fake, client } = await pairOf(t);
  const wrong = Buffer.from(bytes);
  wrong[5] = (wrong[5] ?? 0) ^ 1;
  const open = () =>
    openerOf(wrong)(0).pipe(checkedStream({ sha256: hexOf(blob.digest), size: blob.size, what: 'the blob' }));
  await assert.rejects(client.putBlob('a', blob, open), (error) => isAirgapError(error, 'BLOB_MISMATCH'));
  assert.ok(!fake.blobsOf('a').has(blob.digest));
  assert.ok(fake.uploaded < bytes.length, 'the last bytes were held back');
});

for (const [name, length] of [
  ['short', 1000],
  ['long', bytes.length + 1],
] as const) {
  test(`a source that is too ${name} is an error of the source`, async (t) => {
    const { client } = await pairOf(t);
    const other = Buffer.concat([bytes, Buffer.alloc(1)]).subarray(0, length);
    await assert.rejects(client.putBlob('a', blob, openerOf(other)), (error) =>
      isAirgapError(error, 'BLOB_MISMATCH'),
    );
  });
}

test('a source that fails is not tried again', async (t) => {
  const { fake, client } = await pairOf(t);
  let opened = 0;
  const open = (): Readable => {
    opened += 1;
    return new Readable({
      read() {
        this.destroy(new AirgapError('MEDIA_ERROR', 'bad sector'));
      },
    });
  };
  await assert.rejects(client.putBlob('a', blob, open), (error) => isAirgapError(error, 'MEDIA_ERROR'));
  assert.equal(opened, 1);
  assert.ok(fake.count('PUT') <= 1);
});

test('an abort ends an upload at once', async (t) => {
  const { fake, client } = await pairOf(t, { stallTimeout: 30_000 });
  const stop = new AbortController();
  fake.on('PUT', SESSION, (exchange) => {
    exchange.request.pause();
    setTimeout(() => stop.abort(new Error('stopped by the test')), 20);
    return true;
  });
  const started = performance.now();
  const large = randomBytes(24 * MIB);
  await assert.rejects(client.putBlob('a', describeBlob(large), openerOf(large), { signal: stop.signal }));
  assert.ok(performance.now() - started < 15_000);
});

test('flaky link: one request in twenty fails, and little is sent twice', async (t) => {
  const { fake, client } = await pairOf(t, { chunkSize: 256 * 1024, retries: 8 });
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  const faults = [reply(503), reply(500), resetAfter(60_000)];
  for (const method of ['POST', 'PATCH', 'PUT']) {
    fake.on(
      method,
      UPLOAD,
      (exchange) => (random() < 0.05 ? (faults[Math.floor(random() * 3)] ?? reply(503))(exchange) : false),
      { times: 1e9 },
    );
  }
  for (let index = 0; index < 6; index++) {
    const content = randomBytes(4 * MIB);
    const descriptor = describeBlob(content);
    await client.putBlob('a', descriptor, openerOf(content));
    assert.deepEqual(fake.blobsOf('a').get(descriptor.digest), content);
  }
  assert.ok(fake.uploaded <= 1.1 * 24 * MIB, `${fake.uploaded} bytes for ${24 * MIB}`);
});
