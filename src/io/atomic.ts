import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';

export interface AtomicOptions {
  /** File mode; 0600 unless the content is for everybody. */
  readonly mode?: number;
}

/**
 * Writes a file so that its final name only ever shows the whole content: temporary sibling, fsync, rename,
 * fsync of the folder. The sibling is removed on failure.
 * @throws AirgapError DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | ((file: FileHandle) => Promise<void>),
  options: AtomicOptions = {},
): Promise<void> {
  const temporary = siblingOf(path);
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    // Where it never came to be this fails too, and must not hide the first fault.
    await rm(temporary, { force: true }).catch(() => {});
    throw asWriteError(error, path);
  }
}

/** Whether a file of this name could be written here so, as far as the length of its name goes. */
export async function isNameShortEnough(path: string): Promise<boolean> {
  return lstat(siblingOf(path)).then(
    () => true,
    (error: unknown) => systemCode(error) !== 'ENAMETOOLONG',
  );
}

function siblingOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Makes renames and creations in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Turns a system error of writing into the error that the user meets; others pass unchanged. */
export function asWriteError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AirgapError('DISK_FULL', `no room left while writing ${path}`, { found: code, cause: error });
  }
  if (
    code === 'EACCES' ||
    code === 'EPERM' ||
    code === 'EROFS' ||
    code === 'ENOENT' ||
    code === 'ENOTDIR' ||
    code === 'ENAMETOOLONG'
  ) {
    return new AirgapError('OUTPUT_UNWRITABLE', `${path} cannot be written`, { found: code, cause: error });
  }
  return error;
}
