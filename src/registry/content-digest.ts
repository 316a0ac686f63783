import { printable } from '../redact.js';
import { refuse } from './refusal.js';

/** Hash algorithms of the OCI image spec (descriptor.md), each with the length of its hex form. */
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export type HashAlgorithm = keyof typeof HEX_LENGTH;

/** A digest that follows the grammar: safe as a file name. */
export interface ContentDigest {
  readonly algorithm: HashAlgorithm;
  /** Lower case, of the algorithm's exact length. */
  readonly hex: string;
  /** `algorithm:hex`. */
  readonly text: string;
}

/** Reads `sha256:<64 hex>` or `sha512:<128 hex>`; undefined for anything else. */
export function readContentDigest(text: string): ContentDigest | undefined {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  if (!isHashAlgorithm(algorithm) || hex.length !== HEX_LENGTH[algorithm] || !/^[0-9a-f]+$/.test(hex)) {
    return undefined;
  }
  return { algorithm, hex, text };
}

/** @throws Refusal DIGEST_INVALID (400) */
export function parseContentDigest(text: string): ContentDigest {
  const digest = readContentDigest(text);
  if (digest) return digest;
  throw refuse('DIGEST_INVALID', 'a digest is sha256: with 64 or sha512: with 128 lower-case hex digits', {
    detail: { digest: printable(text, 160) },
  });
}

export function isHashAlgorithm(text: string): text is HashAlgorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}
