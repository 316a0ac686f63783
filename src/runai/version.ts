/** A version of the product, of Kubernetes or of a tool; what follows the patch number does not order. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  /** 0 when the text has none. */
  readonly patch: number;
  /** As it was written. */
  readonly text: string;
}

const FORM = /^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?:[-+._].*)?$/;

/** Reads `2.13.66`, `v1.33`, `2.13.66-adobe`, `v1.27.4+k3s1`; undefined when the text is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = FORM.exec(text.trim());
  if (match === null) return undefined;
  const [, major, minor, patch] = match;
  return { major: Number(major), minor: Number(minor), patch: Number(patch ?? 0), text: text.trim() };
}

/** Negative, zero or positive, by major, minor and patch. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** `2.13` of a version. */
export function formatMinor(version: Version): string {
  return `${version.major}.${version.minor}`;
}

/** True when the version is of this minor release or a later one: `isAtLeast(v, 2, 12)`. */
export function isAtLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** True when an upgrade from `source` to `target` passes the beginning of a minor release. */
export function crosses(source: Version, target: Version, major: number, minor: number): boolean {
  return !isAtLeast(source, major, minor) && isAtLeast(target, major, minor);
}

const COMPARATOR = /^(>=|<=|>|<|=)?\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/;

interface Comparator {
  readonly operator: string;
  /** Numbers given; a comparison looks no further than these. */
  readonly numbers: readonly number[];
}

/**
 * Whether a version lies in a range such as `>=1.23 <1.29`; every part must hold. `<=1.28` includes 1.28.9.
 * undefined when the range cannot be read.
 */
export function inRange(version: Version, range: string): boolean | undefined {
  const parts = range
    .trim()
    .replace(/([<>=])\s+(?=v?\d)/g, '$1')
    .split(/\s+/);
  const comparators = parts.map(parseComparator);
  if (comparators.includes(undefined)) return undefined;
  return comparators.every((comparator) => holds(version, comparator as Comparator));
}

function parseComparator(text: string): Comparator | undefined {
  const match = COMPARATOR.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(2).filter((part) => part !== undefined);
  return { operator: match[1] ?? '=', numbers: numbers.map(Number) };
}

function holds(version: Version, { operator, numbers }: Comparator): boolean {
  const own = [version.major, version.minor, version.patch].slice(0, numbers.length);
  const difference = own.map((part, index) => part - (numbers[index] ?? 0)).find((part) => part !== 0) ?? 0;
  switch (operator) {
    case '>=':
      return difference >= 0;
    case '<=':
      return difference <= 0;
    case '>':
      return difference > 0;
    case '<':
      return difference < 0;
    default:
      return difference === 0;
  }
}
