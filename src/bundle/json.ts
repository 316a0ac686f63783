import type { Fault } from '../errors.js';

/** Limits on a JSON document, checked by a scan before anything is built from it. */
export interface JsonLimits {
  /** Bytes of UTF-8. */
  readonly size: number;
  readonly depth: number;
  /** Objects, arrays, strings, numbers, literals and keys together. */
  readonly values: number;
}

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: Fault };

interface ScanState {
  readonly text: string;
  at: number;
  values: number;
  /** One per open object (its keys) or array (undefined). */
  readonly open: (Set<string> | undefined)[];
}

const NUMBER = /-?[0-9][0-9.eE+-]*/y;
const INTEGER = /^(?:0|-?[1-9][0-9]{0,15})$/;

/**
 * Reads JSON that must mean the same to every reader: UTF-8 without BOM, no duplicate key, no `__proto__`, no lone
 * surrogate, integers within 2^53 only, bounded depth and count. JSON.parse alone keeps the last of two equal keys.
 */
export function parseStrictJson(bytes: Buffer, where: string, limits: JsonLimits): JsonResult {
  if (bytes.length > limits.size) {
    return fault(where, 'is too large', `at most ${limits.size} bytes`, `${bytes.length} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fault(where, 'is not UTF-8');
  }
  const complaint = scan({ text, at: 0, values: 0, open: [] }, limits);
  if (complaint !== undefined) return fault(`${where}:${complaint.at}`, complaint.what);
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return fault(where, `is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

interface Complaint {
  /** Line and column, from 1. */
  readonly at: string;
  readonly what: string;
}

/** Walks the tokens; the grammar itself is left to JSON.parse, which comes afterwards. */
function scan(state: ScanState, limits: JsonLimits): Complaint | undefined {
  const { text } = state;
  while (state.at < text.length) {
    const start = state.at;
    const what = step(state, limits);
    if (what !== undefined) return { at: lineColumn(text, start), what };
    if (state.values > limits.values) {
      return { at: lineColumn(text, start), what: `has more than ${limits.values} values` };
    }
  }
  return undefined;
}

/** Passes one token and says what is wrong with it. */
function step(state: ScanState, limits: JsonLimits): string | undefined {
  const char = state.text[state.at] as string;
  if (char === '"') return passString(state);
  if (char === '{' || char === '[') {
    state.at++;
    state.values++;
    state.open.push(char === '{' ? new Set() : undefined);
    return state.open.length > limits.depth ? `is nested deeper than ${limits.depth}` : undefined;
  }
  if (char === '}' || char === ']') {
    state.at++;
    state.open.pop();
    return undefined;
  }
  if (char === '-' || (char >= '0' && char <= '9')) return passNumber(state);
  state.at++;
  return undefined;
}

function passString(state: ScanState): string | undefined {
  const { text } = state;
  let end = state.at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  const raw = text.slice(state.at, end + 1);
  state.at = end + 1;
  state.values++;
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return 'is not a JSON string';
  }
  if (typeof value !== 'string') return 'is not a JSON string';
  if (!isWellFormed(value)) return 'holds half of a surrogate pair';
  return followedByColon(state) ? checkKey(state, value) : undefined;
}

function followedByColon(state: ScanState): boolean {
  let at = state.at;
  while (' \t\r\n'.includes(state.text[at] ?? 'x')) at++;
  return state.text[at] === ':';
}

function checkKey(state: ScanState, key: string): string | undefined {
  const keys = state.open.at(-1);
  if (keys === undefined) return undefined;
  if (key === '__proto__') return 'has the key __proto__';
  if (keys.has(key)) return `has the key ${JSON.stringify(key)} twice`;
  keys.add(key);
  return undefined;
}

function passNumber(state: ScanState): string | undefined {
  NUMBER.lastIndex = state.at;
  const literal = NUMBER.exec(state.text)?.[0] ?? '-';
  state.at += literal.length;
  state.values++;
  if (INTEGER.test(literal) && Number.isSafeInteger(Number(literal))) return undefined;
  return `has the number ${literal.slice(0, 40)}, which is no integer within 2^53`;
}

function isWellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''));
}

function lineColumn(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return `${line}:${at - before.lastIndexOf('\n')}`;
}

function fault(where: string, what: string, expected?: string, found?: string): JsonResult {
  return {
    ok: false,
    fault: {
      where,
      what,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
    },
  };
}
