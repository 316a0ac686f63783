import { type FileHandle, open } from 'node:fs/promises';
import { AirgapError } from '../errors.js';
import { asWriteError } from '../io/atomic.js';
import { parseManifest } from './codec.js';
import { NAMES, SIGNATURE_SIZE } from './manifest.js';
import { formatSignature, parseSignature, type Signature, type SigningKey, signMessage } from './minisign.js';
import { openBundle, slotOffset } from './open.js';
import { commentFaults, decodeSlot, encodeSlot, trustedComment, UNTRUSTED_COMMENT } from './slot.js';

/** What is put into the slot: a key that signs now, or a signature made elsewhere by `signManifest` or minisign. */
export type Signer = { readonly key: SigningKey } | { readonly signature: string };

export interface SignOptions {
  /** The version that minTool is compared with. */
  readonly toolVersion?: string;
}

export interface SignReport {
  readonly path: string;
  readonly bundleId: string;
  /** All keys that have signed now. */
  readonly keyIds: readonly string[];
  readonly trustedComment: string;
}

/**
 * Signs a bundle in place: only the 4,096 bytes of its slot are written, in one call and durably. A signature by
 * the same key is replaced, those by other keys stay.
 * @throws AirgapError as openBundle; KEY_INVALID, SIGNATURE_INVALID, OUTPUT_UNWRITABLE
 */
export async function signBundle(
  path: string,
  signer: Signer,
  options: SignOptions = {},
): Promise<SignReport> {
  const bundle = await openBundle(path, options);
  try {
    const { manifest, manifestBytes, bundleId } = bundle;
    const comment = trustedComment(manifest, bundleId);
    const added =
      'key' in signer
        ? signMessage(manifestBytes, signer.key, { untrusted: UNTRUSTED_COMMENT, trusted: comment })
        : parseDetached(signer.signature);
    const wrong = commentFaults([added], manifest, bundleId);
    if (wrong.length > 0) {
      throw new AirgapError('SIGNATURE_INVALID', 'the signature is not for this bundle', { faults: wrong });
    }
    const offset = slotOffset(manifestBytes.length);
    const present = decodeSlot(await bundle.source.read(offset, SIGNATURE_SIZE)).signatures;
    const all = [...present.filter(({ keyId }) => keyId !== added.keyId), added];
    const slot = encodeSlot(all);
    if (!slot)
      throw new AirgapError('SIGNATURE_INVALID', `${NAMES.signature} has no room for another signature`);
    if (decodeSlot(slot).faults.length > 0) {
      throw new AirgapError('SIGNATURE_INVALID', 'the signature is not as the slot needs it', {
        faults: decodeSlot(slot).faults,
        hint: 'make it with airgap sign --detached, which sets both comments',
      });
    }
    await bundle.recheck();
    await writeSlot(bundle.source.pieces, offset, slot);
    return { path, bundleId, keyIds: all.map(({ keyId }) => keyId).sort(), trustedComment: comment };
  } finally {
    await bundle.close();
  }
}

/**
 * Signs the bytes of airgap.json alone, so that the host with the key never sees the payload.
 * @returns the text of a .minisig file, for signBundle({ signature })
 * @throws AirgapError MANIFEST_INVALID, BUNDLE_FORMAT_UNKNOWN
 */
export function signManifest(bytes: Buffer, key: SigningKey, toolVersion: string): string {
  const { manifest, bundleId } = parseManifest(bytes, toolVersion);
  const trusted = trustedComment(manifest, bundleId);
  return formatSignature(signMessage(bytes, key, { untrusted: UNTRUSTED_COMMENT, trusted }));
}

function parseDetached(text: string): Signature {
  const signature = parseSignature(text.replace(/\n$/, '').split('\n'));
  if (typeof signature !== 'string') return { ...signature, untrustedComment: UNTRUSTED_COMMENT };
  throw new AirgapError('SIGNATURE_INVALID', `the signature ${signature}`);
}

type Pieces = readonly { readonly path: string; readonly start: number; readonly size: number }[];

async function writeSlot(pieces: Pieces, offset: number, slot: Buffer): Promise<void> {
  for (const { path, start, size } of pieces) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + slot.length, start + size);
    if (from >= to) continue;
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r+');
      await file.write(slot, from - offset, to - from, from - start);
      await file.sync();
    } catch (error) {
      throw asWriteError(error, path);
    } finally {
      await file?.close();
    }
  }
}
