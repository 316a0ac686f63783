import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { runChild } from '../io/process.js';
import { printable } from '../redact.js';
import type { OpenBackup } from './archive/open.js';
import type { DatabaseFacts } from './archive/types.js';
import { type DumpHeader, parseDumpHeader } from './dump-header.js';
import { missingTables } from './dump-list.js';
import type { StructureCheck } from './types.js';

export interface StructureOptions {
  /** Where PATH comes from; pg_restore inherits nothing else. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** Bytes at the start of a dump that its own header fits in. */
const HEAD = 64 * 1024;

/**
 * Looks into each database dump as a restore would: with pg_restore --list when there is one, else by its header.
 * @returns one row a dump; nothing is thrown for a damaged dump
 */
export async function checkStructure(
  backup: OpenBackup,
  options: StructureOptions,
): Promise<StructureCheck[]> {
  const restore = await findProgram('pg_restore', options.env['PATH']);
  const checks: StructureCheck[] = [];
  for (const database of backup.manifest.databases) {
    if (database.format !== 'custom') continue;
    options.signal?.throwIfAborted();
    checks.push(await checkDump(backup, database, { ...options, restore }));
  }
  return checks;
}

interface DumpOptions extends StructureOptions {
  readonly restore: string | undefined;
}

async function checkDump(
  backup: OpenBackup,
  database: DatabaseFacts,
  options: DumpOptions,
): Promise<StructureCheck> {
  const row = (state: StructureCheck['state'], detail: string): StructureCheck => ({
    part: database.part,
    database: printable(database.name, 100),
    state,
    detail,
  });
  const header = parseDumpHeader(await headOf(backup, database.part));
  if (typeof header === 'string') return row('damaged', header);
  const own = describe(header);
  if (options.restore === undefined) return row('header', `structure not checked: no pg_restore; ${own}`);
  const { exitCode, stdout, stderr } = await runChild(options.restore, ['--list'], {
    env: { PATH: options.env['PATH'], LC_ALL: 'C' },
    input: backup.stream(database.part),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (exitCode !== 0) {
    const said = stderr.trim().split('\n').at(-1) ?? '';
    if (/unsupported version/.test(said)) {
      return row('header', `structure not checked: this pg_restore is older than the dump; ${own}`);
    }
    return row('damaged', `pg_restore --list: ${said || `exit ${exitCode}`}`);
  }
  const missing = missingTables(stdout, database.tables);
  if (missing.length > 0) {
    return row('damaged', `lacks the data of ${missing.length} tables: ${missing.slice(0, 5).join(', ')}`);
  }
  const entries = stdout.split('\n').filter((line) => /^\d+;/.test(line)).length;
  return row('listed', `${entries} entries by pg_restore --list; ${own}`);
}

function describe({ version, dumpVersion, serverVersion }: DumpHeader): string {
  return `format ${version}, pg_dump ${dumpVersion}, server ${serverVersion}`;
}

async function headOf(backup: OpenBackup, part: string): Promise<Buffer> {
  const stream = backup.stream(part);
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size >= HEAD) break;
  }
  return Buffer.concat(pieces);
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
