import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lockOutput } from '../../bundle/output-lock.js';
import { AirgapError } from '../../errors.js';
import { asWriteError, syncFolder } from '../../io/atomic.js';

/** A file that gets its name only when it is whole. */
export interface BackupTarget {
  readonly file: FileHandle;
  /**
   * Makes it durable, lets `check` read it, and gives it its name. From then on nothing fails any more: it is the
   * finished file, and those who made it must not take back what belongs to it.
   * @returns what is doubtful about it, in words
   */
  publish(check: (partial: string) => Promise<void>): Promise<string[]>;
  /** Removes what is there; does nothing after publish or a second time. */
  discard(): Promise<void>;
}

/**
 * Opens OUTPUT.partial (mode 0600) under a lock. One that a killed run left is replaced: the end of a dump cannot be
 * fetched later.
 * @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL, LOCKED
 */
export async function openTarget(output: string): Promise<BackupTarget> {
  const partial = `${output}.partial`;
  await requireFree(output);
  const lock = await lockOutput(output, 'backup');
  let file: FileHandle;
  try {
    await rm(partial, { force: true });
    file = await open(partial, 'wx', 0o600);
  } catch (error) {
    await lock.release();
    throw asWriteError(error, output);
  }
  let isOpen = true;
  const leave = async (): Promise<void> => {
    isOpen = false;
    await lock.release();
  };
  return {
    file,
    async publish(check) {
      await file.sync();
      await check(partial);
      await file.close();
      await requireFree(output);
      await rename(partial, output);
      return [
        ...(await doubt(`${output}.lock could not be removed and is of no use any more`, leave())),
        ...(await doubt(
          `a power failure in the next moments could take the name ${output} away: its folder could not be synced`,
          syncFolder(dirname(output)),
        )),
      ];
    },
    async discard() {
      if (!isOpen) return;
      await file.close().catch(() => {});
      await rm(partial, { force: true });
      await leave();
    },
  };
}

async function doubt(meaning: string, work: Promise<void>): Promise<string[]> {
  return work.then(
    () => [],
    (error: unknown) => [`${meaning} (${error instanceof Error ? error.message : String(error)})`],
  );
}

/** A backup is never written over another file. */
async function requireFree(output: string): Promise<void> {
  if (!(await lstat(output).catch(() => undefined))) return;
  throw new AirgapError('OUTPUT_UNWRITABLE', `${output} is there already`, {
    hint: 'choose another name with -o; a backup is never overwritten',
  });
}
