import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { createWire } from './agents.js';
import { readCapped } from './answer.js';
import type { RegistryOptions } from './client.js';

/** A body that is sent as it comes. `chunks` is ended early when the server answers before all is sent. */
export interface StreamBody {
  /** Bytes. */
  readonly length: number;
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes that the kernel took over since the last call. */
  readonly onFlushed?: (count: number) => void;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | StreamBody;
  /** Sends the body only after the server asked for it (or said nothing for a second). */
  readonly expectContinue?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The status and headers of an answer; the body must be read or destroyed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly body: Readable;
}

export interface Transport {
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/** A connection on which nothing moved for too long. */
export class StallError extends Error {
  readonly code = 'STALLED';
}

const CONTINUE_WAIT = 1000;
/** A registry hashes or moves a large blob before it answers the last byte: it gets this much longer. */
const ANSWER_PATIENCE = 4;

/** One HTTP exchange at a time, no redirects, no credentials: those are decided above. */
export function createTransport(host: string, options: RegistryOptions & { userAgent?: string }): Transport {
  const wire = createWire(host, options);
  const stall = options.stallTimeout ?? 60_000;
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      const outgoing = await wire.open(request.url, {
        method: request.method,
        headers: headersOf(request),
        timeout: stall,
        ...(request.signal ? { signal: request.signal } : {}),
      });
      if (options.minRate) watchRate(outgoing, options.minRate, stall);
      return exchange(outgoing, request, stall);
    },
    close: () => wire.close(),
  };
}

function headersOf(request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'airgap', 'accept-encoding': 'identity' };
  Object.assign(headers, request.headers);
  if (request.body !== undefined) headers['content-length'] = String(request.body.length);
  else if (request.method !== 'GET' && request.method !== 'HEAD') headers['content-length'] = '0';
  if (request.expectContinue) headers.expect = '100-continue';
  return headers;
}

function exchange(outgoing: ClientRequest, request: HttpRequest, stall: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let answered = false;
    let incoming: IncomingMessage | undefined;
    outgoing.on('timeout', () => {
      // A reader that does not want more now is not a stalled server.
      if (incoming && (incoming.isPaused() || incoming.readableEnded || incoming.socket.isPaused()))
        outgoing.setTimeout(stall);
      else outgoing.destroy(new StallError(`nothing moved for ${Math.round(stall / 1000)} s`));
    });
    outgoing.on('error', (error) => (incoming ? incoming.destroy(error) : reject(error)));
    outgoing.on('response', (message) => {
      answered = true;
      incoming = message;
      const answer = { status: message.statusCode ?? 0, headers: message.headers, url: request.url };
      if (sent) {
        outgoing.setTimeout(stall);
        resolve({ ...answer, body: message });
      } else readEarly(message, outgoing).then((body) => resolve({ ...answer, body }), reject);
    });
    const finish = (): void => {
      sent = true;
      if (request.body && !Buffer.isBuffer(request.body)) outgoing.setTimeout(stall * ANSWER_PATIENCE);
      outgoing.end();
    };
    if (request.body === undefined || Buffer.isBuffer(request.body)) {
      if (request.body) outgoing.write(request.body);
      finish();
      return;
    }
    const body = request.body;
    const start = (): void => {
      pump(outgoing, body, () => answered).then(
        () => answered || finish(),
        (error: unknown) => {
          reject(error);
          outgoing.destroy();
        },
      );
    };
    if (request.expectContinue) onceInvited(outgoing, start, () => answered);
    else start();
  });
}

/** Gives up a connection that moves, but less than `rate` bytes a second over a whole window. */
function watchRate(outgoing: ClientRequest, rate: number, window: number): void {
  let incoming: IncomingMessage | undefined;
  let before = 0;
  const timer = setInterval(() => {
    const now = (outgoing.socket?.bytesRead ?? 0) + (outgoing.socket?.bytesWritten ?? 0);
    const isSlow = now - before < (rate * window) / 1000;
    before = now;
    if (
      !isSlow ||
      incoming?.isPaused() ||
      incoming?.socket.isPaused() ||
      (outgoing.writableEnded && !incoming)
    )
      return;
    outgoing.destroy(new StallError(`less than ${rate} bytes a second for ${Math.round(window / 1000)} s`));
  }, window);
  outgoing.on('response', (message) => {
    incoming = message;
  });
  outgoing.on('close', () => clearInterval(timer));
}

/** Writes chunk after chunk, no faster than the kernel takes them. */
async function pump(outgoing: ClientRequest, body: StreamBody, answered: () => boolean): Promise<void> {
  for await (const chunk of body.chunks) {
    if (answered() || outgoing.destroyed) return;
    const size = chunk.length;
    const room = outgoing.write(chunk, () => body.onFlushed?.(size));
    if (!room) await roomOrEnd(outgoing);
  }
}

function roomOrEnd(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done).off('response', done);
      resolve();
    };
    outgoing.on('drain', done).on('close', done).on('response', done);
    if (outgoing.destroyed) done();
  });
}

function onceInvited(outgoing: ClientRequest, start: () => void, answered: () => boolean): void {
  let begun = false;
  const begin = (): void => {
    clearTimeout(timer);
    if (!begun && !answered() && !outgoing.destroyed) start();
    begun = true;
  };
  const timer = setTimeout(begin, CONTINUE_WAIT);
  outgoing.on('continue', begin);
  outgoing.on('close', () => clearTimeout(timer));
  outgoing.flushHeaders();
}

/** An answer that came before all was sent is a refusal: it is read at once and the connection given up. */
async function readEarly(message: IncomingMessage, outgoing: ClientRequest): Promise<Readable> {
  const bytes = await readCapped(message).catch(() => Buffer.alloc(0));
  outgoing.destroy();
  return Readable.from([bytes], { objectMode: false });
}
