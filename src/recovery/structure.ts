import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { runChild } from '../io/process.js';
import { printable } from '../redact.js';
import type { OpenBackup } from './archive/open.js';
import type { DatabaseFacts } from './archive/types.js';
import type { WalkedDump } from './dump-walk.js';
import type { StructureCheck } from './types.js';

export interface StructureOptions {
  /** Where PATH comes from; pg_restore inherits nothing else. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Judges each database dump by what was found when it was read, and has pg_restore list it where there is one.
 * @param walked what was found, by logical path
 * @returns one row a dump; nothing is thrown for a damaged dump
 */
export async function checkStructure(
  backup: OpenBackup,
  walked: ReadonlyMap<string, WalkedDump | string>,
  options: StructureOptions,
): Promise<StructureCheck[]> {
  const restore = await findProgram('pg_restore', options.env['PATH']);
  const checks: StructureCheck[] = [];
  for (const database of customDumps(backup)) {
    options.signal?.throwIfAborted();
    const found = walked.get(database.part) ?? 'was not read';
    checks.push(await checkDump(backup, { database, found }, { ...options, restore }));
  }
  return checks;
}

/** Databases whose dumps have a structure. */
export function customDumps({ manifest }: OpenBackup): DatabaseFacts[] {
  return manifest.databases.filter(({ format }) => format === 'custom');
}

interface Dump {
  readonly database: DatabaseFacts;
  readonly found: WalkedDump | string;
}

async function checkDump(
  backup: OpenBackup,
  { database, found }: Dump,
  options: StructureOptions & { readonly restore: string | undefined },
): Promise<StructureCheck> {
  const row = (state: StructureCheck['state'], detail: string): StructureCheck => ({
    part: database.part,
    database: printable(database.name, 100),
    state,
    detail,
  });
  if (typeof found === 'string') return row('damaged', found);
  const missing = found.isWalked ? missingTables(found, database) : [];
  if (missing.length > 0)
    return row('damaged', `lacks the data of ${missing.length} tables: ${missing.slice(0, 5).join(', ')}`);
  const own = describe(found);
  const alone = found.isWalked ? 'walked' : 'header';
  if (options.restore === undefined)
    return row(alone, `${own}; pg_restore --list did not run: there is none here`);
  const { exitCode, stdout, stderr } = await runChild(options.restore, ['--list'], {
    env: { PATH: options.env['PATH'], LC_ALL: 'C' },
    input: backup.stream(database.part),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (exitCode === 0) {
    const entries = stdout.split('\n').filter((line) => /^\d+;/.test(line)).length;
    return row('listed', `${entries} entries by pg_restore --list; ${own}`);
  }
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (/unsupported version/.test(said))
    return row(alone, `${own}; pg_restore --list did not run: this pg_restore is older than the dump`);
  return row('damaged', `pg_restore --list: ${said || `exit ${exitCode}`}`);
}

/** Tables with recorded rows whose data the dump does not have. The data of partitions stands under their own names. */
function missingTables({ tables }: WalkedDump, database: DatabaseFacts): string[] {
  const found = new Set(tables.map(keyOf));
  return database.tables
    .filter((table) => table.rows > 0 && !found.has(keyOf(table)))
    .map(({ schema, name }) => printable(`${schema}.${name}`, 200));
}

const keyOf = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  JSON.stringify([schema, name]);

function describe({ header, isWalked, blocks }: WalkedDump): string {
  const { version, dumpVersion, serverVersion, layout } = header;
  const read = isWalked
    ? `all ${layout.entries} entries and ${blocks} blocks of data read`
    : 'only its header read, because its format is newer than airgap';
  return `${read}; format ${version}, pg_dump ${dumpVersion}, server ${serverVersion}`;
}

async function findProgram(name: string, path: string | undefined): Promise<string | undefined> {
  for (const folder of (path ?? '').split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
