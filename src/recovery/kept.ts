import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '../run/types.js';
import type { ServerAddress } from './database-address.js';
import { oldName } from './database-names.js';
import { dropCommand } from './old-left.js';
import { restoreActionOf } from './plan.js';
import { SAFETY_KEY, safetyBackupsIn } from './safety-backup.js';

/** What a restore replaced, and where it still is. */
export interface Kept {
  readonly safetyBackup?: {
    readonly path: string;
    /** Files of keys beside it; a run that was killed while it made the backup left one that opens nothing. */
    readonly keyFiles: readonly string[];
  };
  readonly databases: readonly {
    readonly name: string;
    /** The name under which it stayed. */
    readonly old: string;
    /** Command that drops it. */
    readonly drop: string;
  }[];
}

/**
 * Looks into the plan and the run's folder; the cluster is not asked.
 * @param server where the databases are, when outside of the cluster
 */
export async function findKept({ steps }: Plan, runFolder: string, server?: ServerAddress): Promise<Kept> {
  const actions = steps.flatMap((step) => restoreActionOf(step) ?? []);
  const dropped = new Set(actions.flatMap((each) => (each.kind === 'drop-old' ? [each.database] : [])));
  const swapped = actions.flatMap((each) => (each.kind === 'swap' ? each.databases : []));
  const files = actions.some(({ kind }) => kind === 'safety-backup')
    ? await readdir(runFolder).catch(() => [])
    : [];
  const safety = safetyBackupsIn(files).at(-1);
  const keyFiles = files.filter((name) => SAFETY_KEY.test(name)).map((name) => join(runFolder, name));
  return {
    ...(safety === undefined ? {} : { safetyBackup: { path: join(runFolder, safety), keyFiles } }),
    databases: swapped
      .filter((name) => !dropped.has(name))
      .map((name) => ({ name, old: oldName(name), drop: dropCommand(oldName(name), server) })),
  };
}
