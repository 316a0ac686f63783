import { createHash } from 'node:crypto';
import { pathFault } from '../../bundle/path.js';
import { PART_PATH_LIMIT } from './entries.js';

/**
 * A path for a part that names things of the site (Kubernetes objects, databases), whose names may hold characters
 * that a tar entry here cannot, or differ in case only. A name that is not plain lower case gets eight hex digits of
 * its hash, so that two names never meet; the real name belongs into the part's meta.
 */
export function partPath(...segments: readonly string[]): string {
  const clean = segments.map((segment) => {
    const safe = segment
      .replace(/[^A-Za-z0-9._+-]/g, '_')
      .replace(/^[.+-]/, '_')
      .replace(/\.+$/, '_');
    return safe === segment.toLowerCase() ? segment : `${safe.slice(0, 40)}-${hash8(segment)}`;
  });
  const path = clean.join('/');
  if (path.length <= PART_PATH_LIMIT && pathFault(path) === undefined) return path;
  const first = clean[0] ?? '';
  const prefix = pathFault(first) === undefined ? first.slice(0, 30) : 'parts';
  const tail = path
    .replaceAll('/', '_')
    .slice(prefix.length + 1)
    .slice(-40)
    .replace(/^[.+-]/, '_');
  return `${prefix}/${hash8(JSON.stringify(segments))}-${tail}`;
}

function hash8(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
