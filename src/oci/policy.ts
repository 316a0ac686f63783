/** Redirects followed at most for one request. */
export const MOST_REDIRECTS = 5;

export type RedirectVerdict =
  | { readonly follow: true; readonly withCredentials: boolean }
  | { readonly follow: false; readonly reason: string };

/**
 * Whether a redirect is followed, and whether credentials go along. They never leave the origin; TLS is never
 * given up; a registry elsewhere cannot point us at addresses of this host or of its link.
 */
export function judgeRedirect(from: URL, to: URL): RedirectVerdict {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return no(`the scheme ${to.protocol} is not HTTP`);
  if (from.protocol === 'https:' && to.protocol === 'http:') return no('it would give up TLS');
  if (to.username !== '' || to.password !== '') return no('it carries credentials of its own');
  if (isInward(to.hostname) && to.hostname !== from.hostname) {
    return no('it points at an address of this host or its link');
  }
  return { follow: true, withCredentials: from.origin === to.origin };
}

export type RealmVerdict =
  | { readonly trusted: true; readonly url: URL }
  | { readonly trusted: false; readonly reason: string };

/**
 * Whether the token service that a registry names may be asked: the same host, the same registrable domain, or
 * a host the operator listed; over TLS unless the registry itself is plain.
 */
export function judgeRealm(registry: URL, realm: string, allowed: readonly string[]): RealmVerdict {
  let url: URL;
  try {
    url = new URL(realm);
  } catch {
    return { trusted: false, reason: 'is not a URL' };
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { trusted: false, reason: 'is not HTTP' };
  if (url.username !== '' || url.password !== '') return { trusted: false, reason: 'carries credentials' };
  if (url.protocol === 'http:' && registry.protocol === 'https:') {
    return { trusted: false, reason: 'is without TLS, while the registry has it' };
  }
  const listed = allowed.includes(url.host) || allowed.includes(url.hostname);
  if (listed || sameSite(registry.hostname, url.hostname)) return { trusted: true, url };
  return { trusted: false, reason: 'is on another host than the registry' };
}

/**
 * Where an upload goes on. A registry behind a proxy that ends TLS often says http:// of itself; the connection
 * then stays on the registry's own scheme.
 */
export function resolveUpload(registry: URL, location: string): URL | undefined {
  let url: URL;
  try {
    url = new URL(location, registry);
  } catch {
    return undefined;
  }
  if (url.hostname === registry.hostname && registry.protocol === 'https:' && url.protocol === 'http:') {
    url.protocol = 'https:';
    url.port = registry.port;
  }
  const verdict = judgeRedirect(registry, url);
  return verdict.follow ? url : undefined;
}

/** True when both are the same host or lie below the same registrable domain. */
function sameSite(one: string, other: string): boolean {
  if (one === other) return true;
  if (isAddress(one) || isAddress(other)) return false;
  const site = registrable(one);
  return site !== undefined && site === registrable(other);
}

/** Two labels; three below the second-level suffixes of country domains (co.uk, com.au). */
function registrable(host: string): string | undefined {
  const labels = host.toLowerCase().split('.');
  const second = labels.at(-2) ?? '';
  const country = (labels.at(-1) ?? '').length === 2;
  const shared = country && /^(?:ac|co|com|edu|gob|gouv|gov|go|net|ne|or|org)$/.test(second);
  const count = shared ? 3 : 2;
  return labels.length >= count ? labels.slice(-count).join('.') : undefined;
}

/** Loopback, link-local and unspecified addresses, as literals. */
function isInward(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  if (/^(?:127|0)\.|^169\.254\./.test(bare) && isAddress(bare)) return true;
  return bare === '::1' || bare === '::' || /^fe[89ab]/.test(bare) || /^::ffff:(?:7f|a9fe)/.test(bare);
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || host.includes(':') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host);
}

function no(reason: string): RedirectVerdict {
  return { follow: false, reason };
}
