import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../errors.js';
import { syncFolder } from '../io/atomic.js';

/**
 * Gives a file that is whole and synced its final name, durably: folders are made, the file is renamed, and every
 * folder up to `top` is synced, since another request may have made one of them and not synced it yet.
 */
export async function moveDurably(temporary: string, path: string, top: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rename(temporary, path);
  await syncUpTo(dirname(path), top);
}

/** Writes a small file: temporary file, sync, rename, sync of the folders. */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  place: { readonly temporary: string; readonly top: string },
): Promise<void> {
  const temporary = join(place.temporary, randomBytes(12).toString('hex'));
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    await moveDurably(temporary, path, place.top);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes a file or folder, durably. @returns false when it was not there */
export async function removeDurably(path: string): Promise<boolean> {
  if ((await sizeOf(path)) === undefined) return false;
  await rm(path, { recursive: true, force: true });
  await orAbsent(syncFolder(dirname(path)));
  return true;
}

/** The size of a file, or undefined when it is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return (await orAbsent(stat(path)))?.size;
}

export function readIfThere(path: string): Promise<Buffer | undefined> {
  return orAbsent(readFile(path));
}

/** Names in a folder; none when it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await orAbsent(readdir(folder))) ?? [];
}

async function syncUpTo(folder: string, top: string): Promise<void> {
  const folders: string[] = [];
  for (let at = folder; at.length >= top.length; at = dirname(at)) folders.push(at);
  await Promise.all(folders.map(syncFolder));
}

/** A path whose parent is a file (a repository named like another's blob) is as absent as one without parent. */
async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
