import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { Finding } from '../findings.js';
import type { Row } from './types.js';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const SOON_MS = 30 * 24 * 3600_000;

export interface CertificateFacts {
  /** namespace/name of the secret. */
  readonly where: string;
  /** PEM: the server’s certificate first. */
  readonly chain: string;
  /** PEM; absent for a CA. */
  readonly key?: string;
  /** PEM: CAs of the site. */
  readonly trusted: string;
  readonly domain?: string;
  /** Milliseconds since the epoch, of this machine and of the API server. */
  readonly now: number;
  readonly server?: number;
}

/** Dates by both clocks, names, key and chain of a certificate; all faults at once. */
export function judgeCertificate(row: Row, facts: CertificateFacts): Finding {
  const advice = `put a full chain and its key into ${facts.where}`;
  const certificates = parseCertificates(facts.chain);
  const [leaf] = certificates;
  if (leaf === undefined)
    return { ...row, outcome: 'fail', seen: `${facts.where} holds no certificate that can be read`, advice };
  const faults = [
    ...certificates.flatMap((one, index) => dateFaults(one, index === 0 ? 'it' : nameOf(one), facts)),
    ...nameFaults(leaf, facts.domain),
    ...keyFaults(leaf, facts.key),
  ];
  const warnings: string[] = [];
  const chained = chainFault(certificates, facts.trusted);
  if (chained !== undefined) (chained.sure ? faults : warnings).push(chained.text);
  const ends = Math.min(...certificates.map((one) => Date.parse(one.validTo)));
  if (faults.length === 0 && ends - facts.now < SOON_MS) warnings.push(`expires on ${day(ends)}`);
  const names = (leaf.subjectAltName ?? nameOf(leaf)).replaceAll('DNS:', '');
  const seen = `${names}, valid until ${day(Date.parse(leaf.validTo))}, ${certificates.length} in the chain`;
  if (faults.length > 0) return { ...row, outcome: 'fail', seen: `${faults.join('; ')} (${seen})`, advice };
  if (warnings.length > 0)
    return { ...row, outcome: 'warn', seen: `${warnings.join('; ')} (${seen})`, advice };
  return { ...row, outcome: 'pass', seen };
}

/** Those that can be read; a block that cannot is left out. */
export function parseCertificates(pem: string): X509Certificate[] {
  return (pem.match(BLOCK) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

function dateFaults(
  one: X509Certificate,
  what: string,
  { now, server }: Pick<CertificateFacts, 'now' | 'server'>,
): string[] {
  const [from, to] = [Date.parse(one.validFrom), Date.parse(one.validTo)];
  const clocks = [now, ...(server === undefined ? [] : [server])];
  const told = `this machine says ${time(now)}${server === undefined ? '' : `, the API server ${time(server)}`}`;
  if (clocks.some((clock) => clock > to)) return [`${what} expired on ${time(to)} (${told})`];
  if (clocks.some((clock) => clock < from)) return [`${what} is not valid before ${time(from)} (${told})`];
  return [];
}

function nameFaults(leaf: X509Certificate, domain: string | undefined): string[] {
  if (domain === undefined || leaf.checkHost(domain, { subject: 'never' }) !== undefined) return [];
  const names = leaf.subjectAltName?.replaceAll('DNS:', '');
  return [
    names === undefined
      ? `it has no subject alternative name; ${domain} must be one`
      : `it is made for ${names}, not for ${domain}`,
  ];
}

function keyFaults(leaf: X509Certificate, pem: string | undefined): string[] {
  if (pem === undefined) return [];
  try {
    return leaf.checkPrivateKey(createPrivateKey(pem)) ? [] : ['the key is another certificate’s'];
  } catch {
    return [/ENCRYPTED/.test(pem) ? 'the key is locked with a passphrase' : 'the key cannot be read'];
  }
}

/** Each certificate is signed by the next; the last is a root, or one that a known root signed. */
function chainFault(
  certificates: readonly X509Certificate[],
  trusted: string,
): { readonly sure: boolean; readonly text: string } | undefined {
  for (const [index, one] of certificates.entries()) {
    const next = certificates[index + 1];
    if (next !== undefined && !isIssuedBy(one, next))
      return {
        sure: true,
        text: `${nameOf(one)} is not signed by the certificate after it, ${nameOf(next)}`,
      };
  }
  const last = certificates.at(-1);
  if (last === undefined) return undefined;
  const own = parseCertificates(trusted);
  if (own.some((root) => root.fingerprint256 === last.fingerprint256 || isIssuedBy(last, root)))
    return undefined;
  if (isIssuedBy(last, last)) {
    if (own.length === 0) return undefined;
    return { sure: true, text: `its root ${nameOf(last)} is not the CA of runai-ca-cert` };
  }
  if (publicRoots().some((root) => isIssuedBy(last, root))) return undefined;
  return {
    sure: own.length > 0,
    text: `the chain ends at ${nameOf(last)}, signed by ${last.issuer.replaceAll('\n', ', ')}, which is not in it`,
  };
}

let roots: X509Certificate[] | undefined;
function publicRoots(): X509Certificate[] {
  roots ??= rootCertificates.flatMap(parseCertificates);
  return roots;
}

function isIssuedBy(one: X509Certificate, other: X509Certificate): boolean {
  return one.issuer === other.subject && one.verify(other.publicKey);
}

function nameOf(one: X509Certificate): string {
  return (
    /CN=([^\n]+)/.exec(one.subject ?? '')?.[1] ?? (one.subject ?? 'a certificate').replaceAll('\n', ', ')
  );
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function time(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
