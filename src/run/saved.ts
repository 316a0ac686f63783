import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError, writeFileAtomic } from '../io/atomic.js';
import { sha256 } from './canonical.js';
import type { SavedItem, SavedStore } from './types.js';

/** A copy of what was saved, kept in the cluster (a Secret) so that another host can go on. */
export interface SavedMirror {
  put(name: string, content: Buffer): Promise<void>;
  get(name: string): Promise<Buffer | undefined>;
}

const NAME = /^[a-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}$/;
const SUM = '.sha256';

/** What a run saves: `saved/` below its folder, files 0600, each with its digest beside it. */
export function openSavedStore(folder: string, mirror?: SavedMirror): SavedStore {
  const root = join(folder, 'saved');
  return {
    put: async (name, content) => {
      const path = pathOf(root, name);
      const bytes = Buffer.from(content);
      const item: SavedItem = { name, sha256: sha256(bytes), size: bytes.length };
      await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
        throw asWriteError(error, path);
      });
      await writeFileAtomic(path, bytes, { mode: 0o600 });
      await writeFileAtomic(path + SUM, `${item.sha256}\n`, { mode: 0o600 });
      await mirror?.put(name, bytes);
      return item;
    },
    get: async (name) => (await readSaved(pathOf(root, name))) ?? (await mirror?.get(name)),
    list: async () => listSaved(root),
  };
}

async function readSaved(path: string): Promise<Buffer | undefined> {
  const bytes = await absentIsUndefined(readFile(path));
  const sum = await absentIsUndefined(readFile(path + SUM, 'utf8'));
  if (bytes === undefined || sum === undefined) return undefined;
  if (sha256(bytes) === sum.trim()) return bytes;
  throw new AirgapError('BACKUP_INVALID', `${path} is not what was saved`, {
    expected: `sha256:${sum.trim()}`,
    found: `sha256:${sha256(bytes)}`,
    hint: 'somebody edited or damaged the file; put the saved content back before going on',
  });
}

async function listSaved(root: string): Promise<SavedItem[]> {
  const names = (await absentIsUndefined(readdir(root, { recursive: true, withFileTypes: true }))) ?? [];
  const items: SavedItem[] = [];
  for (const entry of names) {
    if (!entry.isFile() || !entry.name.endsWith(SUM)) continue;
    const path = join(entry.parentPath, entry.name.slice(0, -SUM.length));
    const bytes = await readSaved(path);
    if (bytes) items.push({ name: path.slice(root.length + 1), sha256: sha256(bytes), size: bytes.length });
  }
  return items.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function pathOf(root: string, name: string): string {
  if (NAME.test(name) && !name.endsWith(SUM)) return join(root, ...name.split('/'));
  throw new AirgapError('INTERNAL', `"${name}" is no name for something saved`);
}

async function absentIsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
