import * as v from 'valibot';
import { AirgapError, type ErrorCode } from '../errors.js';
import { printable, redact } from '../redact.js';
import { END_OF_ANSWER } from './dump-script.js';

/** Characters of an answer that an error shows. */
const SHOWN = 120;

/**
 * The one JSON object that a program in a pod printed.
 * @param failure what was asked for, in words that `did not arrive whole` follows
 * @throws AirgapError of that code for an answer that was cut or says something else
 */
export function parseAnswer<const T extends v.ObjectEntries>(
  text: string,
  schema: v.ObjectSchema<T, undefined>,
  { code, what }: { readonly code: ErrorCode; readonly what: string },
): v.InferOutput<v.ObjectSchema<T, undefined>> {
  const result = v.safeParse(schema, jsonOf(text));
  if (result.success) return result.output;
  throw new AirgapError(code, `${what} did not arrive whole`, {
    expected: `a JSON object with ${Object.keys(schema.entries).join(', ')}`,
    found: describeAnswer(text),
  });
}

/** The lines of an answer that came to its end, without the one that says so; undefined for one that was cut off. */
export function wholeLines(text: string): readonly string[] | undefined {
  const lines = text.split('\n');
  return lines.pop() === '' && lines.pop() === END_OF_ANSWER ? lines : undefined;
}

/** Its length and how it begins; values are left out, whole or cut: comments and settings may be secrets. */
function describeAnswer(text: string): string {
  const names = text.trim().replace(/:\s*"(?:[^"\\]|\\.)*(?:"|\\?$)/g, ': "…"');
  const begins = printable(redact(names), SHOWN);
  return `${text.length} characters${begins === '' ? '' : `: ${begins}`}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
