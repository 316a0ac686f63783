import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import type { ExecTarget, KubeClient } from '../kube/types.js';
import type { DatabaseFacts, Part } from './archive/types.js';
import { addressLines, quote, type ServerAddress } from './database-address.js';
import {
  compareContents,
  contentOf,
  type DatabaseContent,
  type DatabaseSettings,
  parseContent,
  parseSums,
} from './dump-report.js';
import { FACTS_SCRIPT } from './dump-script.js';
import { bashCall, execInto, execText, lastWords } from './exec-stream.js';
import {
  DROP_SCRIPT,
  MARK_SCRIPT,
  RESTORE_SCRIPT,
  SETTINGS_SCRIPT,
  VERSIONS_SCRIPT,
} from './restore-script.js';

/** A server that databases are restored into. */
export interface Server {
  readonly client: Pick<KubeClient, 'exec'>;
  readonly target: Omit<ExecTarget, 'command'>;
  readonly user: string;
  readonly password: string;
  /** Where the server is, when it is not in that pod. */
  readonly address?: ServerAddress;
  /** The database that is entered for what concerns others; template1 when absent. */
  readonly from?: string;
  readonly signal: AbortSignal;
}

export interface Dump {
  readonly facts: DatabaseFacts;
  readonly part: Part;
  readonly stream: () => Readable;
  /** Of the database itself; a secret. Backups of earlier versions have none. */
  readonly settings?: DatabaseSettings;
}

export interface AsideOptions {
  /** The name that it gets. */
  readonly name: string;
  readonly mark: string;
  /** Who owns it; the saved owner when absent. */
  readonly owner?: string;
  readonly onBytes: (done: number) => void;
  /** Called when pg_restore has taken all of it; comparing comes next. */
  readonly onPoured?: () => void;
}

/**
 * Restores a dump into a database of another name, in one transaction, and compares rows and hashes of every table.
 * The database gets `mark` as its comment only when all is equal; when anything fails it is dropped again.
 * @returns what is in it
 * @throws AirgapError RESTORE_FAILED
 */
export async function restoreAside(
  server: Server,
  dump: Dump,
  options: AsideOptions,
): Promise<DatabaseContent> {
  await demandVersions(server, dump.facts);
  const expected = contentOf(dump.facts.tables, dump.facts.meta);
  if (!expected)
    throw failed(dump.facts, 'the backup does not say what the database was like', 'no owner, no hashes');
  const owner = options.owner ?? expected.owner;
  await pour(server, dump, { ...options, like: { ...expected, owner } });
  options.onPoured?.();
  try {
    if (dump.settings) await applySettings(server, options.name, dump.settings);
    const content = await readContent(server, options.name);
    const wanted = dump.settings ? { ...expected, settings: dump.settings } : expected;
    const differences = compareContents(wanted, content);
    if (differences.length > 0) {
      throw new AirgapError(
        'RESTORE_FAILED',
        `database ${dump.facts.name} was restored and is not what was saved`,
        {
          faults: differences.slice(0, 100).map((what) => ({ where: dump.facts.name, what })),
        },
      );
    }
    await runSql(server, MARK_SCRIPT, [options.name, options.mark]);
    return content;
  } catch (error) {
    await runSql(server, DROP_SCRIPT, [options.name]).catch(() => {});
    throw error;
  }
}

/** Makes the database and lets pg_restore read the dump; the sums of what arrived must be those of the backup. */
async function pour(
  server: Server,
  { facts, part, stream }: Dump,
  { name, like, onBytes }: AsideOptions & { readonly like: NonNullable<ReturnType<typeof contentOf>> },
): Promise<void> {
  const conninfo = `dbname='${name.replace(/[\\']/g, '\\$&')}'`;
  const args = [name, like.owner, like.encoding, like.collate, like.ctype, conninfo, String(part.size)];
  const { exitCode, report } = await execInto(call(server, RESTORE_SCRIPT, args), stream(), onBytes);
  const sums = parseSums(report);
  if (exitCode !== 0) {
    const left = /^airgap:dropped$/m.test(report)
      ? 'the live database was not touched, and the new one was dropped again'
      : `the live database was not touched; what there is of the new one is called ${name}`;
    const taken = sums === undefined ? '' : ` after ${sums.bytes} of ${part.size} bytes`;
    throw failed(facts, `pg_restore failed; ${left}`, `exit ${exitCode}${taken}: ${lastWords(report)}`);
  }
  if (sums?.sha256 === part.sha256) return;
  await runSql(server, DROP_SCRIPT, [name]).catch(() => {});
  const found = `sha256:${sums?.sha256 ?? 'none'} instead of sha256:${part.sha256}`;
  throw failed(facts, 'the dump did not arrive as it was sent', found);
}

/** What a database holds now. */
export async function readContent(server: Server, database: string): Promise<DatabaseContent> {
  const text = await execText(call(server, FACTS_SCRIPT, [database]), {
    code: 'RESTORE_FAILED',
    what: `the tables of ${database} cannot be read`,
  });
  return parseContent(text.split('\n'));
}

/** A tool reads dumps of its own version and older ones; an older server may not understand what a newer one wrote. */
async function demandVersions(server: Server, facts: DatabaseFacts): Promise<void> {
  const [number = '', tool = ''] = (await runSql(server, VERSIONS_SCRIPT, [])).split('\n');
  const major = (text: string | undefined): number => Number.parseInt(text ?? '0', 10) || 0;
  const restoreMajor = major(/\) (\d+)/.exec(tool)?.[1]);
  const serverMajor = Math.floor(Number(number) / 10_000);
  const [dump, saved] = [major(facts.dumpVersion), major(facts.serverVersion)];
  if (restoreMajor >= dump && serverMajor >= saved) return;
  throw new AirgapError('RESTORE_FAILED', `PostgreSQL here is older than the one that was saved`, {
    expected: `pg_restore ${dump} and server ${saved}, or newer`,
    found: `pg_restore ${restoreMajor}, server ${serverMajor}`,
    hint: 'give the bundle of the backup’s version: its database image fits',
  });
}

/** Settings and grants of the database itself. They go by standard input: a setting may be a secret. */
async function applySettings(server: Server, name: string, settings: DatabaseSettings): Promise<void> {
  await execText(call(server, SETTINGS_SCRIPT, [name], [JSON.stringify(settings)]), {
    code: 'RESTORE_FAILED',
    what: 'the settings of the database cannot be put back',
  });
}

/** Runs one of the scripts to its end. @throws AirgapError RESTORE_FAILED */
export function runSql(server: Server, script: string, args: readonly string[]): Promise<string> {
  return execText(call(server, script, args), {
    code: 'RESTORE_FAILED',
    what: 'the database refuses a step of the restore',
  });
}

/** One of the scripts with its arguments, and lines that it reads after the password. */
export function call(
  { client, target, user, password, address, from, signal }: Server,
  script: string,
  args: readonly string[],
  lines: readonly string[] = [],
) {
  const { command, input } = bashCall({
    script: `${addressLines(address)}${from === undefined ? '' : `AIRGAP_FROM=${quote(from)}\n`}${script}`,
    args: [user, ...args],
    lines: [password, ...lines],
  });
  return { client, target: { ...target, command }, input, signal };
}

function failed({ name }: DatabaseFacts, what: string, found: string): AirgapError {
  return new AirgapError('RESTORE_FAILED', `database ${name}: ${what}`, { found });
}
