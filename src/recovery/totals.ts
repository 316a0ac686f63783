import * as v from 'valibot';
import type { BackupManifest, DatabaseFacts } from './archive/types.js';
import type { DatabaseTotals } from './create-types.js';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const counted = v.array(v.object({ name: v.string(), tables: count, rows: count }));

/** Tables and rows of a dump. */
export function totalsOf({ name, tables }: DatabaseFacts): DatabaseTotals {
  return { name, tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) };
}

/** Of all databases of a backup: dumped, or counted before their volume was saved. */
export function allTotals({
  databases,
  volumes,
}: Pick<BackupManifest, 'databases' | 'volumes'>): DatabaseTotals[] {
  const onVolumes = volumes.flatMap(({ purpose, meta }) => {
    const result = v.safeParse(counted, purpose === 'database' ? meta?.['databases'] : undefined);
    return result.success ? result.output : [];
  });
  return [...databases.map(totalsOf), ...onVolumes];
}
