import type { Fault } from '../errors.js';
import { printable } from '../redact.js';
import type { CountedDatabase, DatabaseCount } from '../run/database-count.js';

type Counted = Extract<DatabaseCount, { kind: 'counted' }>;

/** A database that lost more than this share of its rows is worth a look; migrations move rows, but seldom so many. */
const LEAST_SHARE = 0.5;
/** So few rows say nothing by their number. */
const FEW_ROWS = 100;

/**
 * What was in the databases before an upgrade and is not there after it. A product that starts on an empty volume
 * makes its tables and first users anew, so that rows alone say little: the data directory must be the same one. Pure.
 */
export function databaseLosses(before: Counted, after: Counted): Fault[] {
  return before.databases.flatMap((was): Fault[] => {
    const now = after.databases.find(({ name }) => name === was.name);
    const what = lossOf({ was, now, isOtherServer: before.server !== after.server });
    if (what === undefined) return [];
    const found = now ? held(now) : 'no such database';
    return [{ where: printable(was.name, 100), what, expected: held(was), found }];
  });
}

/** Databases that are much smaller than before, in words. Pure. */
export function databaseShrinkages(before: Counted, after: Counted): string[] {
  return before.databases.flatMap((was) => {
    const now = after.databases.find(({ name }) => name === was.name);
    if (now === undefined || was.rows < FEW_ROWS || now.rows >= was.rows * LEAST_SHARE) return [];
    return [`database ${printable(was.name, 100)} has ${held(now)}; before the upgrade it had ${held(was)}`];
  });
}

interface Pair {
  readonly was: CountedDatabase;
  readonly now: CountedDatabase | undefined;
  readonly isOtherServer: boolean;
}

function lossOf({ was, now, isOtherServer }: Pair): string | undefined {
  if (!now) return 'is gone';
  if (was.rows > 0 && now.rows === 0) return 'had rows and has none now';
  if (isOtherServer && now.rows < was.rows) return 'lies in another data directory, and lacks rows';
  return undefined;
}

function held({ tables, rows }: CountedDatabase): string {
  return `${tables} tables, ${rows} rows`;
}
