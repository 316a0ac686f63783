import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import { parseUsers } from '../../src/registry/auth.js';
import { serveFolder } from '../../src/registry/index.js';
import {
  ask,
  codeOf,
  digestOf,
  noise,
  pushBlob,
  startFolder,
  startUpload,
  temporaryFolder,
} from './support.js';

test('an address that is taken is said', async (t) => {
  const { address } = await startFolder(t);
  const port = Number(address.split(':')[1]);
  const root = await temporaryFolder(t);
  const listen = { host: '127.0.0.1', port };
  const inUse = (error: unknown) => isAirgapError(error, 'LISTEN_FAILED') && error.found === 'EADDRINUSE';
  await assert.rejects(serveFolder(root, { listen }), inUse);
  const again = await serveFolder(root);
  await again.close();
});

test('closing lets a running upload finish and takes no new connection', async (t) => {
  const { url, address, close } = await startFolder(t);
  const bytes = noise(1_000_000);
  const place = await startUpload(url, 'a');
  const port = Number(address.split(':')[1]);
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  const path = `${new URL(place).pathname}?digest=${digestOf(bytes)}`;
  socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes.subarray(0, 400_000));
  await sleep(50);
  const closing = close();
  await sleep(50);
  await assert.rejects(ask('GET', `${url}/v2/`), /ECONNREFUSED/);
  socket.write(bytes.subarray(400_000));
  await closing;
  assert.match(answer, /^HTTP\/1\.1 201 Created/);
});

test('closing does not wait for idle connections', async (t) => {
  const { address, close } = await startFolder(t);
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise<void>((done) => socket.once('data', () => done()));
  const started = performance.now();
  await close();
  assert.ok(performance.now() - started < 5000);
});

test('users and passwords: refused without, challenge given, anonymous pull as chosen', async (t) => {
  const { users } = parseUsers('ann:secret');
  const strict = await startFolder(t, { auth: { users, anonymousPull: false } });
  const open = await startFolder(t, { auth: { users, anonymousPull: true } });
  const headers = { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
  const refused = await ask('GET', `${strict.url}/v2/`);
  assert.equal(refused.status, 401);
  assert.equal(codeOf(refused), 'UNAUTHORIZED');
  assert.match(String(refused.headers['www-authenticate']), /^Basic realm=/);
  assert.equal((await ask('GET', `${strict.url}/v2/`, { headers })).status, 200);
  assert.equal((await ask('POST', `${strict.url}/v2/a/blobs/uploads/`, { headers })).status, 202);
  assert.equal((await ask('GET', `${open.url}/v2/`)).status, 401);
  assert.equal((await ask('GET', `${open.url}/v2/_catalog`)).status, 200);
  assert.equal((await ask('POST', `${open.url}/v2/a/blobs/uploads/`)).status, 401);
});

test('TLS with a certificate of the site', async (t) => {
  const folder = await temporaryFolder(t);
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...[
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ],
    ],
    { stdio: 'ignore' },
  );
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const { address } = await startFolder(t, { tls });
  const [host, port] = address.split(':');
  const status = await new Promise((resolve, reject) => {
    request({ host, port, path: '/v2/', ca: tls.cert }, (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end();
  });
  assert.equal(status, 200);
  const bad = { cert: tls.key, key: tls.cert };
  await assert.rejects(serveFolder(folder, { tls: bad }), (error) => isAirgapError(error, 'LISTEN_FAILED'));
});

test('requests are announced, faults of our own as warnings, and names cannot play with the terminal', async (t) => {
  const events: AirgapEvent[] = [];
  const { url } = await startFolder(t, { emit: (event) => events.push(event) });
  await pushBlob(url, 'a', noise(10));
  await ask('GET', `${url}/v2/%1b%5b2J/tags/list`);
  await sleep(20);
  const notes = events.flatMap((event) => (event.type === 'note' ? [event] : []));
  assert.ok(notes.some(({ text }) => text.startsWith('201 PUT /v2/a/blobs/uploads/')));
  assert.ok(notes.every(({ level }) => level === 'debug'));
  assert.ok(notes.every(({ text }) => !text.includes('\u001b')));
});
