import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AirgapError } from '../../src/errors.js';
import type { ExecOptions } from '../../src/kube/types.js';
import { type Answer, type FakeServer, fakeServer, type Handler, status } from './support/api.js';

const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';
const SUCCESS = JSON.stringify({ metadata: {}, status: 'Success' });

let fake: FakeServer | undefined;
let played: WebSocketServer | undefined;
afterEach(async () => {
  // One that a test has paused never learns that its client is gone, and the server would wait for it.
  for (const socket of played?.clients ?? []) socket.terminate();
  await fake?.close();
  fake = undefined;
});

interface Side {
  readonly socket: WebSocket;
  readonly url: string;
  send(channel: number, bytes: string | Buffer): void;
}

/** A server whose exec endpoint is played by `play`. */
async function exec(
  play: (side: Side) => void,
  options: ExecOptions = {},
  protocols = [V5, V4],
  handler: Handler = () => undefined,
) {
  fake = await fakeServer(handler);
  const sockets = new WebSocketServer({
    server: fake.server,
    handleProtocols: (offered) => protocols.find((name) => offered.has(name)) ?? false,
  });
  played = sockets;
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => {});
    const send = (channel: number, bytes: string | Buffer): void =>
      socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(bytes as string)]));
    play({ socket, url: request.url ?? '', send });
  });
  const client = await fake.connect();
  const target = { namespace: 'a', pod: 'p', container: 'c', command: ['cat', 'a b', '$HOME'] };
  return client.exec(target, options);
}

const broken = (pattern: RegExp) => (error: AirgapError) => {
  assert.equal(error.code, 'EXEC_BROKEN', error.message);
  assert.match(`${error.message} ${error.found}`, pattern);
  return true;
};

test('streams, exit status and words of the command arrive as they are', async () => {
  let asked = '';
  const result = await exec(({ url, send }) => {
    asked = url;
    for (const channel of [0, 1, 2]) send(channel, '');
    send(1, 'out\r\n\0');
    send(2, 'err');
    send(3, SUCCESS);
  });
  assert.deepEqual(
    [result.exitCode, result.stdout.toString('latin1'), result.stderr, result.protocol],
    [0, 'out\r\n\0', 'err', V4],
  );
  const query = new URL(asked, 'http://x').searchParams;
  assert.deepEqual(query.getAll('command'), ['cat', 'a b', '$HOME']);
  assert.equal(query.get('tty'), null, 'a TTY would turn LF into CRLF');
});

test('a non-zero exit is a result', async () => {
  const result = await exec(({ send }) =>
    send(
      3,
      JSON.stringify({
        status: 'Failure',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '42' }] },
      }),
    ),
  );
  assert.equal(result.exitCode, 42);
});

test('threat 122: a stream that ends without the status of the command is broken, whatever came before', async () => {
  await assert.rejects(
    exec(({ socket, send }) => {
      send(1, 'half');
      socket.close(1000);
    }),
    broken(/closed with 1000/),
  );
  await fake?.close();
  await assert.rejects(
    exec(({ socket }) => socket.terminate()),
    broken(/1006/),
  );
  await fake?.close();
  const failed = { status: 'Failure', reason: 'InternalError', message: 'container not running' };
  await assert.rejects(
    exec(({ send }) => send(3, JSON.stringify(failed))),
    broken(/container not running/),
  );
});

test('a server that falls silent is given up', async () => {
  const start = performance.now();
  await assert.rejects(
    exec(({ socket }) => void (socket as unknown as { _socket: { pause(): void } })._socket.pause(), {
      stallTimeout: 300,
    }),
    broken(/no sign of life/),
  );
  assert.ok(performance.now() - start < 5000);
});

test('what the command said before the stream broke is in the error', async () => {
  await assert.rejects(
    exec(({ socket, send }) => {
      send(2, 'pg_restore: error: out of memory');
      socket.close(1011);
    }),
    broken(/closed with 1011; the command had said: pg_restore: error: out of memory/),
  );
});

test('threat 136: what goes to a stream of the caller is not in the error: it may hold secrets', async () => {
  const stderr = new PassThrough().resume();
  await assert.rejects(
    exec(
      ({ socket, send }) => {
        send(2, 'setting=hidden');
        socket.close(1011);
      },
      { stderr },
    ),
    broken(/closed with 1011$/),
  );
});

test('a refusal of the upgrade is the error of the API server, and leaves no connection behind', async () => {
  fake = await fakeServer(() => status(404, 'NotFound', 'pods "p" not found'));
  const { server } = fake;
  const sockets = new Set<object>();
  server.on('request', ({ headers, socket }) => {
    if (!headers.upgrade) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const client = await fake.connect();
  const target = { namespace: 'a', pod: 'p', container: 'c', command: ['true'] };
  await assert.rejects(client.exec(target), (error: AirgapError) => {
    assert.equal(error.code, 'CLUSTER_REFUSED');
    assert.match(error.found ?? '', /pods "p" not found/);
    return true;
  });
  const patience = Date.now() + server.keepAliveTimeout / 2;
  while (sockets.size > 0 && Date.now() < patience) await sleep(20);
  assert.equal(sockets.size, 0);
});

test('a slow reader holds the server back: memory does not grow with the stream', async () => {
  const total = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(64 * 1024, 7);
  let backlog = 0;
  let taken = 0;
  const slow = new Writable({
    highWaterMark: 256 * 1024,
    write(bytes: Buffer, _encoding, done) {
      taken += bytes.length;
      setTimeout(done, taken < 4 * 1024 * 1024 ? 20 : 0);
    },
  });
  const result = await exec(
    ({ socket, send }) => {
      void (async () => {
        for (let sent = 0; sent < total; sent += chunk.length) {
          send(1, chunk);
          if (taken < 1024 * 1024) backlog = Math.max(backlog, socket.bufferedAmount);
          while (socket.bufferedAmount > 8 * 1024 * 1024) await sleep(5);
        }
        send(3, SUCCESS);
      })();
    },
    { stdout: slow },
  );
  assert.equal(result.exitCode, 0);
  assert.equal(taken, total);
  assert.ok(slow.writableFinished, 'ended and flushed before exec resolves');
  assert.ok(backlog > 2 * 1024 * 1024, `the server had to wait: ${backlog} bytes were held back`);
});

test('a writer that fails (a full disk) ends the stream with its own error', async () => {
  const full = new Writable({
    write: (_bytes, _encoding, done) => done(Object.assign(new Error('full'), { code: 'ENOSPC' })),
  });
  await assert.rejects(
    exec(({ send }) => send(1, 'x'), { stdout: full }),
    { code: 'ENOSPC' },
  );
});

test('standard input arrives whole and its end is told on v5', async () => {
  const content = Buffer.alloc(3 * 1024 * 1024 + 17, 'abc');
  const received = createHash('sha256');
  let closed = -1;
  const result = await exec(
    ({ socket, send }) => {
      socket.on('message', (data: Buffer) => {
        if (data[0] === 0) received.update(data.subarray(1));
        if (data[0] !== 255) return;
        closed = data[1] ?? -1;
        send(3, SUCCESS);
      });
    },
    { stdin: Readable.from([content.subarray(0, 1000), content.subarray(1000)]) },
  );
  assert.equal(result.exitCode, 0);
  assert.equal(closed, 0);
  assert.equal(received.digest('hex'), createHash('sha256').update(content).digest('hex'));
});

test('threat 123: a translated success is believed while the container is the same one, and v4 is asked for first', async () => {
  let id = 'containerd://1';
  const pod = (): Answer => ({
    json: { metadata: { name: 'p' }, status: { containerStatuses: [{ name: 'c', containerID: id }] } },
  });
  const ends = (next: string) => (side: Side) => {
    // A client that is refused for its protocol is gone before it hears anything.
    setTimeout(() => {
      id = next;
      side.send(3, SUCCESS);
    }, 200);
  };
  const same = await exec(ends('containerd://1'), {}, [V5], pod);
  assert.deepEqual([same.exitCode, same.protocol], [0, V5]);
  await fake?.close();
  await assert.rejects(
    exec(ends('containerd://2'), {}, [V5], pod),
    broken(/success, while its container is gone/),
  );
  await fake?.close();
  const direct = await exec(ends('containerd://3'), {}, [V5, V4], pod);
  assert.deepEqual([direct.exitCode, direct.protocol], [0, V4]);
});

test('before Kubernetes 1.30 input has no end: refused, unless the command counts', async () => {
  const input = (): Readable => Readable.from(['12345']);
  await assert.rejects(
    exec(() => {}, { stdin: input() }, [V4]),
    broken(/cannot end the input.*v4/),
  );
  await fake?.close();
  const got: Buffer[] = [];
  const play = ({ socket, url, send }: Side): void => {
    socket.on('message', (data: Buffer) => {
      got.push(data.subarray(1));
      const all = Buffer.concat(got).toString();
      if (all === '12345') send(2, `airgap:enough ${wordsOf(url)[3]}\n`);
      if (all.includes(`\n${wordsOf(url)[3]}\n`)) send(3, SUCCESS);
    });
  };
  const result = await exec(play, { stdin: input(), endOfInput: 'counted' }, [V4]);
  assert.deepEqual([result.exitCode, result.protocol], [0, V4]);
  assert.match(Buffer.concat(got).toString(), /^12345\n(airgap-end-[0-9a-f]{24}\n)\1$/);
});

const wordsOf = (url: string): string[] => new URL(url, 'http://x').searchParams.getAll('command');

test('a counting command that wants no more input is told its end at once, on either protocol', async () => {
  for (const protocol of [V5, V4]) {
    const failed = {
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    };
    let received = 0;
    let words: string[] = [];
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(64 * 1024);
      })(),
    );
    const play = ({ socket, url, send }: Side): void => {
      words = wordsOf(url);
      const sign = `airgap:enough ${words[3]}\n`;
      let told = false;
      socket.on('message', (data: Buffer) => {
        received += data.length;
        if (received > 1024 * 1024 && !told) {
          told = true;
          send(2, `gzip: broken\n${sign.slice(0, 20)}`);
          send(2, sign.slice(20));
        }
        const isEnd = protocol === V5 ? data[0] === 255 : data.includes(`\n${words[3]}\n`);
        if (isEnd) send(3, JSON.stringify(failed));
      });
    };
    const result = await exec(play, { stdin: endless, endOfInput: 'counted' }, [protocol]);
    assert.deepEqual([result.exitCode, result.protocol], [3, protocol]);
    assert.match(result.stderr, /^gzip: broken\n/);
    assert.deepEqual(
      [words.slice(0, 2), words.slice(4)],
      [
        ['sh', '-c'],
        ['cat', 'a b', '$HOME'],
      ],
    );
    assert.ok(endless.destroyed);
    await fake?.close();
  }
});

test('a stream that never gives another piece does not hold a command that wants no more', async () => {
  const silent = new PassThrough();
  silent.write('first');
  const play = ({ socket, url, send }: Side): void => {
    const last = wordsOf(url)[3];
    socket.on('message', (data: Buffer) => {
      if (data.includes('first')) send(2, `airgap:enough ${last}\n`);
      if (data.includes(`\n${last}\n`)) send(3, SUCCESS);
    });
  };
  assert.equal((await exec(play, { stdin: silent, endOfInput: 'counted' })).exitCode, 0);
});

test('a command that leaves its input alone is waited for while its container runs', async () => {
  const container = (id: string) => ({
    json: { metadata: { name: 'p' }, status: { containerStatuses: [{ name: 'c', containerID: id }] } },
  });
  const paused = ({ socket, send }: Side): void => {
    const tcp = (socket as unknown as { _socket: { pause(): void; resume(): void } })._socket;
    tcp.pause();
    setTimeout(() => tcp.resume(), 1500);
    socket.on('message', (data: Buffer) => (data[0] === 255 ? send(3, SUCCESS) : undefined));
  };
  const input = (): Readable => Readable.from([Buffer.alloc(24 * 1024 * 1024)]);
  const options = { stallTimeout: 200 };
  const result = await exec(paused, { ...options, stdin: input() }, [V5], () => container('one'));
  assert.equal(result.exitCode, 0);
  await fake?.close();
  await assert.rejects(
    exec(paused, { ...options, stdin: input() }, [V5], (_seen, count) =>
      container(count < 3 ? 'one' : 'two'),
    ),
    broken(/its container is gone/),
  );
});

test('a command that ends before it read all its input ends the feeding', async () => {
  const endless = new PassThrough();
  endless.write('first');
  const result = await exec(({ send }) => send(3, SUCCESS), { stdin: endless });
  assert.equal(result.exitCode, 0);
});

test('an abort ends the connection', async () => {
  const stop = new AbortController();
  let side: Side | undefined;
  const running = exec(
    (opened) => {
      side = opened;
      stop.abort();
    },
    { signal: stop.signal },
  );
  await assert.rejects(running, { name: 'AbortError' });
  if (side && side.socket.readyState !== side.socket.CLOSED) await once(side.socket, 'close');
});
