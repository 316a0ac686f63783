import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError, systemCode } from '../../../errors.js';
import { asWriteError, syncFolder } from '../../../io/atomic.js';
import { decodeBech32, encodeBech32 } from './bech32.js';
import { publicOf } from './primitives.js';

const SECRET_PREFIX = 'age-secret-key-';
const PUBLIC_PREFIX = 'age';

/** A pair of X25519 keys in age's notation. */
export interface Identity {
  /** AGE-SECRET-KEY-1… */
  readonly secret: string;
  /** age1… */
  readonly recipient: string;
}

export function generateIdentity(): Identity {
  const secret = randomBytes(32);
  return {
    secret: encodeBech32(SECRET_PREFIX, secret).toUpperCase(),
    recipient: encodeBech32(PUBLIC_PREFIX, publicOf(secret)),
  };
}

/** 32 bytes; undefined when the text is no X25519 identity. */
export function parseSecret(text: string): Buffer | undefined {
  const bytes = text === text.toUpperCase() ? decodeBech32(SECRET_PREFIX, text) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

/** 32 bytes; undefined when the text is no X25519 recipient. */
export function parseRecipient(text: string): Buffer | undefined {
  const bytes = text === text.toLowerCase() ? decodeBech32(PUBLIC_PREFIX, text) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

/** The recipient of a secret in age's notation. @throws AirgapError BACKUP_KEY */
export function recipientOf(secret: string): string {
  const bytes = parseSecret(secret);
  if (bytes) return encodeBech32(PUBLIC_PREFIX, publicOf(bytes));
  throw new AirgapError('BACKUP_KEY', 'an age identity is not well formed');
}

/**
 * Reads the text of an identity file as age-keygen writes it: one secret a line, comments and empty lines between.
 * @param name the file's name, for messages; its content is never shown
 * @throws AirgapError BACKUP_KEY
 */
export function parseIdentityFile(text: string, name: string): string[] {
  const lines = keyLines(text);
  const wrong = lines.findIndex(({ key }) => !parseSecret(key));
  if (lines.length > 0 && wrong < 0) return lines.map(({ key }) => key);
  throw new AirgapError('BACKUP_KEY', `${name} is not an age identity file`, {
    expected: 'lines AGE-SECRET-KEY-1… as age-keygen writes them',
    found: lines.length === 0 ? 'no key' : `line ${lines[wrong]?.line} is something else`,
  });
}

/** Reads the text of a recipients file: one age1… a line. @throws AirgapError BACKUP_KEY */
export function parseRecipientFile(text: string, name: string): string[] {
  const lines = keyLines(text);
  const wrong = lines.findIndex(({ key }) => !parseRecipient(key));
  if (lines.length > 0 && wrong < 0) return lines.map(({ key }) => key);
  throw new AirgapError('BACKUP_KEY', `${name} is not a file of age recipients`, {
    expected: 'lines age1…',
    found: lines.length === 0 ? 'no recipient' : `line ${lines[wrong]?.line} is something else`,
  });
}

/**
 * Writes an identity file, mode 0600, never over one that is there: it may be the only key to a backup.
 * @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function writeIdentityFile(path: string, identity: Identity, createdAt: string): Promise<void> {
  const text = `# created: ${createdAt}\n# public key: ${identity.recipient}\n${identity.secret}\n`;
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw asWriteError(error, path);
    throw new AirgapError('OUTPUT_UNWRITABLE', `${path} is there already`, {
      hint: 'choose another name; a key is never overwritten',
    });
  }
}

function keyLines(text: string): { readonly line: number; readonly key: string }[] {
  return text
    .split(/\r?\n/)
    .map((row, index) => ({ line: index + 1, key: row.trim() }))
    .filter(({ key }) => key !== '' && !key.startsWith('#'));
}
