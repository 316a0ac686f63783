import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { parseDigest } from './digest.js';
import type { Reference } from './types.js';

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LABEL = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::(\\d{1,5}))?$`);
const BARE_HEX = /^[0-9a-f]{64}$/;
const DOCKER_HUB = 'docker.io';
const LONGEST_NAME = 255;

/**
 * Reads REGISTRY/REPOSITORY[:TAG][@DIGEST] by the grammar of the distribution project's reference package, with
 * its short forms: no registry means docker.io, and one-word names there lie below library/.
 * @throws AirgapError REFERENCE_INVALID, IMAGE_UNSUPPORTED (sha512)
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
  const { name, tag } = splitTag(at < 0 ? text : text.slice(0, at));
  const { registry, path } = splitRegistry(name);
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `tag "${printable(tag, 140)}"`);
  if (!isRegistryHost(registry)) throw invalid(text, `registry "${printable(registry, 100)}"`);
  if (BARE_HEX.test(name)) throw invalid(text, '64 hex digits, which could be an image id');
  if (!isRepository(repository)) throw invalid(text, `repository "${printable(repository, 100)}"`);
  if (registry.length + 1 + repository.length > LONGEST_NAME) throw invalid(text, 'more than 255 characters');
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest ? { digest } : {}) };
}

/** The canonical text: registry always written, no default tag added. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** The reference as everything compares it: registry written out, `latest` when nothing else is said. */
export function canonicalReference(reference: Reference): string {
  const { tag, digest } = reference;
  return formatReference(
    tag === undefined && digest === undefined ? { ...reference, tag: 'latest' } : reference,
  );
}

/** The canonical form of a text; undefined when it is no reference. */
export function canonicalText(text: string): string | undefined {
  try {
    return canonicalReference(parseReference(text));
  } catch {
    return undefined;
  }
}

/** What a source is asked for: the digest when there is one, else the tag, else `latest`. */
export function tagOrDigestOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** Where images go: HOST[:PORT][/PREFIX]. */
export interface RegistryAddress {
  readonly host: string;
  readonly prefix?: string;
}

/**
 * Reads HOST[:PORT][/PREFIX], as given to --registry. A scheme is refused: whether TLS is used is said by
 * --plain-http alone.
 * @throws AirgapError REFERENCE_INVALID
 */
export function parseRegistryAddress(text: string): RegistryAddress {
  if (text.includes('://')) {
    throw new AirgapError('REFERENCE_INVALID', `"${printable(text, 100)}" is not a registry address`, {
      expected: 'HOST[:PORT][/PREFIX] without http:// or https://',
      found: text.slice(0, text.indexOf('://') + 3),
      hint: 'leave the scheme out; for a registry without TLS add --plain-http',
    });
  }
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const prefix = slash < 0 ? '' : text.slice(slash + 1).replace(/\/$/, '');
  if (!isRegistryHost(host) || (prefix !== '' && !isRepository(prefix))) {
    throw new AirgapError('REFERENCE_INVALID', `"${printable(text, 100)}" is not a registry address`, {
      expected: 'HOST[:PORT][/PREFIX], the prefix in lower case',
      found: printable(text, 100),
    });
  }
  return { host: host === 'index.docker.io' ? DOCKER_HUB : host, ...(prefix === '' ? {} : { prefix }) };
}

/** True for a repository name of the distribution spec: lower case, components separated by slashes. */
export function isRepository(text: string): boolean {
  return text.length <= LONGEST_NAME && REPOSITORY.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** True for HOST[:PORT] with a name, an IPv4 address or a bracketed IPv6 address. */
export function isRegistryHost(text: string): boolean {
  const match = HOST.exec(text);
  if (!match || text.length > LONGEST_NAME) return false;
  return match[1] === undefined || (Number(match[1]) > 0 && Number(match[1]) < 65_536);
}

/** A colon after the last slash starts the tag; one before it belongs to a port. */
function splitTag(text: string): { name: string; tag?: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || colon < text.lastIndexOf('/')) return { name: text };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

/** The first component is a registry when it cannot be a repository component: dot, colon, upper case, localhost. */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = first !== '' && (/[.:\]A-Z]/.test(first) || first === 'localhost');
  if (!isHost) return { registry: DOCKER_HUB, path: name };
  return { registry: first === 'index.docker.io' ? DOCKER_HUB : first, path: name.slice(slash + 1) };
}

function invalid(text: string, found: string): AirgapError {
  return new AirgapError('REFERENCE_INVALID', `"${printable(text, 300)}" is not an image reference`, {
    expected: 'REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:<64 hex digits>',
    found,
  });
}
