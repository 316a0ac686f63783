import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './primitives.js';

/** The first line of every age v1 file. */
export const AGE_MAGIC = 'age-encryption.org/v1\n';

/** Bytes of the longest header that is read. */
export const HEADER_LIMIT = 128 * 1024;

const COLUMNS = 64;

/** One way to the file key. */
export interface Stanza {
  readonly type: string;
  readonly args: readonly string[];
  readonly body: Buffer;
}

export interface AgeHeader {
  readonly stanzas: readonly Stanza[];
  /** The bytes under the MAC: from the start up to and including `---`. */
  readonly signed: Buffer;
  readonly mac: Buffer;
  /** Bytes of the whole header; the payload begins there. */
  readonly length: number;
}

/** Writes a header whose MAC is made with the file key. */
export function formatHeader(stanzas: readonly Stanza[], fileKey: Buffer): Buffer {
  const lines = stanzas.map(({ type, args, body }) => {
    const text = encodeBase64(body);
    const rows = Array.from({ length: Math.floor(text.length / COLUMNS) + 1 }, (_, i) =>
      text.slice(i * COLUMNS, (i + 1) * COLUMNS),
    );
    return `-> ${[type, ...args].join(' ')}\n${rows.join('\n')}\n`;
  });
  const signed = Buffer.from(`${AGE_MAGIC}${lines.join('')}---`, 'latin1');
  return Buffer.concat([signed, Buffer.from(` ${encodeBase64(macOf(signed, fileKey))}\n`, 'latin1')]);
}

/**
 * Reads the header at the start of `bytes` by the strict grammar of age v1. Gives a text that says what is wrong when
 * it does not follow it.
 */
export function parseHeader(bytes: Buffer): AgeHeader | string {
  const text = bytes.toString('latin1', 0, HEADER_LIMIT);
  if (!text.startsWith(AGE_MAGIC)) return 'does not begin as an age v1 file';
  const stanzas: Stanza[] = [];
  let at = AGE_MAGIC.length;
  const nextLine = (): string | undefined => {
    const end = text.indexOf('\n', at);
    if (end < 0) return undefined;
    const line = text.slice(at, end);
    at = end + 1;
    return line;
  };
  for (;;) {
    const start = at;
    const line = nextLine();
    if (line === undefined) return 'has a header without an end';
    if (line.startsWith('---')) {
      const mac = /^--- ([A-Za-z0-9+/]{43})$/.exec(line)?.[1];
      const bytesOfMac = mac === undefined ? undefined : decodeBase64(mac);
      if (bytesOfMac?.length !== 32) return 'has a header MAC that is none';
      if (stanzas.length === 0) return 'has a header without recipients';
      return {
        stanzas,
        signed: Buffer.from(text.slice(0, start + 3), 'latin1'),
        mac: bytesOfMac,
        length: at,
      };
    }
    const stanza = parseStanza(line, nextLine);
    if (typeof stanza === 'string') return stanza;
    stanzas.push(stanza);
  }
}

/** True when the header was made by somebody who knew this file key. */
export function hasRightMac(header: AgeHeader, fileKey: Buffer): boolean {
  return timingSafeEqual(macOf(header.signed, fileKey), header.mac);
}

/** Base64 without padding. */
export function encodeBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Undefined for padding, foreign characters and bits that are left over: there is one form of each value. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return encodeBase64(bytes) === text ? bytes : undefined;
}

function parseStanza(first: string, nextLine: () => string | undefined): Stanza | string {
  const words = first.split(' ');
  const [arrow, type, ...args] = words;
  if (arrow !== '->' || type === undefined || !words.every((word) => /^[\x21-\x7e]+$/.test(word))) {
    return 'has a header line that is no recipient';
  }
  let text = '';
  for (;;) {
    const line = nextLine();
    if (line === undefined) return 'has a header without an end';
    if (line.length > COLUMNS) return 'has a header line that is too long';
    text += line;
    if (line.length < COLUMNS) break;
  }
  const body = decodeBase64(text);
  return body ? { type, args, body } : 'has a recipient that is not canonical base64';
}

function macOf(signed: Buffer, fileKey: Buffer): Buffer {
  return createHmac('sha256', deriveKey(fileKey, Buffer.alloc(0), 'header'))
    .update(signed)
    .digest();
}
