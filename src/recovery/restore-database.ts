import type { Readable } from 'node:stream';
import { AirgapError } from '../errors.js';
import type { ExecTarget, KubeClient } from '../kube/types.js';
import type { DatabaseFacts, Part } from './archive/types.js';
import { compareContents, contentOf, type DatabaseContent, parseContent, parseSums } from './dump-report.js';
import { FACTS_SCRIPT } from './dump-script.js';
import { bashCall, execInto, execText, lastWords } from './exec-stream.js';
import { MARK_SCRIPT, RESTORE_SCRIPT } from './restore-script.js';

/** A server that databases are restored into. */
export interface Server {
  readonly client: Pick<KubeClient, 'exec'>;
  readonly target: Omit<ExecTarget, 'command'>;
  readonly user: string;
  readonly password: string;
  readonly signal: AbortSignal;
}

export interface Dump {
  readonly facts: DatabaseFacts;
  readonly part: Part;
  readonly stream: () => Readable;
}

/**
 * Restores a dump into a database of another name, in one transaction, and compares rows and hashes of every table.
 * The database gets `mark` as its comment only when all is equal.
 * @returns what is in it
 * @throws AirgapError RESTORE_FAILED
 */
export async function restoreAside(
  server: Server,
  { facts, part, stream }: Dump,
  options: { readonly name: string; readonly mark: string; readonly onBytes: (done: number) => void },
): Promise<DatabaseContent> {
  const expected = contentOf(facts.tables, facts.meta);
  if (!expected)
    throw failed(facts, 'the backup does not say what the database was like', 'no owner, no hashes');
  const { owner, encoding, collate, ctype } = expected;
  const conninfo = `dbname='${options.name.replace(/[\\']/g, '\\$&')}'`;
  const args = [options.name, owner, encoding, collate, ctype, conninfo, String(part.size)];
  const { exitCode, report } = await execInto(call(server, RESTORE_SCRIPT, args), stream(), options.onBytes);
  if (exitCode !== 0)
    throw failed(
      facts,
      'pg_restore failed; the live database was not touched',
      `exit ${exitCode}: ${lastWords(report)}`,
    );
  const sums = parseSums(report);
  if (sums?.sha256 !== part.sha256) {
    throw failed(
      facts,
      'the dump did not arrive as it was sent',
      `sha256:${sums?.sha256 ?? 'none'} instead of sha256:${part.sha256}`,
    );
  }
  const content = await readContent(server, options.name);
  const differences = compareContents(expected, content);
  if (differences.length > 0) {
    throw new AirgapError('RESTORE_FAILED', `database ${facts.name} was restored and is not what was saved`, {
      faults: differences.slice(0, 100).map((what) => ({ where: facts.name, what })),
    });
  }
  await runSql(server, MARK_SCRIPT, [options.name, options.mark]);
  return content;
}

/** What a database holds now. */
export async function readContent(server: Server, database: string): Promise<DatabaseContent> {
  const text = await execText(call(server, FACTS_SCRIPT, [database]), {
    code: 'RESTORE_FAILED',
    what: `the tables of ${database} cannot be read`,
  });
  return parseContent(text.split('\n'));
}

/** Runs one of the scripts to its end. @throws AirgapError RESTORE_FAILED */
export function runSql(server: Server, script: string, args: readonly string[]): Promise<string> {
  return execText(call(server, script, args), {
    code: 'RESTORE_FAILED',
    what: 'the database refuses a step of the restore',
  });
}

export function call(
  { client, target, user, password, signal }: Server,
  script: string,
  args: readonly string[],
) {
  const { command, input } = bashCall({ script, args: [user, ...args], lines: [password] });
  return { client, target: { ...target, command }, input, signal };
}

function failed({ name }: DatabaseFacts, what: string, found: string): AirgapError {
  return new AirgapError('RESTORE_FAILED', `database ${name}: ${what}`, { found });
}
