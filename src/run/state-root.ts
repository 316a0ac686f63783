import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';

/**
 * Makes the folder of the record of runs and tries to write there, before anything else is asked or done: a run without
 * a journal must not begin (threats 21 and 85).
 * @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function requireStateRoot(root: string): Promise<void> {
  const probe = join(root, `.probe.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(root, { recursive: true, mode: 0o700 }).catch(async (error: unknown) => {
      // On a read-only file system Node's recursive mkdir says ENOENT; the plain one says why.
      if (systemCode(error) !== 'ENOENT') throw error;
      await mkdir(root, { mode: 0o700 });
    });
    const file = await open(probe, 'wx', 0o600);
    await file.writeFile('airgap').finally(() => file.close());
  } catch (error) {
    const found = systemCode(error);
    if (found === undefined) throw error;
    const isFull = found === 'ENOSPC' || found === 'EDQUOT';
    throw new AirgapError(
      isFull ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE',
      `the record of runs cannot be kept in ${root}`,
      {
        expected: 'a folder that can be written, on a file system with room',
        found,
        hint: `${isFull ? 'make room there' : 'mend its permissions'}, or name another folder: --state-dir DIR`,
        cause: error,
      },
    );
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}
