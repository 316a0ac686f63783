import { AirgapError } from '../errors.js';
import type { Env } from './client.js';

/**
 * The proxy that a URL is reached through by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, lower case first as curl and Go
 * do. Loopback is never proxied.
 * @throws AirgapError USAGE for a variable that is no http:// or https:// URL
 */
export function proxyFor(url: URL, env: Env): URL | undefined {
  const names = url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY'];
  const name = names.find((candidate) => env[candidate]);
  const text = name === undefined ? undefined : env[name]?.trim();
  if (!text || isLoopback(url.hostname) || isExempt(url, env.no_proxy || env.NO_PROXY || ''))
    return undefined;
  try {
    const proxy = new URL(text.includes('://') ? text : `http://${text}`);
    if (proxy.protocol === 'http:' || proxy.protocol === 'https:') return proxy;
  } catch {
    // Reported below, without the value: it may hold a password.
  }
  throw new AirgapError('USAGE', `the variable ${name} is not the URL of an HTTP proxy`, {
    expected: 'http://HOST:PORT',
    hint: `mend or unset ${name}`,
  });
}

/** NO_PROXY: comma-separated hosts, .suffixes, *.suffixes, CIDR blocks, each with an optional port, or *. */
export function isExempt(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  const cidr = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(entry);
  if (cidr) return inBlock(host, cidr[1] as string, Number(cidr[2]));
  const withPort = /^(.*[^:]|\[.*\]):(\d+)$/.exec(entry);
  const isV6 = !entry.startsWith('[') && entry.split(':').length > 2;
  const name = withPort && !isV6 ? (withPort[1] as string) : entry;
  if (withPort && !isV6 && withPort[2] !== port) return false;
  const suffix = bare(name).replace(/^\*?\./, '');
  return host === suffix || host.endsWith(`.${suffix}`);
}

function inBlock(host: string, base: string, bits: number): boolean {
  const [one, other] = [ipv4(host), ipv4(base)];
  if (one === undefined || other === undefined || bits > 32) return false;
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return (one & mask) >>> 0 === (other & mask) >>> 0;
}

function ipv4(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function isLoopback(hostname: string): boolean {
  const host = bare(hostname);
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').toLowerCase();
}
