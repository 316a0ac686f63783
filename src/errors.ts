import { CODES, type ErrorCode, type ExitStatus } from './codes.js';

export { CODES, type ErrorCode, EXIT, type ExitStatus } from './codes.js';

/** One fault of several in a document or a file. */
export interface Fault {
  /** Where: file:line:column, a path in a document, an entry of a bundle. */
  readonly where: string;
  readonly what: string;
  readonly expected?: string;
  readonly found?: string;
  /** Byte offset in the file, where there is one. */
  readonly offset?: number;
}

export interface ErrorDetails {
  readonly expected?: string;
  readonly found?: string;
  /** One thing to do next; the code's own `next` when absent. */
  readonly hint?: string;
  readonly faults?: readonly Fault[];
  readonly cause?: unknown;
}

/** The one error class that reaches a user: code, what, expected, found, one next command. */
export class AirgapError extends Error {
  override readonly name = 'AirgapError';
  readonly code: ErrorCode;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly hint: string;
  readonly faults: readonly Fault[];

  /** @param what the object and its fault, one line, no full stop */
  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}) {
    super(what, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.expected = details.expected;
    this.found = details.found;
    this.hint = details.hint ?? CODES[code].next;
    this.faults = details.faults ?? [];
  }

  get exitStatus(): ExitStatus {
    return CODES[this.code].exit;
  }
}

/** True when `error` is an AirgapError, of this code if one is given. */
export function isAirgapError(error: unknown, code?: ErrorCode): error is AirgapError {
  return error instanceof AirgapError && (code === undefined || error.code === code);
}

/** The `code` of a Node system error (ENOENT, ECONNRESET), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
