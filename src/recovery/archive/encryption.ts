import { randomBytes } from 'node:crypto';
import { AirgapError } from '../../errors.js';
import { formatHeader, parseHeader } from './age/header.js';
import { NONCE, payloadKey } from './age/stream.js';
import { unlockHeader } from './age/unlock.js';
import { newFileKey, wrapForRecipient, wrapWithPassphrase } from './age/wrap.js';
import type { SealOptions } from './sink.js';

/** How a backup is to be written. */
export type Encryption =
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'recipients';
      /** age1…; each of their owners can open the backup. */
      readonly recipients: readonly string[];
      /** AGE-SECRET-KEY-1… of one of them, when it is at hand: proves that the backup will open. */
      readonly identity?: string;
    }
  | {
      readonly kind: 'passphrase';
      readonly passphrase: string;
      /** log2 of scrypt's N; 16 (64 MiB) when absent. */
      readonly workFactor?: number;
    };

export interface SealedFile extends SealOptions {
  readonly fileKey: Buffer;
}

/**
 * Makes the age header of a new file and opens it again at once, so that a wrong key shows before anything is written
 * (threats 139).
 * @throws AirgapError BACKUP_KEY
 */
export async function createSeal(encryption: Exclude<Encryption, { kind: 'plain' }>): Promise<SealedFile> {
  const fileKey = newFileKey();
  const stanzas =
    encryption.kind === 'passphrase'
      ? [await wrapWithPassphrase(fileKey, encryption.passphrase, encryption.workFactor)]
      : encryption.recipients.map((recipient) => wrapForRecipient(fileKey, recipient));
  if (stanzas.length === 0) throw new AirgapError('BACKUP_KEY', 'there is no recipient to encrypt for');
  const header = formatHeader(stanzas, fileKey);
  await tryHeader(header, fileKey, encryption);
  const nonce = randomBytes(NONCE);
  return { fileKey, head: Buffer.concat([header, nonce]), key: payloadKey(fileKey, nonce) };
}

async function tryHeader(
  header: Buffer,
  fileKey: Buffer,
  encryption: Exclude<Encryption, { kind: 'plain' }>,
): Promise<void> {
  const parsed = parseHeader(header);
  if (typeof parsed === 'string') throw new AirgapError('INTERNAL', `the age header ${parsed}`);
  const unlock =
    encryption.kind === 'passphrase'
      ? { passphrase: encryption.passphrase }
      : encryption.identity === undefined
        ? { fileKey }
        : { identities: [encryption.identity] };
  const found = await unlockHeader(parsed, unlock, 'the new backup');
  if (!found.equals(fileKey)) throw new AirgapError('INTERNAL', 'the age header opens to another key');
}
