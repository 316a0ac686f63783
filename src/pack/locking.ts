import { resolve } from 'node:path';
import { AirgapError } from '../errors.js';
import type { Selection } from './discover/select.js';
import { compareLocks, type LockChange, requireSame } from './lock/compare.js';
import { lockPath, missingLock, readLock, writeLock } from './lock/file.js';
import type { Lock } from './lock/types.js';
import type { CommonPackOptions } from './options.js';
import type { ResolveAllOptions } from './resolve/resolve.js';
import type { Spec } from './spec/types.js';

/** The lock beside the spec, before anything is resolved. */
export interface HeldLock {
  readonly path: string;
  readonly before: Lock | undefined;
}

/** @throws AirgapError LOCK_STALE when one is needed and there is none */
export async function holdLock(
  options: CommonPackOptions,
  mode: ResolveAllOptions['mode'],
): Promise<HeldLock> {
  const path = resolve(options.cwd, options.lockFile ?? lockPath(options.spec));
  const before = await readLock(path).catch((error: unknown) => {
    if (mode === 'locked') throw error;
    return undefined; // a lock that cannot be read is written anew
  });
  if (mode === 'locked' && !before) throw missingLock(path);
  return { path, before };
}

/** The lock without images that are not asked for here. */
export function withImages(held: HeldLock, wanted: Selection['wanted']): HeldLock {
  if (!held.before) return held;
  const sources = new Set(wanted.map(({ source }) => source));
  const images = held.before.images.filter(({ source }) => sources.has(source));
  return { ...held, before: { ...held.before, images } };
}

/** What the lock knows of each source, as far as it still holds for this spec. */
export function knownImages({ before }: HeldLock, spec: Spec): ResolveAllOptions['known'] {
  const samePlatforms = before?.platforms.join() === spec.platforms.join();
  if (!before || !samePlatforms) return new Map();
  return new Map(before.images.map(({ source, digest, platforms }) => [source, { digest, platforms }]));
}

/** Says so before any registry is asked. @throws AirgapError LOCK_STALE */
export function requireLocked({ before, path }: HeldLock, selection: Selection): void {
  const known = new Set(before?.images.map(({ source }) => source));
  const wanted = new Set(selection.wanted.map(({ source }) => source));
  const faults = [
    ...[...wanted]
      .filter((source) => !known.has(source))
      .map((where) => ({ where, what: 'is not in the lock' })),
    ...[...known]
      .filter((source) => !wanted.has(source))
      .map((where) => ({ where, what: 'is only in the lock' })),
  ];
  if (faults.length > 0) throw new AirgapError('LOCK_STALE', `${path} does not fit the spec`, { faults });
}

/**
 * Compares what was found with the lock: refuses any difference when only what it says may be packed, else tells
 * what changed.
 */
export function settleLock(held: HeldLock, found: Lock, mode: ResolveAllOptions['mode']): LockChange[] {
  if (!held.before) return [];
  if (mode === 'locked') requireSame(held.before, found, held.path);
  return compareLocks(held.before, found);
}

/** Writes the lock when it says something new. */
export async function saveLock(held: HeldLock, found: Lock): Promise<void> {
  await writeLock(held.path, found);
}
