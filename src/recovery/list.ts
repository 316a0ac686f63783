import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK, decodeHeader } from '../bundle/tar.js';
import { AirgapError, isAirgapError, systemCode } from '../errors.js';
import { AGE_MAGIC } from './archive/age/header.js';
import { encryptionOf, type OpenBackupOptions, openBackup } from './archive/open.js';
import { README_PATH } from './archive/readme.js';
import { openBackupFile } from './archive/source.js';
import type { DatabaseTotals } from './create-types.js';
import { heldParts } from './held-parts.js';
import { readMark } from './marks.js';
import type { KeptBackup } from './retention.js';
import { snapshotsOf } from './snapshot-expire.js';
import type { ListedBackup } from './types.js';

/**
 * Finds the backups of a folder by their content, whatever they are called, newest first. Only the ends of the files
 * are read; an encrypted one shows more when a key is given.
 * @throws AirgapError FILE_NOT_FOUND
 */
export async function listBackups(folder: string, options: OpenBackupOptions = {}): Promise<ListedBackup[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    const code = systemCode(error);
    throw new AirgapError('FILE_NOT_FOUND', `${folder} cannot be listed`, {
      ...(code ? { found: code } : {}),
      cause: error,
    });
  });
  const found: ListedBackup[] = [];
  for (const name of names.sort()) {
    options.signal?.throwIfAborted();
    const listed = await look(join(folder, name), options);
    if (listed) found.push(listed);
  }
  return found.sort((a, b) => (b.createdAt ?? '').localeCompare(a.createdAt ?? ''));
}

/** What retention may decide about: whole backups of a known time and cluster. */
export function keptOf(listed: readonly ListedBackup[]): KeptBackup[] {
  return listed.flatMap(({ path, state, createdAt, clusterUid, verifiedAt, snapshots, holds }) =>
    (state === 'readable' || state === 'locked') && createdAt !== undefined && clusterUid !== undefined
      ? [
          {
            ...{ path, createdAt: Date.parse(createdAt), clusterUid, isVerified: verifiedAt !== undefined },
            ...(snapshots ? { snapshots } : {}),
            ...(holds ? { holds } : {}),
          },
        ]
      : [],
  );
}

/** The newest verified backup of a cluster in a folder that says what its databases held; read from marks alone. */
export async function lastVerified(
  folder: string,
  clusterUid: string,
): Promise<{ readonly path: string; readonly databases: readonly DatabaseTotals[] } | undefined> {
  const names = await readdir(folder).catch(() => []);
  let newest: { createdAt: string; path: string; databases: readonly DatabaseTotals[] } | undefined;
  for (const name of names) {
    const path = join(folder, name);
    const mark = await readMark(path);
    if (mark?.clusterUid !== clusterUid || !mark.databases?.length) continue;
    if (newest === undefined || mark.createdAt > newest.createdAt)
      newest = { createdAt: mark.createdAt, path, databases: mark.databases };
  }
  return newest && { path: newest.path, databases: newest.databases };
}

async function look(path: string, options: OpenBackupOptions): Promise<ListedBackup | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile() || stats.size === 0) return undefined;
  const start = { path, size: stats.size };
  if (path.endsWith('.partial')) {
    return (await beginsAsBackup(path))
      ? { ...start, state: 'unfinished', detail: 'left by a run that was killed' }
      : undefined;
  }
  try {
    return await lookInside(start, options);
  } catch (error) {
    if (!isAirgapError(error)) throw error;
    if (!(await beginsAsBackup(path))) return undefined;
    return { ...start, state: 'damaged', detail: error.message };
  }
}

async function lookInside(
  { path, size }: { readonly path: string; readonly size: number },
  options: OpenBackupOptions,
): Promise<ListedBackup> {
  const mark = await readMark(path);
  const marked = mark ? { verifiedAt: mark.verifiedAt } : {};
  try {
    const backup = await openBackup(path, options);
    try {
      const { createdAt, clusterUid, product } = backup.manifest;
      const { encryption, backupId } = backup;
      const snapshots = snapshotsOf(backup.manifest);
      return {
        path,
        size,
        state: 'readable',
        encryption,
        createdAt,
        clusterUid,
        product,
        backupId,
        ...marked,
        holds: heldParts(backup.manifest),
        ...(snapshots.length > 0 ? { snapshots } : {}),
      };
    } finally {
      await backup.close();
    }
  } catch (error) {
    if (!isAirgapError(error, 'BACKUP_KEY')) throw error;
    const file = await openBackupFile(path);
    const encryption = encryptionOf(file);
    await file.bytes.close();
    const known = mark
      ? {
          createdAt: mark.createdAt,
          clusterUid: mark.clusterUid,
          backupId: mark.backupId,
          ...(mark.snapshots ? { snapshots: mark.snapshots } : {}),
          ...(mark.holds ? { holds: mark.holds } : {}),
        }
      : {};
    return { path, size, state: 'locked', encryption, ...known, ...marked, detail: error.hint };
  }
}

/** True for an age file and for a tar whose first entry is ours, damaged or not. */
async function beginsAsBackup(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer } = await file.read(Buffer.alloc(BLOCK), 0, BLOCK, 0);
    if (buffer.toString('latin1', 0, AGE_MAGIC.length) === AGE_MAGIC) return true;
    return decodeHeader(buffer)?.path === README_PATH;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
