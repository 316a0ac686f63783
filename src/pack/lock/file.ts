import { readFile } from 'node:fs/promises';
import { AirgapError, systemCode } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomic.js';
import { formatLock } from './format.js';
import { parseLock } from './parse.js';
import type { Lock } from './types.js';

/** spec.yaml -> spec.lock.yaml, beside it. */
export function lockPath(specPath: string): string {
  return `${specPath.replace(/\.(ya?ml|json)$/i, '')}.lock.yaml`;
}

/** The lock at a path, or undefined when there is none. @throws AirgapError LOCK_STALE, YAML_INVALID */
export async function readLock(path: string): Promise<Lock | undefined> {
  try {
    return parseLock(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes the lock, unless the file holds the same already. @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  const text = formatLock(lock);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before !== text) await writeFileAtomic(path, text, { mode: 0o644 });
}

/** @throws AirgapError LOCK_STALE */
export function missingLock(path: string): AirgapError {
  return new AirgapError('LOCK_STALE', `there is no lock ${path}`, {
    hint: 'run pack once without --locked; it writes the lock',
  });
}
