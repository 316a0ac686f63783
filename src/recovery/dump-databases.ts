import { AirgapError, isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { printable } from '../redact.js';
import { partPath } from './archive/path.js';
import type { DatabaseFacts } from './archive/types.js';
import type { BackupWriter } from './archive/writer.js';
import { callDatabase, listDatabases, ownDatabase } from './database-list.js';
import type { Database } from './database-place.js';
import { contentMeta, factLines, parseContent, parseSums } from './dump-report.js';
import { DUMP_SCRIPT, GLOBALS_SCRIPT } from './dump-script.js';
import { execStream, lastWords } from './exec-stream.js';

export interface DumpOptions {
  readonly client: Pick<KubeClient, 'exec'>;
  readonly database: Database;
  readonly writer: Pick<BackupWriter, 'addStream' | 'addFile'>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export const GLOBALS_PATH = 'database/globals.sql';
/** Parts with the settings and grants of one database. */
export const SETTINGS_ROLE = 'database-settings';

/**
 * Dumps every database that is no template (of a server elsewhere the product's own), and the roles. What is counted
 * and hashed inside the pod must be what arrived: exec streams are known to end early and still succeed.
 * @throws AirgapError BACKUP_FAILED
 */
export async function dumpDatabases(options: DumpOptions): Promise<DatabaseFacts[]> {
  const { databases, dumpVersion, superuser } = await listDatabases(options);
  await dumpGlobals(options, superuser ? 'with-passwords' : 'without-passwords');
  const facts: DatabaseFacts[] = [];
  for (const name of databases) facts.push(await dumpDatabase(name, dumpVersion, options));
  return facts;
}

async function dumpGlobals(
  options: DumpOptions,
  passwords: 'with-passwords' | 'without-passwords',
): Promise<void> {
  const what = 'the roles';
  const flag = passwords === 'with-passwords' ? '' : '--no-role-passwords';
  const call = callDatabase(GLOBALS_SCRIPT, [ownDatabase(options.database), flag], options);
  const { taken, result, report } = await reading(what, () =>
    execStream(call, (stdout) =>
      options.writer.addStream(GLOBALS_PATH, stdout, { role: 'database-globals', meta: { passwords } }),
    ),
  );
  demandWhole(what, { taken, exitCode: result.exitCode, stderr: result.stderr, report });
}

async function dumpDatabase(name: string, dumpVersion: string, options: DumpOptions): Promise<DatabaseFacts> {
  const { writer, emit } = options;
  const what = `database ${printable(name, 100)}`;
  const part = partPath('database', `${name}.dump`);
  const { taken, result, report } = await reading(what, () =>
    execStream(callDatabase(DUMP_SCRIPT, [name], options), (stdout) =>
      writer.addStream(part, stdout, { role: 'database-dump', meta: { database: name } }),
    ),
  );
  demandWhole(what, { taken, exitCode: result.exitCode, stderr: result.stderr, report });
  const content = parseContent(factLines(report));
  await writer.addFile(partPath('database', `${name}.settings.json`), JSON.stringify(content.settings), {
    role: SETTINGS_ROLE,
    meta: { database: name },
  });
  const rows = content.tables.reduce((sum, table) => sum + table.rows, 0);
  emit({ type: 'note', level: 'info', text: `${what}: ${content.tables.length} tables, ${rows} rows` });
  return {
    name,
    part,
    format: 'custom',
    serverVersion: content.serverVersion,
    dumpVersion,
    tables: content.tables.map(({ schema, name: table, rows: n }) => ({ schema, name: table, rows: n })),
    meta: contentMeta(content),
  };
}

/** A stream that broke is a backup that failed, whatever broke it. */
async function reading<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isAirgapError(error, 'EXEC_BROKEN') && !isAirgapError(error, 'CLUSTER_UNREACHABLE')) throw error;
    throw new AirgapError('BACKUP_FAILED', `${what} could not be read to its end`, {
      expected: 'the whole dump and its sums',
      found: `${error.message}${error.found === undefined ? '' : `: ${error.found}`}`,
      cause: error,
    });
  }
}

interface Arrived {
  readonly taken: { readonly size: number; readonly sha256: string };
  readonly exitCode: number;
  readonly stderr: string;
  readonly report: string;
}

/** @throws AirgapError BACKUP_FAILED when what arrived is not what was sent */
export function demandWhole(what: string, { taken, exitCode, stderr, report }: Arrived): void {
  if (exitCode !== 0) {
    throw new AirgapError('BACKUP_FAILED', `${what} could not be saved`, {
      expected: 'exit 0',
      found: `exit ${exitCode}: ${lastWords(stderr)}`,
    });
  }
  const sums = parseSums(report);
  if (sums?.sha256 === taken.sha256 && sums.bytes === taken.size) return;
  throw new AirgapError('BACKUP_FAILED', `${what} did not arrive as it was sent`, {
    expected: sums ? `${sums.bytes} bytes, sha256:${sums.sha256}` : 'the sums from inside the pod',
    found: `${taken.size} bytes, sha256:${taken.sha256}`,
  });
}
