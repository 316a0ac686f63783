import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import type { Json, TableFacts } from './archive/types.js';

/** What a database holds, as it said itself. */
export interface DatabaseContent {
  readonly serverVersion: string;
  /** 150017 */
  readonly serverNumber: number;
  /** Bytes on the server's disk. */
  readonly size: number;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly owner: string;
  readonly tables: readonly (TableFacts & { readonly hash: string })[];
  readonly sequences: readonly {
    readonly schema: string;
    readonly name: string;
    readonly value: string;
    readonly called: boolean;
  }[];
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  readonly largeObjects: { readonly count: number; readonly hash: string };
  readonly settings: DatabaseSettings;
}

/** What belongs to the database itself and to none of its tables. Settings may be secrets. */
export interface DatabaseSettings {
  /** `parameter=value`, for every session or for those of one role. */
  readonly settings: readonly { readonly role: string; readonly setting: string }[];
  /** An empty grantee is everybody. */
  readonly grants: readonly {
    readonly grantee: string;
    readonly privilege: string;
    readonly grantable: boolean;
  }[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const fact = v.variant('kind', [
  v.object({
    kind: v.literal('database'),
    server: v.string(),
    number: count,
    size: count,
    encoding: v.string(),
    collate: v.string(),
    ctype: v.string(),
    owner: v.string(),
  }),
  v.object({ kind: v.literal('extension'), name: v.string(), version: v.string() }),
  v.object({ kind: v.literal('table'), schema: v.string(), name: v.string(), rows: count, hash: v.string() }),
  v.object({
    kind: v.literal('sequence'),
    schema: v.string(),
    name: v.string(),
    value: v.string(),
    called: v.boolean(),
  }),
  v.object({ kind: v.literal('largeObjects'), count, hash: v.string() }),
  v.object({ kind: v.literal('setting'), role: v.string(), setting: v.string() }),
  v.object({ kind: v.literal('grant'), grantee: v.string(), privilege: v.string(), grantable: v.boolean() }),
]);
type Fact = v.InferOutput<typeof fact>;

export interface Sums {
  /** 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/** The sums that were made inside the pod; undefined when they did not come. */
export function parseSums(report: string): Sums | undefined {
  const sha256 = /^airgap:sha256 ([0-9a-f]{64})$/m.exec(report)?.[1];
  const bytes = /^airgap:bytes (\d{1,15})$/m.exec(report)?.[1];
  return sha256 === undefined || bytes === undefined ? undefined : { sha256, bytes: Number(bytes) };
}

/** The lines of facts of a dump's report. */
export function factLines(report: string): string[] {
  return report.split('\n').flatMap((line) => (line.startsWith('airgap:fact ') ? [line.slice(12)] : []));
}

/** @throws AirgapError BACKUP_FAILED when the lines do not describe a database */
export function parseContent(lines: readonly string[]): DatabaseContent {
  const facts = lines.flatMap((line, index) => (line === '' ? [] : [parseFact(line, index)]));
  const of = <K extends Fact['kind']>(kind: K) =>
    facts.filter((each): each is Extract<Fact, { kind: K }> => each.kind === kind);
  const [database] = of('database');
  const [large] = of('largeObjects');
  if (!database || !large) throw unreadable(`${lines.length} lines without the database’s own`);
  return {
    serverVersion: database.server,
    serverNumber: database.number,
    size: database.size,
    encoding: database.encoding,
    collate: database.collate,
    ctype: database.ctype,
    owner: database.owner,
    tables: of('table').map(({ schema, name, rows, hash }) => ({ schema, name, rows, hash })),
    sequences: of('sequence').map(({ schema, name, value, called }) => ({ schema, name, value, called })),
    extensions: of('extension').map(({ name, version }) => ({ name, version })),
    largeObjects: { count: large.count, hash: large.hash },
    settings: {
      settings: of('setting').map(({ role, setting }) => ({ role, setting })),
      grants: of('grant').map(({ grantee, privilege, grantable }) => ({ grantee, privilege, grantable })),
    },
  };
}

/** What of a content has no field of its own in the manifest; no settings, which may be secrets. */
export function contentMeta(content: DatabaseContent): { readonly [key: string]: Json } {
  const { tables, serverVersion: _version, serverNumber, settings: _secret, ...rest } = content;
  return {
    ...(JSON.parse(JSON.stringify(rest)) as { readonly [key: string]: Json }),
    serverNumber,
    hashes: tables.map(({ hash }) => hash),
  };
}

/** The opposite of contentMeta with the manifest's tables; undefined when the backup has no hashes. */
export function contentOf(
  tables: readonly TableFacts[],
  meta: { readonly [key: string]: Json | undefined } | undefined,
):
  | Pick<
      DatabaseContent,
      'tables' | 'largeObjects' | 'owner' | 'encoding' | 'collate' | 'ctype' | 'extensions'
    >
  | undefined {
  const hashes = meta?.['hashes'];
  if (!meta || !Array.isArray(hashes) || hashes.length !== tables.length) return undefined;
  const rest = meta as unknown as DatabaseContent;
  return {
    tables: tables.map((table, index) => ({ ...table, hash: String(hashes[index]) })),
    largeObjects: rest.largeObjects,
    owner: rest.owner,
    encoding: rest.encoding,
    collate: rest.collate,
    ctype: rest.ctype,
    extensions: rest.extensions ?? [],
  };
}

type Comparable = Pick<DatabaseContent, 'tables' | 'largeObjects'> & { readonly settings?: DatabaseSettings };

/** Every difference between two contents, in words; empty when rows and hashes are the same. Pure. */
export function compareContents(expected: Comparable, found: Comparable): string[] {
  const key = (table: TableFacts): string => JSON.stringify([table.schema, table.name]);
  const live = new Map(found.tables.map((table) => [key(table), table]));
  const faults: string[] = [];
  for (const table of expected.tables) {
    const name = printable(`${table.schema}.${table.name}`, 200);
    const other = live.get(key(table));
    live.delete(key(table));
    if (!other) faults.push(`table ${name} is missing`);
    else if (other.rows !== table.rows)
      faults.push(`table ${name} has ${other.rows} rows instead of ${table.rows}`);
    else if (other.hash !== table.hash) faults.push(`table ${name} has other rows`);
  }
  for (const table of live.values())
    faults.push(`table ${printable(`${table.schema}.${table.name}`, 200)} is there and not in the backup`);
  const [one, two] = [expected.largeObjects, found.largeObjects];
  if (one.count !== two.count) faults.push(`${two.count} large objects instead of ${one.count}`);
  else if (one.hash !== two.hash) faults.push('large objects have other content');
  if (expected.settings && !isDeepStrictEqual(expected.settings, found.settings))
    faults.push('settings or grants of the database itself are others');
  return faults;
}

function parseFact(line: string, index: number): Fact {
  const result = v.safeParse(fact, safeJson(line));
  if (result.success) return result.output;
  // Not the line itself: a setting may be a secret.
  throw unreadable(`line ${index + 1} of ${line.length} characters is no fact about it`);
}

function unreadable(found: string): AirgapError {
  return new AirgapError('BACKUP_FAILED', 'what the database says about its tables cannot be read', {
    found,
  });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
