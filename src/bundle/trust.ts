import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import type { PublicKey, Signature } from './minisign.js';
import { verifySignature } from './minisign.js';

/** Whose signatures count. Made from a folder by loadTrustedKeys. */
export interface TrustPolicy {
  readonly keys: readonly PublicKey[];
  /** Distinct keys that must have signed; 1 when absent. */
  readonly threshold?: number;
  /** A bundle id that is taken although it is not signed: named in full by the operator, never configured. */
  readonly allowUnsigned?: string;
}

/** What is known about who made the bundle. */
export interface SignatureStatus {
  /**
   * none: the slot is empty. unchecked: signed, and no key is configured. trusted: every signature verifies by a
   * trusted key. allowed: not signed, and the operator named this bundle id.
   */
  readonly state: 'none' | 'unchecked' | 'trusted' | 'allowed';
  readonly keyIds: readonly string[];
}

export interface TrustSubject {
  /** airgap.json, not parsed yet. */
  readonly bytes: Buffer;
  readonly bundleId: string;
  readonly signatures: readonly Signature[];
}

/**
 * Decides by the policy, before anything is parsed. Every signature that is there must verify by a known key; one
 * that fails beside a good one is a rejection (threats 23 to 28).
 * @throws AirgapError SIGNATURE_MISSING, SIGNATURE_INVALID
 */
export function checkTrust(subject: TrustSubject, policy: TrustPolicy | undefined): SignatureStatus {
  const keyIds = subject.signatures.map(({ keyId }) => keyId);
  if (!policy) return { state: keyIds.length === 0 ? 'none' : 'unchecked', keyIds };
  if (keyIds.length === 0) return checkAllowance(subject, policy);
  const signers = new Set<string>();
  for (const signature of subject.signatures) signers.add(signerOf(subject, signature, policy));
  const needed = policy.threshold ?? 1;
  if (signers.size >= needed) return { state: 'trusted', keyIds };
  throw new AirgapError('SIGNATURE_INVALID', 'too few trusted keys signed the bundle', {
    expected: `${needed} distinct keys`,
    found: `${signers.size}: ${keyIds.join(', ')}`,
  });
}

function checkAllowance(subject: TrustSubject, policy: TrustPolicy): SignatureStatus {
  if (policy.allowUnsigned === subject.bundleId) return { state: 'allowed', keyIds: [] };
  throw new AirgapError('SIGNATURE_MISSING', 'the bundle is not signed, and trusted keys are configured', {
    expected: `a signature by ${idsOf(policy)}`,
    found: policy.allowUnsigned === undefined ? 'none' : `none; --allow-unsigned names another bundle id`,
    hint: `ask for a signed bundle, or accept exactly this one with --allow-unsigned=${subject.bundleId}`,
  });
}

/** The public key's bytes in hex, so that one key under two ids counts once. */
function signerOf({ bytes, bundleId }: TrustSubject, signature: Signature, policy: TrustPolicy): string {
  const key = policy.keys.find(({ id }) => id === signature.keyId);
  if (!key) {
    throw new AirgapError('SIGNATURE_INVALID', 'the bundle is signed by a key that is not trusted', {
      expected: idsOf(policy),
      found: printable(signature.keyId, 40),
    });
  }
  if (verifySignature(bytes, key, signature)) return key.bytes.toString('hex');
  throw new AirgapError('SIGNATURE_INVALID', 'a signature does not verify', {
    expected: `a signature by ${key.id} over these bytes of airgap.json`,
    found: `bundle id ${bundleId}`,
  });
}

function idsOf(policy: TrustPolicy): string {
  const ids = policy.keys.map(({ id }) => id);
  return ids.length === 0 ? 'a trusted key (none is configured)' : ids.join(' or ');
}
