import { PATH_LIMIT } from './tar.js';

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/**
 * Says what is wrong with the path of an entry, or undefined when it is fine on every file system that the
 * extracted bundle may meet: relative, ASCII letters, digits and ._+- only, no leading dot or dash, no device name.
 */
export function pathFault(path: string): string | undefined {
  if (path.length === 0) return 'is empty';
  if (path.length > PATH_LIMIT) return `is longer than ${PATH_LIMIT} bytes`;
  for (const segment of path.split('/')) {
    if (!SEGMENT.test(segment)) return 'may hold letters, digits and ._+- between single slashes only';
    if (segment.endsWith('.')) return 'has a segment that ends with a dot';
    if (WINDOWS_DEVICE.test(segment)) return 'has a segment that is the name of a Windows device';
  }
  return undefined;
}

/** A path that cannot stand beside an earlier one. */
export interface Collision {
  readonly index: number;
  readonly what: string;
}

/** Finds paths that are the same file on a case-insensitive file system, or a file that is also a folder. */
export function pathCollisions(paths: readonly string[]): Collision[] {
  const files = new Map<string, string>();
  const folders = new Set<string>();
  const found: Collision[] = [];
  paths.forEach((path, index) => {
    const key = path.toLowerCase();
    const twin = files.get(key);
    if (twin !== undefined) {
      found.push({ index, what: twin === path ? 'occurs twice' : `differs from ${twin} in case only` });
    }
    files.set(key, path);
    for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) folders.add(key.slice(0, at));
  });
  paths.forEach((path, index) => {
    if (folders.has(path.toLowerCase())) found.push({ index, what: 'is a file and a folder at once' });
  });
  return found;
}
