import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type WebSocket from 'ws';
import { AirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';
import { createSinks } from './exec-sinks.js';
import { answerFault, networkFault, statusOf } from './fault.js';
import type { Transport } from './transport.js';
import type { ExecOptions, ExecResult, ExecTarget, KubeRequest } from './types.js';

/** Channels of v4.channel.k8s.io and v5.channel.k8s.io: the first byte of each message. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** What kubectl sends at a time; some servers refuse much more. */
const STDIN_CHUNK = 32 * 1024;
const PING_MS = 15_000;

/**
 * Runs a command in a container over a websocket, without a TTY, byte for byte, with back-pressure in both
 * directions. A non-zero exit is a result; a stream that ends without the command's status is an error.
 * @throws AirgapError EXEC_BROKEN, CLUSTER_DENIED, CLUSTER_REFUSED, CLUSTER_UNREACHABLE
 */
export async function execCommand(
  transport: Transport,
  server: string,
  target: ExecTarget,
  options: ExecOptions = {},
): Promise<ExecResult> {
  const path = execPath(target, options);
  const socket = await openSocket(transport, server, path, options).catch((error: unknown) => {
    if (statusOf(error)?.code !== 401) throw error;
    transport.forget();
    return openSocket(transport, server, path, options);
  });
  return converse(socket, target, options);
}

async function openSocket(
  transport: Transport,
  server: string,
  path: string,
  options: ExecOptions,
): Promise<WebSocket> {
  const { WebSocket } = await import('ws');
  options.signal?.throwIfAborted();
  const access = await transport.access();
  const socket = new WebSocket(server.replace(/^http/, 'ws') + path, PROTOCOLS, {
    headers: access.headers,
    perMessageDeflate: false,
    handshakeTimeout: 30_000,
    ...access.tls,
    ...(access.auth === undefined ? {} : { auth: access.auth }),
    ...(access.proxyAgent === undefined ? {} : { agent: access.proxyAgent }),
  });
  // Paused from the first message on, so that nothing is lost before somebody listens.
  return new Promise((resolve, reject) => {
    const abort = (): void => socket.terminate();
    options.signal?.addEventListener('abort', abort, { once: true });
    const settle = (act: () => void): void => {
      options.signal?.removeEventListener('abort', abort);
      act();
    };
    socket.on('error', (error) =>
      settle(() => reject(options.signal?.aborted ? options.signal.reason : networkFault(server, error))),
    );
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      readRefusal(path, response).then(
        (error) => settle(() => reject(error)),
        (error: unknown) => settle(() => reject(networkFault(server, error))),
      );
    });
    socket.once('open', () =>
      settle(() => {
        socket.pause();
        resolve(socket);
      }),
    );
  });
}

async function readRefusal(path: string, response: IncomingMessage): Promise<AirgapError> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const request: KubeRequest = { method: 'GET', path };
  return answerFault(request, {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks),
  });
}

function converse(socket: WebSocket, target: ExecTarget, options: ExecOptions): Promise<ExecResult> {
  const what = `${target.command[0] ?? 'command'} in ${target.namespace}/${target.pod}`;
  return new Promise((resolve, reject) => {
    const sinks = createSinks(socket, options);
    let status: string | undefined;
    let alive = performance.now();
    let over = false;
    const stop = new AbortController();

    const finish = (act: () => void): void => {
      if (over) return;
      over = true;
      clearInterval(pulse);
      stop.abort();
      options.signal?.removeEventListener('abort', abort);
      act();
    };
    const fail = (error: unknown): void =>
      finish(() => {
        socket.terminate();
        sinks.destroy(error);
        options.stdin?.destroy();
        reject(error);
      });
    const broken = (found: string, cause?: unknown): AirgapError => {
      const said = sinks.kept().stderr.trim().slice(-500);
      return new AirgapError('EXEC_BROKEN', `the stream to ${what} broke`, {
        expected: 'the exit status of the command',
        found: said === '' ? found : `${found}; the command had said: ${said}`,
        ...(cause === undefined ? {} : { cause }),
      });
    };
    const abort = (): void => fail(options.signal?.reason);
    const pulse = setInterval(
      () => {
        const silent = performance.now() - alive;
        // While we hold the server back ourselves its silence means nothing.
        if (!socket.isPaused && silent > (options.stallTimeout ?? 60_000)) {
          fail(broken(`no sign of life for ${Math.round(silent / 1000)} s`));
        } else if (socket.readyState === socket.OPEN) socket.ping();
      },
      Math.min(PING_MS, options.stallTimeout ?? PING_MS),
    );

    options.signal?.addEventListener('abort', abort, { once: true });
    socket.on('pong', () => {
      alive = performance.now();
    });
    socket.on('message', (data: Buffer) => {
      alive = performance.now();
      const channel = data[0];
      const bytes = data.subarray(1);
      if (channel === CHANNEL.status) status = (status ?? '') + bytes.toString('utf8');
      else if (channel === CHANNEL.stdout) sinks.stdout(bytes).catch(fail);
      else if (channel === CHANNEL.stderr) sinks.stderr(bytes).catch(fail);
      if (channel === CHANNEL.status && status) socket.close();
    });
    socket.on('error', (error) => fail(broken(printable(error.message, 300), error)));
    socket.on('close', (code, reason) => {
      if (over) return;
      const result = status === undefined ? undefined : parseExit(status);
      if (result === undefined) {
        fail(broken(`closed with ${code} ${printable(reason.toString('utf8'), 200)}`.trim()));
        return;
      }
      if (result.exitCode === undefined) {
        fail(broken(result.message));
        return;
      }
      const { exitCode } = result;
      stop.abort();
      sinks
        .end()
        .then(() => finish(() => resolve({ exitCode, ...sinks.kept(), protocol: socket.protocol })), fail);
    });
    sinks.onError(fail);
    if (options.stdin) feed(socket, options.stdin, options, stop.signal).catch(fail);
    socket.resume();
  });
}

/** Sends standard input; its end as the protocol allows. */
async function feed(
  socket: WebSocket,
  stdin: Readable,
  options: ExecOptions,
  stop: AbortSignal,
): Promise<void> {
  const canClose = socket.protocol === 'v5.channel.k8s.io';
  if (!canClose && options.endOfInput !== 'counted') {
    throw new AirgapError('EXEC_BROKEN', 'this API server cannot end the input of a command', {
      expected: 'v5.channel.k8s.io (Kubernetes 1.30 or newer)',
      found: socket.protocol,
    });
  }
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk as Buffer);
    for (let at = 0; at < bytes.length; at += STDIN_CHUNK) {
      if (stop.aborted) return;
      await sendFrame(
        socket,
        Buffer.concat([Buffer.of(CHANNEL.stdin), bytes.subarray(at, at + STDIN_CHUNK)]),
      );
    }
  }
  if (canClose && !stop.aborted) await sendFrame(socket, Buffer.of(CHANNEL.close, CHANNEL.stdin));
}

function sendFrame(socket: WebSocket, frame: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) {
      // The command ended before it read all; its status says whether that was right.
      resolve();
      return;
    }
    socket.send(frame, { binary: true }, (error) => (error ? reject(error) : resolve()));
  });
}

/** The exit status in the last message; no exit code means that the command did not run to its end. */
function parseExit(text: string): { readonly exitCode: number | undefined; readonly message: string } {
  const parsed = safeJson(text) as
    | {
        status?: string;
        message?: string;
        reason?: string;
        details?: { causes?: { reason?: string; message?: string }[] };
      }
    | undefined;
  if (parsed?.status === 'Success') return { exitCode: 0, message: '' };
  const message = printable(redact(parsed?.message ?? text), 500);
  const code = parsed?.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  const exitCode = parsed?.reason === 'NonZeroExitCode' ? Number.parseInt(code ?? '', 10) : Number.NaN;
  return { exitCode: Number.isNaN(exitCode) ? undefined : exitCode, message };
}

function execPath(target: ExecTarget, options: ExecOptions): string {
  const query = new URLSearchParams({ container: target.container, stdout: 'true', stderr: 'true' });
  if (options.stdin) query.set('stdin', 'true');
  for (const word of target.command) query.append('command', word);
  const pod = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}`;
  return `${pod}/exec?${query.toString()}`;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
