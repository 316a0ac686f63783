import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** A server may ask for as many rounds; more would only keep us busy. */
const MOST_ROUNDS = 1_000_000;

/** client-final-message of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). Pure. */
export function scramFinal({
  password,
  bare,
  serverFirst,
}: {
  readonly password: string;
  /** client-first-message-bare */
  readonly bare: string;
  readonly serverFirst: string;
}): string {
  const parts = serverFirst.split(',');
  const part = (key: string): string => parts.find((one) => one.startsWith(`${key}=`))?.slice(2) ?? '';
  const salt = Buffer.from(part('s'), 'base64');
  const rounds = Math.min(Math.max(Number(part('i')) || 1, 1), MOST_ROUNDS);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, rounds, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const stored = createHash('sha256').update(clientKey).digest();
  const without = `c=biws,r=${part('r')}`;
  const mark = createHmac('sha256', stored).update(`${bare},${serverFirst},${without}`).digest();
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (mark[index] ?? 0)));
  return `${without},p=${proof.toString('base64')}`;
}
