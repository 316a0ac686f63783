import { createHash } from 'node:crypto';
import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import type { Digest } from './types.js';

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const SHA512 = /^sha512:[0-9a-f]{128}$/;

/**
 * Checks a digest by the grammar of the OCI image spec (descriptor.md): lower-case hex, exact length.
 * @throws AirgapError IMAGE_UNSUPPORTED for a well-formed sha512, REFERENCE_INVALID for anything else
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = printable(text, 160);
  if (SHA512.test(text)) {
    throw new AirgapError('IMAGE_UNSUPPORTED', `content addressed by sha512 cannot travel: ${shown}`, {
      expected: 'sha256:<64 hex digits>',
      found: 'sha512',
    });
  }
  throw new AirgapError('REFERENCE_INVALID', 'a digest does not follow the grammar', {
    expected: 'sha256: and 64 hex digits in lower case',
    found: shown,
  });
}

export function isDigest(text: string): text is Digest {
  return SHA256.test(text);
}

/** The 64 hex digits of a digest: the name of its file below blobs/sha256/. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** For messages: `sha256:3f9c0a1b2c3d…`. */
export function shortDigest(digest: Digest): string {
  return `${digest.slice(0, 'sha256:'.length + 12)}…`;
}
