import { AirgapError, type Fault } from '../errors.js';
import { printable, redact } from '../redact.js';
import { type Paint, plain } from './style.js';

/** Faults shown before the rest is only counted; JSON output has them all. */
const MOST_FAULTS = 50;

export interface ErrorView {
  readonly paint?: Paint;
  /** Adds the causes and stacks. */
  readonly debug?: boolean;
}

/** The text of an error: code and fault, expected and found, faults, one thing to do. Ends without a newline. */
export function formatError(error: unknown, view: ErrorView = {}): string {
  const paint = view.paint ?? plain;
  const known = asAirgapError(error);
  const lines = [`${paint('bad', `error ${known.code}`)}: ${safe(known.message)}`];
  if (known.expected !== undefined) lines.push(`  expected  ${safe(known.expected)}`);
  if (known.found !== undefined) lines.push(`  found     ${safe(known.found)}`);
  for (const fault of known.faults.slice(0, MOST_FAULTS)) lines.push(...faultLines(fault));
  const more = known.faults.length - MOST_FAULTS;
  if (more > 0) lines.push(`  … and ${more} more (all of them with --log-format json)`);
  lines.push(`${paint('strong', 'hint')}: ${safe(known.hint)}`);
  if (view.debug) lines.push(...causeLines(known));
  return lines.join('\n');
}

/** The same facts as one JSON value. */
export function errorJson(error: unknown): Record<string, unknown> {
  const known = asAirgapError(error);
  return {
    type: 'error',
    code: known.code,
    exit: known.exitStatus,
    message: safe(known.message),
    ...(known.expected === undefined ? {} : { expected: safe(known.expected) }),
    ...(known.found === undefined ? {} : { found: safe(known.found) }),
    hint: safe(known.hint),
    ...(known.faults.length === 0 ? {} : { faults: known.faults.map(safeFault) }),
  };
}

/** Any thrown value as an AirgapError; what is not one is a fault of ours. */
export function asAirgapError(error: unknown): AirgapError {
  if (error instanceof AirgapError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new AirgapError('INTERNAL', text || 'unknown fault', { cause: error });
}

function safeFault({ where, what, expected, found, offset }: Fault): Fault {
  return {
    where: safe(where),
    what: safe(what),
    ...(expected === undefined ? {} : { expected: safe(expected) }),
    ...(found === undefined ? {} : { found: safe(found) }),
    ...(offset === undefined ? {} : { offset }),
  };
}

function faultLines(fault: Fault): string[] {
  const lines = [`  - ${safe(fault.where)}: ${safe(fault.what)}`];
  if (fault.offset !== undefined) lines.push(`      offset    ${fault.offset}`);
  if (fault.expected !== undefined) lines.push(`      expected  ${safe(fault.expected)}`);
  if (fault.found !== undefined) lines.push(`      found     ${safe(fault.found)}`);
  return lines;
}

function causeLines(error: AirgapError): string[] {
  const lines: string[] = [];
  let cause: unknown = error;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    lines.push(safe(`${depth === 0 ? 'at' : 'caused by'} ${cause.stack ?? cause.message}`));
    cause = cause.cause;
  }
  return lines;
}

function safe(text: string): string {
  return printable(redact(text), 8000);
}
