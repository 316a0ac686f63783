import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '../run/types.js';
import type { BeforeSwap } from './before-swap.js';
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

export interface KeptSources {
  readonly plan: Plan;
  readonly runFolder: string;
  /** What was there before the swap; absent when it was not looked at. */
  readonly before: BeforeSwap | undefined;
  /** Where the databases are, when outside of the cluster. */
  readonly server: ServerAddress | undefined;
}

/** Looks into the record of the run; the cluster is not asked. */
export async function findKept({ plan, runFolder, before, server }: KeptSources): Promise<Kept> {
  const actions = plan.steps.flatMap((step) => restoreActionOf(step) ?? []);
  const dropped = new Set(
    actions.flatMap((each) => (each.kind === 'drop-old' && before?.fresh ? [each.database] : [])),
  );
  const swapped = actions.flatMap((each) => (each.kind === 'swap' ? each.databases : []));
  const wasThere = (name: string): boolean => before === undefined || name in before.oids;
  const files = actions.some(({ kind }) => kind === 'safety-backup')
    ? await readdir(runFolder).catch(() => [])
    : [];
  const safety = safetyBackupsIn(files).at(-1);
  const keyFiles = files.filter((name) => SAFETY_KEY.test(name)).map((name) => join(runFolder, name));
  return {
    ...(safety === undefined ? {} : { safetyBackup: { path: join(runFolder, safety), keyFiles } }),
    databases: swapped
      .filter((name) => wasThere(name) && !dropped.has(name))
      .map((name) => ({ name, old: oldName(name), drop: dropCommand(oldName(name), server) })),
  };
}
