import type { Emit } from '../events.js';
import { makeReport, type RunReport } from './report.js';
import type { Session } from './session.js';

/** How a kind of run tells what it did. */
export interface Reporting<Facts> {
  /** Writes it below the run's folder and gives the path of the page; without one nothing is written. */
  readonly write?: (folder: string, report: RunReport<Facts>) => Promise<string>;
  /** What only this kind of run knows; asked when the run ends. */
  readonly facts: () => Promise<Facts>;
  /** What to do next. Pure. */
  readonly next: (report: RunReport<Facts>) => readonly string[];
  readonly emit: Emit;
}

/**
 * Does the work of a run and leaves its report, however the work ends. A report that cannot be written is told and
 * changes nothing about the outcome.
 * @returns what the work gives, and the path of the page
 */
export async function withReport<T, Facts>(
  session: Pick<Session, 'run' | 'journal' | 'saved'>,
  reporting: Reporting<Facts>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly page?: string }> {
  try {
    const result = await work();
    const page = await conclude(session, reporting);
    return { result, ...(page === undefined ? {} : { page }) };
  } catch (error) {
    const page = await conclude(session, reporting, error);
    if (page !== undefined) reporting.emit({ type: 'note', level: 'info', text: `report: ${page}` });
    throw error;
  }
}

async function conclude<Facts>(
  { run, journal, saved }: Pick<Session, 'run' | 'journal' | 'saved'>,
  { write, facts, next, emit }: Reporting<Facts>,
  error?: unknown,
): Promise<string | undefined> {
  if (write === undefined) return undefined;
  try {
    const sources = { run, records: journal.records, saved: await saved.list(), facts: await facts() };
    const report = makeReport({ ...sources, next: [], ...(error === undefined ? {} : { error }) });
    return await write(run.folder, { ...report, next: next(report) });
  } catch (fault) {
    const text = fault instanceof Error ? fault.message : String(fault);
    emit({ type: 'note', level: 'warn', text: `the report of the run could not be written: ${text}` });
    return undefined;
  }
}
