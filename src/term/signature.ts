import type { SignatureStatus } from '../bundle/trust.js';
import { printable } from '../redact.js';

/** What is known about who made a bundle, in words. Integrity and origin are never mixed up. */
export function describeSignature({ state, keyIds }: SignatureStatus): string {
  const keys = keyIds.map((id) => printable(id, 40)).join(', ');
  if (state === 'trusted') return `by ${keys}, trusted`;
  if (state === 'allowed') return 'none; accepted because its bundle id was named';
  if (state === 'unchecked') return `by ${keys}, not checked: no trusted key is configured`;
  return 'none: damage would show, forgery would not';
}
