import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { putBytes } from './byte-sink.js';
import { isTappable, setTap } from './tapped-socket.js';
import type { ByteSink } from './types.js';

/** Below this many bytes a connection that can be used again is worth more than the copies saved. */
const LEAST = 4 * 1024 * 1024;

/** Whether a body can be read past Node's HTTP parser: one of known length, with nothing to decode. */
export function canReadDirect(body: Readable, wanted: number): body is IncomingMessage {
  if (wanted < LEAST || !(body instanceof IncomingMessage)) return false;
  const { headers, socket, statusCode } = body;
  return (
    (statusCode === 200 || statusCode === 206) &&
    headers['content-length'] === String(wanted) &&
    headers['transfer-encoding'] === undefined &&
    isTappable(socket)
  );
}

/**
 * Reads a body from the socket into the sink's memory. Node's parser copies every byte twice on the way, at half the
 * cost of a download (docs/decisions/0005-http.md). The connection is given up at the end.
 */
export function readDirect(message: IncomingMessage, wanted: number, sink: ByteSink): Promise<void> {
  return new Promise((resolve, reject) => {
    const { socket } = message;
    // TLS still brings what it has decrypted when it is told to pause.
    const late: Buffer[] = [];
    let left = wanted;
    let stopped = false;
    let waiting: Promise<void> | undefined;

    const stop = (error?: unknown): void => {
      if (stopped) return;
      stopped = true;
      setTap(socket, undefined);
      message.destroy();
      const end = (): void => (error === undefined ? resolve() : reject(error));
      if (waiting) waiting.then(end, reject);
      else end();
    };
    const wait = (busy: Promise<void>): void => {
      socket.pause();
      waiting = busy;
      busy.then(() => {
        waiting = undefined;
        const bytes = late.shift();
        if (bytes && !stopped) take(bytes);
        else if (!stopped) goOn();
      }, stop);
    };
    const goOn = (): void => {
      if (left === 0) stop();
      else if (socket.isPaused()) socket.resume();
    };
    const put = (count: number, work: () => Promise<void> | undefined): void => {
      left -= count;
      try {
        const busy = work();
        if (busy) wait(busy);
        else if (late.length > 0) wait(Promise.resolve());
        else goOn();
      } catch (error) {
        stop(error);
      }
    };
    const take = (bytes: Buffer): void => {
      if (waiting) late.push(Buffer.from(bytes));
      else {
        const own = bytes.subarray(0, left);
        put(own.length, () => putBytes(sink, own));
      }
    };
    const space = (): Buffer | undefined => {
      if (waiting || stopped || left === 0) return undefined;
      try {
        return sink.space().subarray(0, left);
      } catch (error) {
        stop(error);
        return undefined;
      }
    };
    message.on('error', stop);
    message.on('close', () => stop());
    setTap(socket, {
      space,
      filled: (count) => put(count, () => sink.filled(count)),
      take,
    });
    const first = message.read() as Buffer | null;
    if (first) take(first);
    else goOn();
  });
}
