import type { Readable } from 'node:stream';
import { AirgapError, type ErrorCode, type ErrorDetails, isAirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';
import { parseRetryAfter } from './headers.js';
import type { HttpAnswer } from './transport.js';

/** Bytes of an error body that are read. */
export const ERROR_BODY_LIMIT = 64 * 1024;

/** One entry of the error body of the distribution spec. */
export interface RegistryFault {
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
}

/** What a registry answered instead of what was asked; the cause of the AirgapErrors made here. */
export class RegistryAnswer extends Error {
  override readonly name = 'RegistryAnswer';
  readonly status: number;
  readonly faults: readonly RegistryFault[];
  /** The start of the body, as it came. */
  readonly text: string;
  /** Milliseconds that the registry asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, text: string, retryAfter: number | undefined) {
    super(`HTTP ${status}`);
    this.status = status;
    this.text = text;
    this.faults = parseFaults(text);
    this.retryAfter = retryAfter;
  }

  has(code: string): boolean {
    return this.faults.some((fault) => fault.code === code);
  }
}

/** The answer behind an error, or undefined when there was none. */
export function answerOf(error: unknown): RegistryAnswer | undefined {
  if (error instanceof RegistryAnswer) return error;
  return isAirgapError(error) && error.cause instanceof RegistryAnswer ? error.cause : undefined;
}

/** Reads an unexpected answer to its end (at most ERROR_BODY_LIMIT) and makes the error of it. */
export async function failureOf(answer: HttpAnswer, what: string, now: number): Promise<AirgapError> {
  const bytes = await readCapped(answer.body).catch(() => Buffer.alloc(0));
  const wait = parseRetryAfter(answer.headers['retry-after'], now);
  return refusal(new RegistryAnswer(answer.status, bytes.toString('utf8'), wait), what);
}

/** The error that the user meets for an answer. */
export function refusal(answer: RegistryAnswer, what: string): AirgapError {
  const { code, details } = classify(answer);
  return new AirgapError(code, what, { found: describe(answer), ...details, cause: answer });
}

/** The server's own words, marked as such and made safe to show: `403 DENIED: "requested access…"`. */
export function describe(answer: RegistryAnswer): string {
  const words = answer.faults.map(({ code, message }) => `${safe(code, 60)}: "${safe(message, 300)}"`);
  if (words.length > 0) return `${answer.status} ${words.slice(0, 5).join('; ')}`;
  const text = safe(answer.text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' '), 200).trim();
  return text === '' ? `HTTP ${answer.status}` : `${answer.status} "${text}"`;
}

/** Reads at most `limit` bytes; the rest is not waited for. */
export async function readCapped(body: Readable, limit = ERROR_BODY_LIMIT): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= limit) break;
  }
  body.destroy();
  return Buffer.concat(chunks).subarray(0, limit);
}

function classify(answer: RegistryAnswer): { code: ErrorCode; details: ErrorDetails } {
  const { status } = answer;
  if (isStorageFault(answer)) return { code: 'REGISTRY_STORAGE', details: {} };
  if (status === 401) return { code: 'REGISTRY_AUTH', details: {} };
  if (status === 403 || answer.has('DENIED')) return { code: 'REGISTRY_DENIED', details: {} };
  if (status === 404) return { code: 'REGISTRY_NOT_FOUND', details: {} };
  if (status === 413) return { code: 'REGISTRY_TOO_LARGE', details: {} };
  if (status === 429) return { code: 'REGISTRY_RATE_LIMIT', details: {} };
  if (/HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port/i.test(answer.text)) {
    return { code: 'REGISTRY_TLS', details: { hint: 'the registry speaks TLS: leave --plain-http out' } };
  }
  if (status < 400) return { code: 'REGISTRY_PROTOCOL', details: {} };
  return { code: 'REGISTRY_FAILED', details: {} };
}

/** 507, or words (also the errno in docker-registry's detail) that speak of a full disk. */
export function isStorageFault(answer: RegistryAnswer): boolean {
  if (answer.status === 507) return true;
  const full =
    /no space left|disk quota exceeded|insufficient storage|"Err":\s*(?:28|122)\b|XMinioStorageFull/i;
  return answer.status >= 500 && full.test(answer.text);
}

function parseFaults(text: string): RegistryFault[] {
  try {
    const errors = (JSON.parse(text) as { errors?: unknown } | null)?.errors;
    if (!Array.isArray(errors)) return [];
    return errors
      .filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
      .map((item) => ({
        code: typeof item.code === 'string' ? item.code : 'UNKNOWN',
        message: typeof item.message === 'string' ? item.message : '',
        detail: item.detail,
      }));
  } catch {
    return [];
  }
}

function safe(text: string, limit: number): string {
  return printable(redact(text), limit).replace(/\s+/g, ' ');
}
