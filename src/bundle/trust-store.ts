import type { Stats } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { type PublicKey, parsePublicKey } from './minisign.js';

const FILE_LIMIT = 4096;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Reads every NAME.pub of a folder of trusted keys. Neither the folder nor a key may be a link or writable by others:
 * who can write there decides what is trusted (threats 35).
 * @returns undefined when the folder does not exist
 * @throws AirgapError TRUST_UNSAFE
 */
export async function loadTrustedKeys(folder: string): Promise<PublicKey[] | undefined> {
  const stats = await lstat(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unsafe(folder, 'cannot be read', error);
  });
  if (!stats) return undefined;
  if (!stats.isDirectory()) throw unsafe(folder, stats.isSymbolicLink() ? 'is a link' : 'is not a folder');
  checkMode(folder, stats);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pub')).sort();
  const keys: PublicKey[] = [];
  for (const name of names) keys.push(await loadKey(join(folder, name)));
  return keys;
}

async function loadKey(path: string): Promise<PublicKey> {
  const stats = await lstat(path);
  if (!stats.isFile()) throw unsafe(path, stats.isSymbolicLink() ? 'is a link' : 'is not a file');
  checkMode(path, stats);
  if (stats.size > FILE_LIMIT) throw unsafe(path, 'is too large for a public key');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw unsafe(path, 'cannot be read', error);
  });
  const key = parsePublicKey(text);
  if (key) return key;
  throw unsafe(path, 'holds no minisign public key');
}

function checkMode(path: string, { mode, uid }: Stats): void {
  if ((mode & WRITABLE_BY_OTHERS) !== 0) throw unsafe(path, 'is writable by others');
  const me = process.getuid?.();
  if (me !== undefined && uid !== 0 && uid !== me) throw unsafe(path, 'belongs to another user');
}

function unsafe(path: string, what: string, cause?: unknown): AirgapError {
  return new AirgapError('TRUST_UNSAFE', `${path} ${what}`, {
    expected: 'a folder of NAME.pub files, owned by you or root, writable by nobody else, no links',
    ...(cause === undefined ? {} : { cause }),
  });
}
