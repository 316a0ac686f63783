import { AirgapError } from '../../errors.js';
import { waitFor } from '../../kube/wait.js';
import { type DatabaseCount, describeCount } from '../../run/database-count.js';
import type { StepContext } from '../../run/types.js';
import { databaseLosses, databaseShrinkages } from '../database-same.js';
import { giveUpFlags } from '../giving-up.js';
import { readBegun } from './backup.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'results' | 'countRows'> & { readonly limits?: Pick<Work['limits'], 'health'> };

/** Name of the count from before the first step that changes something. */
export const BEFORE = 'database/before.json';

/** A database that just became ready may still refuse for a moment. */
const PATIENCE_MS = 30_000;
/** Counting is a scan of every table. */
const COUNTING_MS = 10 * 60_000;

/** Counts what the databases hold, to be compared after the upgrade. One that does not answer is no reason to stop. */
export async function countBefore(
  { countRows }: Pick<Work, 'countRows'>,
  { saved, signal }: StepContext,
): Promise<void> {
  if (countRows === undefined) return;
  const count = await askOnce(countRows, signal);
  await saved.put(BEFORE, JSON.stringify(count instanceof AirgapError ? notAsked(count) : count));
}

/**
 * Asks the database of a control plane that is healthy again, and compares what it holds with what it held before.
 * @returns what it says, in words; undefined where nobody can ask
 * @throws AirgapError DATABASE_LOST, and those of the cluster where the database answered before
 */
export async function compareDatabase(work: Needs, context: StepContext): Promise<string | undefined> {
  const { countRows, results, limits } = work;
  if (countRows === undefined) return undefined;
  const before = await readBefore(context);
  const answer = await askPatiently(countRows, {
    signal: context.signal,
    timeout: before?.kind === 'counted' ? Math.min(PATIENCE_MS, limits?.health ?? PATIENCE_MS) : 0,
  });
  const after = answer instanceof AirgapError ? notAsked(answer) : answer;
  results.database = { ...(before === undefined ? {} : { before }), after };
  if (before?.kind !== 'counted') return `database: ${describeCount(after)}`;
  if (answer instanceof AirgapError) {
    // A cluster that cannot be asked, or does not let us, says nothing about the database.
    if (answer.code !== 'BACKUP_FAILED') throw answer;
    throw new AirgapError('DATABASE_LOST', 'the database answered before the upgrade and does not now', {
      expected: describeCount(before),
      found: answer.found ?? answer.message,
      hint: await wayBack(work, context),
      cause: answer,
    });
  }
  if (after.kind === 'not-asked')
    return `database: ${describeCount(after)}; before: ${describeCount(before)}`;
  const faults = databaseLosses(before, after);
  if (faults.length > 0) {
    throw new AirgapError('DATABASE_LOST', 'the database lacks what it held before the upgrade', {
      expected: describeCount(before),
      found: describeCount(after),
      faults,
      hint: await wayBack(work, context),
    });
  }
  for (const text of databaseShrinkages(before, after))
    context.emit({
      type: 'note',
      level: 'warn',
      text: `${text}: look at it before going on to work with it`,
    });
  return `database: ${describeCount(after)}; before: ${describeCount(before)}`;
}

type Count = NonNullable<Needs['countRows']>;

async function askOnce(count: Count, signal: AbortSignal): Promise<DatabaseCount | AirgapError> {
  const limit = AbortSignal.timeout(COUNTING_MS);
  try {
    return await count(AbortSignal.any([signal, limit]));
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted)
      return { kind: 'not-asked', why: `counting took longer than ${COUNTING_MS / 60_000} min` };
    if (error instanceof AirgapError) return error;
    throw error;
  }
}

async function askPatiently(
  count: Count,
  wait: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<DatabaseCount | AirgapError> {
  let last: DatabaseCount | AirgapError | undefined;
  const ask = async (): Promise<DatabaseCount | undefined> => {
    last = await askOnce(count, wait.signal);
    return last instanceof AirgapError ? undefined : last;
  };
  return (await waitFor(ask, wait)) ?? last ?? { kind: 'not-asked', why: 'there was no time' };
}

function notAsked(error: AirgapError): DatabaseCount {
  return {
    kind: 'not-asked',
    why: error.found === undefined ? error.message : `${error.message}: ${error.found}`,
  };
}

async function readBefore({ saved }: StepContext): Promise<DatabaseCount | undefined> {
  const content = await saved.get(BEFORE);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as DatabaseCount);
}

/** What is the same wherever the data went: nobody works on, and there are two ways back. */
async function wayBack({ results }: Needs, { saved, runId }: StepContext): Promise<string> {
  const begun = await readBegun({ saved });
  const path = begun?.path ?? (results.backup && 'path' in results.backup && results.backup.path);
  const backup = path ? `the data is in the backup ${path} (airgap restore)` : 'this run made no backup';
  return (
    `let nobody work with the new version; ${backup}; look which claims and volumes the database had and has, ` +
    `and go back with: airgap rollback --run ${runId} --dry-run; when the data is right as it is, begin anew: ${giveUpFlags(runId)}`
  );
}
