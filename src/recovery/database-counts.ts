import type { DatabaseTotals } from './create-types.js';
import { callDatabase, type DatabaseCall, listDatabases } from './database-list.js';
import { parseContent } from './dump-report.js';
import { CHECKPOINT_SCRIPT, FACTS_SCRIPT } from './dump-script.js';
import { execText } from './exec-stream.js';

export interface CountedDatabases {
  /** 15.14 */
  readonly serverVersion: string;
  readonly databases: readonly DatabaseTotals[];
}

/** Tables and rows of every database, for a copy of the volume that holds them. @throws AirgapError BACKUP_FAILED */
export async function countDatabases(options: DatabaseCall): Promise<CountedDatabases> {
  const { databases } = await listDatabases(options);
  const counted: DatabaseTotals[] = [];
  let serverVersion = '';
  for (const name of databases) {
    const text = await execText(callDatabase(FACTS_SCRIPT, [name], options), {
      code: 'BACKUP_FAILED',
      what: `the tables of ${name} cannot be counted`,
    });
    const content = parseContent(text.split('\n'));
    serverVersion = content.serverVersion;
    const rows = content.tables.reduce((sum, table) => sum + table.rows, 0);
    counted.push({ name, tables: content.tables.length, rows });
  }
  return { serverVersion, databases: counted };
}

/** Lets the server write what it holds in memory, so that a snapshot needs little recovery. */
export async function checkpoint(options: DatabaseCall): Promise<void> {
  await execText(callDatabase(CHECKPOINT_SCRIPT, ['postgres'], options), {
    code: 'BACKUP_FAILED',
    what: 'the database makes no checkpoint',
  });
}
