import type { Fault } from '../errors.js';
import { printable } from '../redact.js';
import { type Manifest, NAMES, SIGNATURE_SIZE } from './manifest.js';
import { formatSignature, parseSignature, type Signature } from './minisign.js';

/** Fixed, because nothing signs it: any other text would be bytes that nobody checks (threats 29). */
export const UNTRUSTED_COMMENT =
  'airgap bundle; check with: minisign -V -p KEY.pub -m airgap.json -x airgap.sig';

const LINES = 4;

/** What the signed comment must say about the bundle. */
export function trustedComment(manifest: Manifest, bundleId: string): string {
  const sequence = manifest.sequence === undefined ? '' : ` sequence:${manifest.sequence}`;
  return `product:${manifest.product} version:${manifest.version}${sequence} bundle:${bundleId}`;
}

/** The slot's bytes: signatures in ascending order of their key ids, then zeros. Undefined when they do not fit. */
export function encodeSlot(signatures: readonly Signature[]): Buffer | undefined {
  const sorted = [...signatures].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
  const text = Buffer.from(sorted.map(formatSignature).join(''));
  return text.length > SIGNATURE_SIZE
    ? undefined
    : Buffer.concat([text, Buffer.alloc(SIGNATURE_SIZE - text.length)]);
}

export interface Slot {
  readonly signatures: readonly Signature[];
  readonly faults: readonly Fault[];
}

/** Reads the slot. It stands outside the bundle id, so there is exactly one form for what it says (threats 28). */
export function decodeSlot(slot: Buffer): Slot {
  const end = slot.indexOf(0);
  const text = slot.toString('utf8', 0, end < 0 ? slot.length : end);
  const lines = text.split('\n');
  const signatures: Signature[] = [];
  const faults: Fault[] = [];
  for (let at = 0; at + LINES < lines.length && faults.length === 0; at += LINES) {
    const signature = parseSignature(lines.slice(at, at + LINES));
    if (typeof signature === 'string') faults.push(slotFault(signature, `line ${at + 1}`));
    else signatures.push(signature);
  }
  for (const { untrustedComment, keyId } of signatures) {
    if (untrustedComment === UNTRUSTED_COMMENT) continue;
    faults.push({
      ...slotFault('has an untrusted comment that is not the fixed one', `key ${keyId}`),
      expected: UNTRUSTED_COMMENT,
      found: printable(untrustedComment, 200),
    });
  }
  if (faults.length === 0 && !encodeSlot(signatures)?.equals(slot)) {
    faults.push(slotFault('is not zeros, or signatures in order and zeros after them'));
  }
  if (new Set(signatures.map(({ keyId }) => keyId)).size < signatures.length) {
    faults.push(slotFault('holds two signatures by one key'));
  }
  return { signatures, faults };
}

/** Compares the signed comments with the manifest: they must say the same, to the letter. */
export function commentFaults(
  signatures: readonly Signature[],
  manifest: Manifest,
  bundleId: string,
): Fault[] {
  const expected = trustedComment(manifest, bundleId);
  return signatures.flatMap(({ trustedComment: found, keyId }) =>
    found === expected
      ? []
      : [
          {
            ...slotFault('has a trusted comment that does not fit', `key ${keyId}`),
            expected,
            found: printable(found, 300),
          },
        ],
  );
}

function slotFault(what: string, detail?: string): Fault {
  return { where: detail === undefined ? NAMES.signature : `${NAMES.signature}, ${detail}`, what };
}
