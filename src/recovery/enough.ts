import { AirgapError, type Fault } from '../errors.js';
import { printable } from '../redact.js';
import { POSTGRES } from '../runai/postgres.js';
import type { DatabaseTotals, Least } from './create-types.js';
import type { LiveSite } from './observe-site.js';
import { textAt } from './value-at.js';

/** A database that lost more than this share of its tables or rows since the last backup is looked at first. */
const LEAST_SHARE = 0.5;
/** So few rows say nothing by their number. */
const FEW_ROWS = 100;

/**
 * The product's database must be there and hold something, and not much less than at the last backup: a wrong, empty
 * or lagging server also gives a dump without any error (threats 124). Pure.
 * @param own the product's database
 * @throws AirgapError BACKUP_FAILED with every fault
 */
export function demandEnough(found: readonly DatabaseTotals[], own: string, { last }: Least): void {
  const faults: Fault[] = [];
  const database = found.find(({ name }) => name === own);
  if (!database) {
    faults.push({ where: printable(own, 100), what: 'is not on this server', found: namesOf(found) });
  } else if (database.tables === 0 || database.rows === 0) {
    faults.push({ where: own, what: `is empty: ${database.tables} tables, ${database.rows} rows` });
  }
  const isOnlySmaller = faults.length === 0;
  for (const before of last?.databases ?? []) {
    const now = found.find(({ name }) => name === before.name);
    const fault = shrinkage(before, now);
    if (fault !== undefined && !(before.name === own && faults.length > 0))
      faults.push({
        where: printable(before.name, 100),
        what: fault,
        expected: `about ${before.tables} tables and ${before.rows} rows, as in ${last?.path}`,
        found: now ? `${now.tables} tables and ${now.rows} rows` : 'no such database',
      });
  }
  if (faults.length === 0) return;
  throw new AirgapError('BACKUP_FAILED', 'this is not the database that the product had', {
    faults,
    hint: isOnlySmaller
      ? 'look at the database before anything else; when it is right as it is: --allow-smaller'
      : 'look at the database before anything else; to save the rest: --skip database',
  });
}

function shrinkage(before: DatabaseTotals, now: DatabaseTotals | undefined): string | undefined {
  if (!now) return before.rows === 0 ? undefined : 'is gone';
  if (now.tables < before.tables * LEAST_SHARE) return 'lost more than half of its tables';
  if (before.rows >= FEW_ROWS && now.rows < before.rows * LEAST_SHARE)
    return 'lost more than half of its rows';
  return undefined;
}

function namesOf(found: readonly DatabaseTotals[]): string {
  return found.map(({ name }) => printable(name, 60)).join(', ') || 'no database';
}

/** The name of the product's database by the values of either era; the charts' own name when they say none. */
export function productDatabase({ values, external }: Pick<LiveSite, 'values' | 'external'>): string {
  if (external) return external.database;
  const keys = [
    'global.postgresql.auth.database',
    'postgresql.auth.database',
    'global.db.dbName',
    'postgresql.postgresqlDatabase',
  ];
  for (const key of keys) {
    const name = textAt(values, key.split('.'));
    if (name !== undefined) return name;
  }
  return POSTGRES.database;
}
