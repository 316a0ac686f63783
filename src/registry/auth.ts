import { createHash, timingSafeEqual } from 'node:crypto';
import { refuse } from './refusal.js';

/** Names with the SHA-256 of `name:password`. */
export type Users = ReadonlyMap<string, Buffer>;

/** Who may do what. */
export interface AuthPolicy {
  readonly users: Users;
  /** True when pulling needs no password. */
  readonly anonymousPull: boolean;
}

/** Reads lines of NAME:PASSWORD; empty lines and those that begin with # are skipped. @returns faulty line numbers too */
export function parseUsers(text: string): { readonly users: Users; readonly faults: readonly number[] } {
  const users = new Map<string, Buffer>();
  const faults: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon < 1 || colon === line.length - 1) faults.push(index + 1);
    else users.set(line.slice(0, colon), sum(line));
  }
  return { users, faults };
}

/** What decides about a request. */
export interface Claim {
  readonly method: string;
  /** True for /v2/: clients learn from its challenge that a password is of use, so it is never free. */
  readonly isPing: boolean;
  readonly authorization: string | undefined;
}

/** @throws Refusal UNAUTHORIZED with the challenge */
export function checkAuth(policy: AuthPolicy, { method, isPing, authorization }: Claim): void {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1] ?? '';
  const given = Buffer.from(encoded, 'base64').toString('utf8');
  const isAnonymous = authorization === undefined || given === ':';
  const isPull = method === 'GET' || method === 'HEAD';
  if (isAnonymous && isPull && !isPing && policy.anonymousPull) return;
  const known = policy.users.get(given.slice(0, given.indexOf(':')));
  if (timingSafeEqual(sum(given), known ?? Buffer.alloc(32)) && known) return;
  throw refuse('UNAUTHORIZED', 'user name and password are needed', {
    headers: { 'WWW-Authenticate': 'Basic realm="airgap registry", charset="UTF-8"' },
  });
}

function sum(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
