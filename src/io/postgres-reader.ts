import type { Socket } from 'node:net';

export interface PostgresMessage {
  /** One letter. */
  readonly type: string;
  readonly body: Buffer;
}

export interface MessageReader {
  /** @throws Error when the server goes, says something endless, or the signal comes */
  next(): Promise<PostgresMessage>;
}

const MOST_BYTES = 1024 * 1024;

/** Cuts what comes in into messages of the protocol. */
export function createReader(socket: Socket, signal: AbortSignal): MessageReader {
  let buffer = Buffer.alloc(0);
  let ended: Error | undefined;
  let wake: (() => void) | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    wake?.();
  };
  socket.on('data', (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    if (buffer.length > MOST_BYTES) end(new Error('the server says more than it should'));
    wake?.();
  });
  socket.on('error', end);
  socket.on('close', () => end(new Error('the server closed the connection')));
  signal.addEventListener('abort', () => end(new Error('no answer in time')), { once: true });
  return {
    next: async () => {
      for (;;) {
        const message = take();
        if (message) return message;
        if (ended) throw ended;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };

  function take(): PostgresMessage | undefined {
    if (buffer.length < 5) return undefined;
    const size = buffer.readInt32BE(1);
    if (size < 4 || size > MOST_BYTES) throw new Error('that is no PostgreSQL');
    if (buffer.length < size + 1) return undefined;
    const type = String.fromCharCode(buffer[0] ?? 0);
    const body = buffer.subarray(5, size + 1);
    buffer = buffer.subarray(size + 1);
    return { type, body };
  }
}
