import type { IncomingMessage } from 'node:http';
import type WebSocket from 'ws';
import { AirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';
import { feed, type LeavingCommand, leavingInput } from './exec-input.js';
import { watchPulse } from './exec-pulse.js';
import { createSinks } from './exec-sinks.js';
import { answerFault, networkFault, statusOf } from './fault.js';
import type { Transport } from './transport.js';
import type { ExecOptions, ExecResult, ExecTarget, KubeRequest } from './types.js';

/** Channels of v4.channel.k8s.io and v5.channel.k8s.io: the first byte of each message. */
const CHANNEL = { stdout: 1, stderr: 2, status: 3 } as const;
const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';

/** Tells containers apart: another id, or none, when the one that was asked is gone. */
export type ContainerId = (target: ExecTarget, signal?: AbortSignal) => Promise<string | undefined>;

/**
 * Runs a command in a container over a websocket, without a TTY, byte for byte, with back-pressure in both
 * directions. A non-zero exit is a result; a stream that ends without the command's status is an error.
 * @throws AirgapError EXEC_BROKEN, CLUSTER_DENIED, CLUSTER_REFUSED, CLUSTER_UNREACHABLE
 */
export async function execCommand(
  { transport, server, containerId }: ExecSide,
  target: ExecTarget,
  options: ExecOptions = {},
): Promise<ExecResult> {
  const counted = options.stdin !== undefined && options.endOfInput === 'counted';
  const leaving = counted ? leavingInput(target.command) : undefined;
  const path = execPath({ ...target, command: leaving?.command ?? target.command }, options);
  const needs = options.stdin !== undefined && !counted ? 'close' : 'any';
  const socket = await openHonest({ transport, server, path, options }, needs);
  const here = (): Promise<string | undefined> => containerId(target, options.signal);
  const before = socket.protocol === V5 ? here().catch(() => undefined) : undefined;
  const more = { containerId: here, ...(leaving ? { leaving } : {}) };
  const result = await converse(socket, target, { ...options, ...more });
  if (before && result.exitCode === 0) await demandSameContainer(target, await before, here);
  return result;
}

interface Opening {
  readonly transport: Transport;
  readonly server: string;
  readonly path: string;
  readonly options: ExecOptions;
}

/**
 * Asks for v4 where the input need not be closed: that goes to the node as it is. For v5 the API server translates, and
 * it calls a command successful when all that it heard of is the end of its connection to the node (client-go,
 * watchErrorStream).
 */
function openHonest(opening: Opening, needs: 'close' | 'any'): Promise<WebSocket> {
  if (needs === 'close') return openTwice(opening, [V5, V4]);
  return openTwice(opening, [V4]).catch((error: unknown) => {
    if (statusOf(error)?.code !== 400 && !isProtocolFault(error)) throw error;
    return openTwice(opening, [V5, V4]);
  });
}

function isProtocolFault(error: unknown): boolean {
  const cause = error instanceof AirgapError ? error.cause : undefined;
  return cause instanceof Error && /subprotocol/i.test(cause.message);
}

/** The second time with fresh credentials. */
function openTwice(opening: Opening, protocols: readonly string[]): Promise<WebSocket> {
  return openSocket(opening, protocols).catch((error: unknown) => {
    if (statusOf(error)?.code !== 401) throw error;
    opening.transport.forget();
    return openSocket(opening, protocols);
  });
}

/** @throws AirgapError EXEC_BROKEN when a command of a translated stream ended with its container */
async function demandSameContainer(
  target: ExecTarget,
  before: string | undefined,
  here: () => Promise<string | undefined>,
): Promise<void> {
  const after = before === undefined ? undefined : await here().catch(() => before);
  if (after === before) return;
  throw new AirgapError(
    'EXEC_BROKEN',
    `the stream to ${target.command[0] ?? 'command'} in ${target.namespace}/${target.pod} broke`,
    { expected: 'the exit status of the command', found: 'success, while its container is gone' },
  );
}

/** What a command is run through. */
export interface ExecSide {
  readonly transport: Transport;
  readonly server: string;
  readonly containerId: ContainerId;
}

interface Conversation extends ExecOptions {
  readonly leaving?: LeavingCommand;
  readonly containerId: () => Promise<string | undefined>;
}

async function openSocket(
  { transport, server, path, options }: Opening,
  protocols: readonly string[],
): Promise<WebSocket> {
  const { WebSocket } = await import('ws');
  options.signal?.throwIfAborted();
  const access = await transport.access();
  const socket = new WebSocket(server.replace(/^http/, 'ws') + path, [...protocols], {
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
      // The server would keep the connection open, and that would keep our process alive for a minute and a half.
      const connection = response.socket;
      readRefusal(path, response)
        .then(
          (error) => settle(() => reject(error)),
          (error: unknown) => settle(() => reject(networkFault(server, error))),
        )
        .finally(() => connection.destroy());
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

function converse(socket: WebSocket, target: ExecTarget, options: Conversation): Promise<ExecResult> {
  const what = `${target.command[0] ?? 'command'} in ${target.namespace}/${target.pod}`;
  return new Promise((resolve, reject) => {
    const sinks = createSinks(socket, options);
    let status: string | undefined;
    let over = false;
    const stop = new AbortController();
    const enough = new AbortController();

    const finish = (act: () => void): void => {
      if (over) return;
      over = true;
      pulse.stop();
      stop.abort();
      enough.abort();
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
      // What goes to a stream of the caller is his to show: it may hold secrets.
      const said = options.stderr ? '' : sinks.kept().stderr.trim().slice(-500);
      return new AirgapError('EXEC_BROKEN', `the stream to ${what} broke`, {
        expected: 'the exit status of the command',
        found: said === '' ? found : `${found}; the command had said: ${said}`,
        ...(cause === undefined ? {} : { cause }),
      });
    };
    const abort = (): void => fail(options.signal?.reason);
    const pulse = watchPulse(socket, {
      stall: options.stallTimeout,
      containerId: options.containerId,
      onDead: (found) => fail(broken(found)),
    });

    options.signal?.addEventListener('abort', abort, { once: true });
    socket.on('message', (data: Buffer) => {
      pulse.beat();
      const channel = data[0];
      const bytes = data.subarray(1);
      if (channel === CHANNEL.status) status = (status ?? '') + bytes.toString('utf8');
      else if (channel === CHANNEL.stdout) sinks.stdout(bytes).catch(fail);
      else if (channel === CHANNEL.stderr) {
        if (options.leaving?.hasEnough(bytes)) enough.abort();
        sinks.stderr(bytes).catch(fail);
      }
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
      enough.abort();
      sinks
        .end()
        .then(() => finish(() => resolve({ exitCode, ...sinks.kept(), protocol: socket.protocol })), fail);
    });
    sinks.onError(fail);
    const last = options.leaving?.last;
    const feeding = { last, enough: enough.signal, over: stop.signal, onSent: pulse.sent };
    if (options.stdin) feed(socket, options.stdin, feeding).catch(fail);
    socket.resume();
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
