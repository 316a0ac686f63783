import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, codeOf, digestOf, filesBelow, noise, pushBlob, startFolder, startUpload } from './support.js';

const MISSING = `sha256:${'0'.repeat(64)}`;

for (const algorithm of ['sha256', 'sha512'] as const) {
  test(`POST and PUT, ${algorithm}`, async (t) => {
    const { url } = await startFolder(t);
    const bytes = noise(3_000_000);
    const digest = digestOf(bytes, algorithm);
    const answer = await pushBlob(url, 'a/b', bytes, digest);
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.location, `/v2/a/b/blobs/${digest}`);
    assert.equal(answer.headers['docker-content-digest'], digest);
    const back = await ask('GET', `${url}/v2/a/b/blobs/${digest}`);
    assert.ok(back.body.equals(bytes));
    assert.equal(back.headers['docker-content-digest'], digest);
    assert.equal((await ask('HEAD', `${url}/v2/other/blobs/${digest}`)).status, 404);
  });

  test(`a single POST, ${algorithm}`, async (t) => {
    const { url } = await startFolder(t);
    const bytes = noise(100);
    const digest = digestOf(bytes, algorithm);
    const answer = await ask('POST', `${url}/v2/a/blobs/uploads/?digest=${digest}`, { body: bytes });
    assert.equal(answer.status, 201);
    assert.ok((await ask('GET', `${url}/v2/a/blobs/${digest}`)).body.equals(bytes));
  });

  test(`chunks, ${algorithm}, the last one with the PUT`, async (t) => {
    const { url } = await startFolder(t);
    const bytes = noise(2_500_001);
    const digest = digestOf(bytes, algorithm);
    const place = await startUpload(url, 'a');
    const chunk = (start: number, end: number) => ({
      headers: { 'Content-Range': `${start}-${end - 1}`, 'Content-Type': 'application/octet-stream' },
      body: bytes.subarray(start, end),
    });
    const first = await ask('PATCH', place, chunk(0, 1_000_000));
    assert.equal(first.status, 202);
    assert.equal(first.headers.range, '0-999999');
    assert.equal(`${url}${first.headers.location}`, place);
    const status = await ask('GET', place);
    assert.equal(status.status, 204);
    assert.equal(status.headers.range, '0-999999');
    assert.equal((await ask('PATCH', place, chunk(1_000_000, 2_000_000))).status, 202);
    const last = await ask('PUT', `${place}?digest=${digest}`, chunk(2_000_000, bytes.length));
    assert.equal(last.status, 201);
    assert.ok((await ask('GET', `${url}/v2/a/blobs/${digest}`)).body.equals(bytes));
    assert.equal(codeOf(await ask('GET', place)), 'BLOB_UPLOAD_UNKNOWN');
  });
}

test('a stream of unknown length, then an empty PUT', async (t) => {
  const { url } = await startFolder(t);
  const bytes = noise(500_000);
  const place = await startUpload(url, 'a');
  const sent = await ask('PATCH', place, { headers: { 'Transfer-Encoding': 'chunked' }, body: bytes });
  assert.equal(sent.status, 202);
  assert.equal(sent.headers.range, '0-499999');
  assert.equal((await ask('PUT', `${place}?digest=${digestOf(bytes)}`)).status, 201);
});

test('the empty blob', async (t) => {
  const { url } = await startFolder(t);
  const empty = Buffer.alloc(0);
  assert.equal((await pushBlob(url, 'a', empty)).status, 201);
  assert.equal((await ask('POST', `${url}/v2/b/blobs/uploads/?digest=${digestOf(empty)}`)).status, 201);
  const back = await ask('GET', `${url}/v2/a/blobs/${digestOf(empty)}`);
  assert.equal(back.status, 200);
  assert.equal(back.body.length, 0);
  assert.equal(
    (await ask('GET', `${url}/v2/a/blobs/${digestOf(empty)}`, { headers: { Range: 'bytes=0-' } })).status,
    416,
  );
});

test('a POST that names a digest and brings nothing gets a session', async (t) => {
  const { url } = await startFolder(t);
  const answer = await ask('POST', `${url}/v2/a/blobs/uploads/?digest=${MISSING}`);
  assert.equal(answer.status, 202);
  assert.match(String(answer.headers.location), /^\/v2\/a\/blobs\/uploads\/[0-9a-f-]{36}$/);
});

test('a chunk out of order gets 416 with what is there, and the right one goes on', async (t) => {
  const { url } = await startFolder(t);
  const bytes = noise(3000);
  const place = await startUpload(url, 'a');
  const send = (start: number, end: number) =>
    ask('PATCH', place, {
      headers: { 'Content-Range': `${start}-${end - 1}` },
      body: bytes.subarray(start, end),
    });
  assert.equal((await send(1000, 2000)).status, 416);
  assert.equal((await send(0, 1000)).status, 202);
  for (const [start, end] of [
    [0, 1000],
    [999, 2000],
    [1001, 2000],
  ] as const) {
    const answer = await send(start, end);
    assert.equal(answer.status, 416);
    assert.equal(answer.headers.range, '0-999');
    assert.equal(codeOf(answer), 'BLOB_UPLOAD_INVALID');
  }
  const late = await ask('PUT', `${place}?digest=${digestOf(bytes)}`, {
    headers: { 'Content-Range': '2000-2999' },
    body: bytes.subarray(2000),
  });
  assert.equal(late.status, 416);
  assert.equal((await send(1000, 3000)).status, 202);
  assert.equal((await ask('PUT', `${place}?digest=${digestOf(bytes)}`)).status, 201);
});

const BAD_RANGES: readonly (readonly [string, string, string])[] = [
  ['nonsense', 'x', 'BLOB_UPLOAD_INVALID'],
  ['backwards', '10-0', 'BLOB_UPLOAD_INVALID'],
  ['longer than the body', '0-10', 'SIZE_INVALID'],
  ['shorter than the body', '0-1', 'SIZE_INVALID'],
];

for (const [what, range, code] of BAD_RANGES) {
  test(`a Content-Range is refused: ${what}`, async (t) => {
    const { url } = await startFolder(t);
    const place = await startUpload(url, 'a');
    const answer = await ask('PATCH', place, { headers: { 'Content-Range': range }, body: 'abcde' });
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), code);
    assert.equal((await ask('GET', place)).headers.range, '0-0');
  });
}

test('content with another digest is refused and leaves nothing', async (t) => {
  const { url, root } = await startFolder(t);
  for (const digest of [MISSING, `sha512:${'0'.repeat(128)}`]) {
    const answer = await pushBlob(url, 'a', noise(5000), digest);
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), 'DIGEST_INVALID');
    assert.equal((await ask('HEAD', `${url}/v2/a/blobs/${digest}`)).status, 404);
  }
  const single = await ask('POST', `${url}/v2/a/blobs/uploads/?digest=${MISSING}`, { body: 'x' });
  assert.equal(codeOf(single), 'DIGEST_INVALID');
  const left = (await filesBelow(root)).filter((path) => !path.includes('/.airgap/lock/'));
  assert.deepEqual(left, []);
});

test('digests and sessions that follow no grammar are refused', async (t) => {
  const { url, root } = await startFolder(t);
  const place = await startUpload(url, 'a');
  for (const digest of ['', 'sha256:x', 'sha256:../../../../x', `sha1:${'0'.repeat(40)}`]) {
    const answer = await ask('PUT', `${place}?digest=${encodeURIComponent(digest)}`, { body: 'x' });
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), 'DIGEST_INVALID');
  }
  assert.equal((await ask('PUT', place, { body: 'x' })).status, 400);
  const algorithm = await ask('POST', `${url}/v2/a/blobs/uploads/?digest-algorithm=md5`);
  assert.equal(codeOf(algorithm), 'DIGEST_INVALID');
  for (const id of ['..', '%2e%2e%2fx', 'x', '00000000-0000-0000-0000-000000000000']) {
    const answer = await ask('PATCH', `${url}/v2/a/blobs/uploads/${id}`, { body: 'x' });
    assert.ok(answer.status === 404 || answer.status === 400, `${id}: ${answer.status}`);
  }
  const wrongPlace = place.replace('/v2/a/', '/v2/b/');
  assert.equal(codeOf(await ask('PATCH', wrongPlace, { body: 'x' })), 'BLOB_UPLOAD_UNKNOWN');
  assert.deepEqual(await readdir(root), ['.airgap', 'docker']);
});

test('an upload can be cancelled', async (t) => {
  const { url, root } = await startFolder(t);
  const place = await startUpload(url, 'a');
  await ask('PATCH', place, { body: noise(1000) });
  assert.equal((await ask('DELETE', place)).status, 204);
  assert.equal((await ask('GET', place)).status, 404);
  assert.equal((await ask('DELETE', place)).status, 404);
  assert.deepEqual(await readdir(join(root, '.airgap/tmp')), []);
});

test('mounting: from a repository, from any, from none', async (t) => {
  const { url } = await startFolder(t);
  const bytes = noise(1000);
  const digest = digestOf(bytes);
  await pushBlob(url, 'one', bytes);
  const mount = (to: string, query: string) => ask('POST', `${url}/v2/${to}/blobs/uploads/?mount=${query}`);
  const mounted = await mount('two', `${digest}&from=one`);
  assert.equal(mounted.status, 201);
  assert.equal(mounted.headers.location, `/v2/two/blobs/${digest}`);
  assert.ok((await ask('GET', `${url}/v2/two/blobs/${digest}`)).body.equals(bytes));
  assert.equal((await mount('three', digest)).status, 201);
  const elsewhere = await mount('four', `${digest}&from=five`);
  assert.equal(elsewhere.status, 202);
  assert.ok(elsewhere.headers.location);
  assert.equal((await mount('four', `${MISSING}&from=one`)).status, 202);
  assert.equal(codeOf(await mount('four', `${digest}&from=../one`)), 'NAME_INVALID');
  assert.equal((await ask('HEAD', `${url}/v2/four/blobs/${digest}`)).status, 404);
});

test('a deleted blob is gone from its repository, and from the disk with the last one', async (t) => {
  const { url, root } = await startFolder(t);
  const bytes = noise(1000);
  const digest = digestOf(bytes);
  await pushBlob(url, 'one', bytes);
  await ask('POST', `${url}/v2/two/blobs/uploads/?mount=${digest}&from=one`);
  assert.equal((await ask('DELETE', `${url}/v2/one/blobs/${digest}`)).status, 202);
  assert.equal((await ask('HEAD', `${url}/v2/one/blobs/${digest}`)).status, 404);
  assert.equal((await ask('HEAD', `${url}/v2/two/blobs/${digest}`)).status, 200);
  assert.equal(codeOf(await ask('DELETE', `${url}/v2/one/blobs/${digest}`)), 'BLOB_UNKNOWN');
  assert.equal((await ask('DELETE', `${url}/v2/two/blobs/${digest}`)).status, 202);
  assert.deepEqual(
    (await filesBelow(root)).filter((path) => path.endsWith('/data')),
    [],
  );
});

test('pushes of one digest at once all succeed, and it is stored once', async (t) => {
  const { url, root } = await startFolder(t);
  const bytes = noise(400_000);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => pushBlob(url, `r${index % 3}`, bytes)),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(12).fill(201),
  );
  assert.equal((await filesBelow(root)).filter((path) => path.endsWith('/data')).length, 1);
  assert.deepEqual(await readdir(join(root, '.airgap/tmp')), []);
  for (const name of ['r0', 'r1', 'r2']) {
    assert.ok((await ask('GET', `${url}/v2/${name}/blobs/${digestOf(bytes)}`)).body.equals(bytes));
  }
});

test('what arrived before the connection broke counts, and the upload goes on', async (t) => {
  const { url, address } = await startFolder(t);
  const bytes = noise(2_000_000);
  const place = await startUpload(url, 'a');
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  socket.write(
    `PATCH ${new URL(place).pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`,
  );
  await new Promise<void>((done) => socket.write(bytes.subarray(0, 700_000), () => done()));
  await sleep(100);
  socket.destroy();
  await sleep(100);
  const range = (await ask('GET', place)).headers.range ?? '';
  const size = Number(range.split('-')[1]) + 1;
  assert.ok(size > 1 && size <= 700_000, range);
  const rest = await ask('PUT', `${place}?digest=${digestOf(bytes)}`, {
    headers: { 'Content-Range': `${size}-${bytes.length - 1}` },
    body: bytes.subarray(size),
  });
  assert.equal(rest.status, 201);
});

test('a client that comes again takes its session over from a connection that hangs', async (t) => {
  const { url, address } = await startFolder(t);
  const bytes = noise(1_000_000);
  const place = await startUpload(url, 'a');
  const hanging = connect(Number(address.split(':')[1]), '127.0.0.1');
  t.after(() => hanging.destroy());
  hanging.on('error', () => {});
  hanging.write(
    `PATCH ${new URL(place).pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`,
  );
  await new Promise<void>((done) => hanging.write(bytes.subarray(0, 300_000), () => done()));
  await sleep(100);
  const rest = (size: number) =>
    ask('PUT', `${place}?digest=${digestOf(bytes)}`, {
      headers: { 'Content-Range': `${size}-${bytes.length - 1}` },
      body: bytes.subarray(size),
    });
  const refused = await rest(999_000);
  assert.equal(refused.status, 416);
  const size = Number(String(refused.headers.range).split('-')[1]) + 1;
  assert.equal(size, 300_000);
  assert.equal((await rest(size)).status, 201);
});
