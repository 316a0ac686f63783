import { AirgapError } from '../../../errors.js';
import { type AgeHeader, hasRightMac } from './header.js';
import { parseSecret } from './keys.js';
import {
  needsPassphrase,
  type Opening,
  recipientsFault,
  unwrapWithPassphrase,
  unwrapWithSecret,
} from './wrap.js';

/** What an encrypted backup is opened with. */
export interface Unlock {
  /** AGE-SECRET-KEY-1…, any of which may fit. */
  readonly identities?: readonly string[];
  readonly passphrase?: string;
  /** The key of this one file, known to whoever has just written it. */
  readonly fileKey?: Buffer;
}

/**
 * Finds the file key and checks the header with it.
 * @param path the file's name, for messages
 * @throws AirgapError BACKUP_KEY (nothing given fits), BACKUP_INVALID (the header is damaged)
 */
export async function unlockHeader(header: AgeHeader, unlock: Unlock, path: string): Promise<Buffer> {
  const fault = recipientsFault(header.stanzas);
  if (fault !== undefined) throw invalid(path, fault);
  const fileKey = unlock.fileKey ?? (await unwrap(header, unlock, path));
  if (!hasRightMac(header, fileKey)) throw invalid(path, 'has a header that was changed');
  return fileKey;
}

async function unwrap(header: AgeHeader, unlock: Unlock, path: string): Promise<Buffer> {
  const byPassphrase = needsPassphrase(header.stanzas);
  const tries: Opening[] = [];
  if (byPassphrase && unlock.passphrase !== undefined) {
    tries.push(await unwrapWithPassphrase(header.stanzas, unlock.passphrase));
  }
  if (!byPassphrase) {
    for (const identity of unlock.identities ?? []) {
      const secret = parseSecret(identity);
      if (!secret) throw new AirgapError('BACKUP_KEY', 'an age identity is not well formed');
      tries.push(unwrapWithSecret(header.stanzas, secret));
    }
  }
  for (const opening of tries) if (opening.kind === 'opened') return opening.fileKey;
  for (const opening of tries) if (opening.kind === 'malformed') throw invalid(path, opening.what);
  throw locked(path, byPassphrase ? 'passphrase' : 'identity', tries.length > 0 ? 'wrong' : 'none');
}

function locked(path: string, kind: 'passphrase' | 'identity', given: 'wrong' | 'none'): AirgapError {
  const flag = kind === 'passphrase' ? '--passphrase-file FILE' : '--identity FILE';
  if (given === 'none') {
    return new AirgapError('BACKUP_KEY', `${path} is encrypted`, {
      expected: kind === 'passphrase' ? 'its passphrase' : 'an identity that it was encrypted for',
      hint: `give ${flag}`,
    });
  }
  return new AirgapError('BACKUP_KEY', `${path} does not open with this ${kind}`, {
    found: `another ${kind}, or damage in the header`,
    hint: `give the right one with ${flag}`,
  });
}

function invalid(path: string, what: string): AirgapError {
  return new AirgapError('BACKUP_INVALID', `${path} ${what}`);
}
