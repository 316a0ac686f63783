import { randomBytes } from 'node:crypto';
import { AirgapError } from '../../../errors.js';
import { decodeBase64, encodeBase64, type Stanza } from './header.js';
import { parseRecipient } from './keys.js';
import { deriveKey, publicOf, seal, sharedSecret, stretch, unseal } from './primitives.js';

/** 64 MiB of memory: the whole of airgap stays below 200 MiB. */
export const WORK_FACTOR = 16;
/** 256 MiB of memory: what age itself writes. A file that asks for more is refused before any is taken. */
export const WORK_FACTOR_LIMIT = 18;

const FILE_KEY = 16;
const X25519 = 'X25519';
const SCRYPT = 'scrypt';
const X25519_INFO = 'age-encryption.org/v1/X25519';
const SCRYPT_LABEL = Buffer.from('age-encryption.org/v1/scrypt');
/** Each wrapping key is used once. */
const ZERO_NONCE = Buffer.alloc(12);

/** What a recipient's owner has, or what the recipients of a file are. */
export type Opening =
  | { readonly kind: 'opened'; readonly fileKey: Buffer }
  | { readonly kind: 'not-for-this-key' }
  | { readonly kind: 'malformed'; readonly what: string };

export const newFileKey = (): Buffer => randomBytes(FILE_KEY);

/** @throws AirgapError BACKUP_KEY when the text is no recipient */
export function wrapForRecipient(fileKey: Buffer, recipient: string): Stanza {
  const theirs = parseRecipient(recipient);
  const ephemeral = randomBytes(32);
  const shared = theirs && sharedSecret(ephemeral, theirs);
  if (!shared || !theirs) {
    throw new AirgapError('BACKUP_KEY', 'a recipient is not well formed', { expected: 'age1…' });
  }
  const share = publicOf(ephemeral);
  const key = deriveKey(shared, Buffer.concat([share, theirs]), X25519_INFO);
  return {
    type: X25519,
    args: [encodeBase64(share)],
    body: Buffer.concat(seal(key, ZERO_NONCE, fileKey)),
  };
}

export async function wrapWithPassphrase(
  fileKey: Buffer,
  passphrase: string,
  workFactor = WORK_FACTOR,
): Promise<Stanza> {
  const salt = randomBytes(16);
  const key = await stretch(passphrase, Buffer.concat([SCRYPT_LABEL, salt]), workFactor);
  return {
    type: SCRYPT,
    args: [encodeBase64(salt), String(workFactor)],
    body: Buffer.concat(seal(key, ZERO_NONCE, fileKey)),
  };
}

/** Tries one secret (32 bytes) on every recipient. */
export function unwrapWithSecret(stanzas: readonly Stanza[], secret: Buffer): Opening {
  const mine = publicOf(secret);
  for (const { type, args, body } of stanzas) {
    if (type !== X25519) continue;
    const share = args.length === 1 ? decodeBase64(args[0] as string) : undefined;
    if (share?.length !== 32) return malformed('a recipient has a share that is none');
    if (body.length !== FILE_KEY + 16) return malformed('a recipient has a wrapped key of a wrong length');
    const shared = sharedSecret(secret, share);
    if (!shared) return malformed('a recipient has a share of small order');
    const fileKey = unseal(deriveKey(shared, Buffer.concat([share, mine]), X25519_INFO), ZERO_NONCE, body);
    if (fileKey) return { kind: 'opened', fileKey };
  }
  return { kind: 'not-for-this-key' };
}

/** Tries a passphrase; takes at most the memory of WORK_FACTOR_LIMIT. */
export async function unwrapWithPassphrase(stanzas: readonly Stanza[], passphrase: string): Promise<Opening> {
  const stanza = stanzas.find(({ type }) => type === SCRYPT);
  if (!stanza) return { kind: 'not-for-this-key' };
  const [saltText, factor] = stanza.args;
  const salt = stanza.args.length === 2 ? decodeBase64(saltText as string) : undefined;
  if (salt?.length !== 16 || !/^[1-9][0-9]?$/.test(factor as string)) {
    return malformed('the passphrase recipient has arguments that are none');
  }
  if (stanza.body.length !== FILE_KEY + 16) return malformed('the wrapped key has a wrong length');
  if (Number(factor) > WORK_FACTOR_LIMIT) {
    return malformed(
      `the passphrase asks for a work factor of 2^${factor}, more than 2^${WORK_FACTOR_LIMIT}`,
    );
  }
  const key = await stretch(passphrase, Buffer.concat([SCRYPT_LABEL, salt]), Number(factor));
  const fileKey = unseal(key, ZERO_NONCE, stanza.body);
  return fileKey ? { kind: 'opened', fileKey } : { kind: 'not-for-this-key' };
}

/** A passphrase says who made the file only when nobody else can open it: it must be the sole recipient. */
export function recipientsFault(stanzas: readonly Stanza[]): string | undefined {
  return stanzas.length > 1 && stanzas.some(({ type }) => type === SCRYPT)
    ? 'has a passphrase and other recipients'
    : undefined;
}

export function needsPassphrase(stanzas: readonly Stanza[]): boolean {
  return stanzas.some(({ type }) => type === SCRYPT);
}

function malformed(what: string): Opening {
  return { kind: 'malformed', what };
}
