import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ContentStore, WritableStore } from './types.js';

/** One request with what answers it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly store: ContentStore;
  /** Absent when the registry is read-only. */
  readonly writable?: WritableStore;
}

/** Answers one method of one endpoint. @throws Refusal */
export type Handler = (exchange: Exchange, name: string, last: string) => Promise<void>;

type Headers = Readonly<Record<string, string | number>>;

export function sendEmpty(response: ServerResponse, status: number, headers: Headers = {}): void {
  response.writeHead(
    status,
    status === 204 || status === 304 ? headers : { 'Content-Length': 0, ...headers },
  );
  response.end();
}

export function sendBytes(response: ServerResponse, bytes: Buffer, headers: Headers): void {
  response.writeHead(200, { 'Content-Length': bytes.length, ...headers });
  response.end(bytes);
}

export function sendJson(response: ServerResponse, value: unknown, headers: Headers = {}): void {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  sendBytes(response, bytes, { 'Content-Type': 'application/json', ...headers });
}
