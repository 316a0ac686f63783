import { AirgapError } from '../errors.js';
import type { KubeClient } from '../kube/types.js';
import { wholeLines } from './answer.js';
import { addressLines, describeAddress } from './database-address.js';
import type { Database } from './database-place.js';
import { LIST_SCRIPT } from './dump-script.js';
import { bashCall, execText } from './exec-stream.js';

/** A server and the way to the pod that reaches it. */
export interface DatabaseCall {
  readonly client: Pick<KubeClient, 'exec'>;
  readonly database: Database;
  readonly signal: AbortSignal;
}

/** What can be saved from a server, and with what. */
export interface ListedDatabases {
  readonly databases: readonly string[];
  readonly dumpVersion: string;
  readonly superuser: boolean;
}

/** @throws AirgapError BACKUP_FAILED for a server that no good dump can be had from */
export async function listDatabases(options: DatabaseCall): Promise<ListedDatabases> {
  const { address } = options.database;
  const text = await execText(callDatabase(LIST_SCRIPT, [ownDatabase(options.database)], options), {
    code: 'BACKUP_FAILED',
    what: 'the databases cannot be listed',
  });
  const { server, dumpVersion } = parseList(text);
  demandServer(server, {
    dumpVersion,
    place: address ? describeAddress(address) : options.database.target.pod,
  });
  const databases = address ? server.databases.filter((name) => name === address.database) : server.databases;
  return { databases, dumpVersion, superuser: server.superuser };
}

/** @throws AirgapError BACKUP_FAILED for an answer that lost its end */
export function parseList(text: string): { readonly server: ServerFacts; readonly dumpVersion: string } {
  const [first = '', second = ''] = wholeLines(text) ?? [];
  const dumpVersion = /\) (\S+)/.exec(second)?.[1];
  try {
    if (dumpVersion !== undefined) return { server: JSON.parse(first) as ServerFacts, dumpVersion };
  } catch {
    // Said below.
  }
  throw new AirgapError('BACKUP_FAILED', 'the list of databases did not arrive whole', {
    expected: 'a line of JSON and the version of pg_dump',
    found: `${text.length} characters`,
  });
}

/** What a server says about itself and about the database that was asked. */
export interface ServerFacts {
  readonly databases: readonly string[];
  /** 15.14 */
  readonly server: string;
  /** 150014 */
  readonly number: number;
  /** It follows another server. */
  readonly recovery: boolean;
  readonly superuser: boolean;
  /** Tables that may not be read with this login. */
  readonly unreadable: readonly string[];
}

/** @throws AirgapError BACKUP_FAILED for a server that would give an old, empty or incomplete dump */
export function demandServer(
  { server, number, recovery, unreadable }: ServerFacts,
  { dumpVersion, place }: { readonly dumpVersion: string; readonly place: string },
): void {
  if (recovery) {
    throw new AirgapError('BACKUP_FAILED', 'the database is a standby and may lag behind', {
      expected: 'the primary server',
      found: `${place} is in recovery`,
    });
  }
  if (majorOf(dumpVersion) < Math.floor(number / 10_000)) {
    throw new AirgapError('BACKUP_FAILED', 'pg_dump is older than the server', {
      expected: `pg_dump ${Math.floor(number / 10_000)} or newer`,
      found: `pg_dump ${dumpVersion}, server ${server} at ${place}`,
      hint: 'for a server outside of the cluster name an image with a newer one: --helper-image REF',
    });
  }
  if (unreadable.length === 0) return;
  throw new AirgapError('BACKUP_FAILED', 'the login may not read all tables of the database', {
    expected: 'SELECT on every table and sequence',
    found: `${unreadable.length} without it: ${unreadable.slice(0, 10).join(', ')}`,
    hint: 'grant it (GRANT pg_read_all_data TO …), or put the administrator’s password into the secret',
  });
}

/** The first number of a version; 0 when there is none. */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10) || 0;
}

/** Where programs connect to when they ask about the server as a whole. */
export function ownDatabase({ address }: Database): string {
  return address?.database ?? 'postgres';
}

/** One of the programs with its arguments, for the pod that reaches the server. */
export function callDatabase(
  script: string,
  args: readonly string[],
  { client, database, signal }: DatabaseCall,
) {
  const { target, address, user, password } = database;
  const { command, input } = bashCall({
    script: addressLines(address) + script,
    args: [user, ...args],
    lines: [password],
  });
  return { client, target: { ...target, command }, input, signal };
}
