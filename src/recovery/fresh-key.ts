import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity, type Identity, writeIdentityFile } from './archive/age/keys.js';

export interface FreshKey extends Identity {
  /** The file that it was written to, mode 0600. */
  readonly path: string;
}

/**
 * Makes a key for one backup, in a file below the folder of the record of runs.
 * @param name without folder; must not be there yet
 * @throws AirgapError OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function makeFreshKey(
  stateRoot: string,
  { name, now }: { readonly name: string; readonly now: number },
): Promise<FreshKey> {
  const identity = generateIdentity();
  const folder = join(stateRoot, 'keys');
  const path = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeIdentityFile(path, identity, new Date(now).toISOString());
  return { ...identity, path };
}
