import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AirgapError, isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import { asWriteError } from '../io/atomic.js';
import { acquireHostLock, type HostLock } from '../run/host-lock.js';
import { folderPaths } from './folder-paths.js';
import { createFolderStore } from './folder-store.js';
import { sweepFolder } from './folder-sweep.js';
import type { WritableStore } from './types.js';

/**
 * Opens a folder for one server at a time, and clears away what an earlier one left unfinished.
 * @throws AirgapError LOCKED, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function openFolderStore(
  folder: string,
  { now, emit }: { readonly now: () => number; readonly emit: Emit },
): Promise<WritableStore> {
  const root = resolve(folder);
  const lock = await lockFolder(root, now);
  try {
    const { orphans } = await sweepFolder(folderPaths(root));
    if (orphans > 0) {
      const text = `${orphans} contents of pushes that were cut short were cleared away from ${folder}`;
      emit({ type: 'note', level: 'info', text });
    }
  } catch (error) {
    await lock.release();
    throw asWriteError(error, root);
  }
  const store = createFolderStore(root, now);
  return {
    ...store,
    async close() {
      await store.close();
      await lock.release();
    },
  };
}

async function lockFolder(root: string, now: () => number): Promise<HostLock> {
  try {
    await mkdir(root, { recursive: true });
    const lock = {
      folder: join(root, '.airgap/lock'),
      runId: 'registry',
      purpose: 'airgap registry serve',
      now,
    };
    return await acquireHostLock(lock);
  } catch (error) {
    if (!isAirgapError(error, 'LOCKED')) throw asWriteError(error, root);
    throw new AirgapError('LOCKED', `${root} is served by another process`, {
      ...(error.found === undefined ? {} : { found: error.found }),
      hint: 'use the registry that is already running, or another folder with --root',
      cause: error,
    });
  }
}
