import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError, type Fault } from '../errors.js';

/** Parts in one set; three digits number them. */
export const PART_LIMIT = 999;

const PART = /^(.+)\.(\d{3})$/;

/** runai.tar, 2 -> runai.tar.002 */
export function partName(path: string, number: number): string {
  return `${path}.${String(number).padStart(3, '0')}`;
}

/** Sizes of the parts of a file of `total` bytes: all alike but the last. */
export function partSizes(total: number, partSize: number): number[] {
  const sizes: number[] = [];
  for (let left = total; left > 0; left -= partSize) sizes.push(Math.min(partSize, left));
  return sizes;
}

/**
 * Finds the file or the files of a bundle: `path` itself, or all parts of the set when `path` is the set's name or
 * the name of one part.
 * @throws AirgapError FILE_NOT_FOUND, BUNDLE_PART when a number is missing in between
 */
export async function findFiles(path: string): Promise<string[]> {
  const asPart = PART.exec(path);
  if (!asPart && (await exists(path))) return [path];
  const set = asPart?.[1] ?? path;
  const numbers = await partNumbers(set);
  if (numbers.length === 0) {
    if (await exists(path)) return [path];
    throw new AirgapError('FILE_NOT_FOUND', `${path} does not exist`, {
      expected: `the file, or its parts ${basename(partName(set, 1))}, ${basename(partName(set, 2))}…`,
    });
  }
  const last = numbers.at(-1) as number;
  const present = new Set(numbers);
  const all = Array.from({ length: last }, (_, index) => index + 1);
  const missing = all.filter((number) => !present.has(number));
  if (missing.length > 0) {
    throw new AirgapError('BUNDLE_PART', `parts of ${set} are missing`, {
      expected: `parts 001 to ${String(last).padStart(3, '0')} in one folder`,
      found: `no ${missing.map((number) => basename(partName(set, number))).join(', ')}`,
      hint: `copy ${basename(partName(set, missing[0] as number))} into the folder of the others`,
    });
  }
  return all.map((number) => partName(set, number));
}

/** Numbers of the parts of a set that are there, ascending. */
export async function partNumbers(set: string): Promise<number[]> {
  const names = await readdir(dirname(set)).catch(() => []);
  return names
    .map((name) => PART.exec(name))
    .filter((match) => match?.[1] === basename(set) && match[2] !== '000')
    .map((match) => Number(match?.[2]))
    .sort((a, b) => a - b);
}

/** A part, by its place in the set. */
export interface PartSize {
  readonly path: string;
  readonly size: number;
}

/** What the sizes of a set alone tell: every part but the last has the size that most have. */
export function partSizeFaults(parts: readonly PartSize[]): Fault[] {
  if (parts.length < 2) return [];
  const size = commonSize(parts.slice(0, -1));
  return parts.flatMap((part, index) => {
    const isLast = index === parts.length - 1;
    if (part.size === size || (isLast && part.size < size && part.size > 0)) return [];
    const what = part.size < size ? `is short by ${size - part.size} bytes` : 'is longer than the others';
    return [partFault(part, what, isLast ? `at most ${size} bytes` : `${size} bytes`)];
  });
}

/** What the sizes tell once the size of the whole is known: parts short, too long, missing at the end, too many. */
export function partTotalFaults(parts: readonly PartSize[], total: number): Fault[] {
  if (parts.length === 0) return [];
  const size = parts.length === 1 ? (parts[0] as PartSize).size : commonSize(parts.slice(0, -1));
  const set = PART.exec((parts[0] as PartSize).path)?.[1] ?? (parts[0] as PartSize).path;
  if (size === 0) return [partFault(parts[0] as PartSize, 'is empty')];
  const wanted = partSizes(total, size);
  const faults: Fault[] = [];
  wanted.forEach((want, index) => {
    const part = parts[index];
    if (!part) {
      faults.push({ where: partName(set, index + 1), what: 'is missing', expected: `${want} bytes` });
    } else if (part.size !== want) {
      const difference = part.size - want;
      const what = difference < 0 ? `is short by ${-difference} bytes` : `has ${difference} bytes too many`;
      faults.push(partFault(part, what, `${want} bytes`));
    }
  });
  for (const part of parts.slice(wanted.length)) {
    faults.push(partFault(part, `is beyond the set of ${wanted.length}; it belongs to another bundle`));
  }
  return faults;
}

function partFault(part: PartSize, what: string, expected?: string): Fault {
  return {
    where: part.path,
    what,
    ...(expected === undefined ? {} : { expected }),
    found: `${part.size} bytes`,
  };
}

/** The size that most of the parts have; of two that are as frequent, the greater. */
function commonSize(parts: readonly PartSize[]): number {
  const counts = new Map<number, number>();
  for (const { size } of parts) counts.set(size, (counts.get(size) ?? 0) + 1);
  const ranked = [...counts].sort(([a, x], [b, y]) => y - x || b - a);
  return ranked[0]?.[0] ?? 0;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
