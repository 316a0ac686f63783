import { isRepository } from '../oci/reference.js';
import { printable } from '../redact.js';
import { refuse } from './refusal.js';

/** What a path of the distribution API addresses. */
export type Route =
  | { readonly endpoint: 'base' }
  | { readonly endpoint: 'catalog' }
  | { readonly endpoint: 'tags' | 'uploads'; readonly name: string }
  | {
      readonly endpoint: 'manifest' | 'blob' | 'upload' | 'referrers';
      readonly name: string;
      readonly last: string;
    };

export type Endpoint = Route['endpoint'];

/** A request's path and query, read once. */
export interface Target {
  readonly route: Route;
  readonly query: URLSearchParams;
}

const SHAPES: readonly {
  readonly shape: RegExp;
  readonly endpoint: Exclude<Endpoint, 'base' | 'catalog'>;
}[] = [
  { shape: /^(.*)\/tags\/list$/, endpoint: 'tags' },
  { shape: /^(.*)\/blobs\/uploads\/?$/, endpoint: 'uploads' },
  { shape: /^(.*)\/blobs\/uploads\/([^/]+)$/, endpoint: 'upload' },
  { shape: /^(.*)\/manifests\/([^/]+)$/, endpoint: 'manifest' },
  { shape: /^(.*)\/blobs\/([^/]+)$/, endpoint: 'blob' },
  { shape: /^(.*)\/referrers\/([^/]+)$/, endpoint: 'referrers' },
];

/**
 * Reads the request target by the endpoints of the distribution spec. Names are checked by their grammar after
 * decoding, so that no path below a folder can be built from anything else.
 * @throws Refusal NAME_INVALID; UNSUPPORTED (404) for a path that is no endpoint
 */
export function parseTarget(url: string): Target {
  const mark = url.indexOf('?');
  const path = decode(mark < 0 ? url : url.slice(0, mark));
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  return { route: parsePath(path), query };
}

function parsePath(path: string): Route {
  if (path === '/v2' || path === '/v2/') return { endpoint: 'base' };
  if (path === '/v2/_catalog') return { endpoint: 'catalog' };
  if (!path.startsWith('/v2/')) throw notAnEndpoint(path);
  const rest = path.slice('/v2/'.length);
  for (const { shape, endpoint } of SHAPES) {
    const match = shape.exec(rest);
    if (!match) continue;
    const name = checkName(match[1] ?? '');
    if (endpoint === 'tags' || endpoint === 'uploads') return { endpoint, name };
    return { endpoint, name, last: match[2] ?? '' };
  }
  throw notAnEndpoint(path);
}

/** @throws Refusal NAME_INVALID */
export function checkName(name: string): string {
  if (isRepository(name)) return name;
  throw refuse('NAME_INVALID', 'a repository name is lower case, with components separated by slashes', {
    detail: { name: printable(name, 300) },
  });
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw refuse('NAME_INVALID', 'the path is not valid percent-encoding');
  }
}

function notAnEndpoint(path: string): Error {
  return refuse('UNSUPPORTED', 'no endpoint of the distribution API', {
    status: 404,
    detail: { path: printable(path, 300) },
  });
}
