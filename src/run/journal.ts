import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError, syncFolder } from '../io/atomic.js';
import { printable, redact } from '../redact.js';
import { decodeJournal, encodeRecord, type JournalRecord, type Phase } from './record.js';

export const JOURNAL_FILE = 'journal.jsonl';
const BALLAST_FILE = 'ballast';
const BALLAST_SIZE = 1024 * 1024;
/** Longest string kept in a record. */
const MOST_TEXT = 4000;

export interface JournalEntry {
  /** Empty for the run itself. */
  readonly step: string;
  readonly phase: Phase;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The write-ahead record of one run, open for appending by one process. */
export interface Journal {
  readonly runId: string;
  readonly records: readonly JournalRecord[];
  /** True once the disk was full and the ballast was spent: the run must stop before its next change. */
  readonly spent: boolean;
  /** The fencing number of the records to come. */
  fence: number;
  /** Durable when it resolves; only then may the writer act on it. @throws AirgapError DISK_FULL, OUTPUT_UNWRITABLE */
  append(entry: JournalEntry): Promise<JournalRecord>;
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly runId: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Opens the journal of a run folder, or begins it. A torn last record is cut off.
 * @throws AirgapError JOURNAL_DAMAGED, RUN_MISMATCH, DISK_FULL
 */
export async function openJournal(folder: string, options: JournalOptions): Promise<Journal> {
  const path = join(folder, JOURNAL_FILE);
  try {
    await layBallast(folder);
    const file = await openFile(path);
    try {
      await syncFolder(folder);
      const { records, size, torn } = await readJournal(folder);
      checkOwner(path, options.runId, records[0]);
      if (torn) {
        await file.truncate(size);
        await file.datasync();
      }
      return writer({ folder, path, file, records: [...records], size }, options);
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw asWriteError(error, path);
  }
}

/**
 * Reads the journal of a run folder without touching it; a missing file is an empty journal.
 * @throws AirgapError JOURNAL_DAMAGED
 */
export async function readJournal(folder: string): Promise<ReturnType<typeof decodeJournal>> {
  const path = join(folder, JOURNAL_FILE);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  return decodeJournal(bytes, path);
}

interface State {
  readonly folder: string;
  readonly path: string;
  readonly file: FileHandle;
  readonly records: JournalRecord[];
  size: number;
}

function writer(state: State, options: JournalOptions): Journal {
  let spent = false;
  let queue: Promise<unknown> = Promise.resolve();
  const journal: Journal = {
    runId: options.runId,
    records: state.records,
    get spent() {
      return spent;
    },
    fence: state.records.at(-1)?.fence ?? 0,
    append: (entry) => {
      const turn = queue.then(() => write(entry));
      queue = turn.catch(() => {});
      return turn;
    },
    close: async () => {
      await queue;
      await state.file.close();
      if (state.records.at(-1)?.phase === 'finished')
        await rm(join(state.folder, BALLAST_FILE), { force: true });
    },
  };
  const write = async (entry: JournalEntry): Promise<JournalRecord> => {
    const { line, record } = encodeRecord({
      seq: state.records.length,
      prev: state.records.at(-1)?.h ?? '',
      t: new Date(options.now()).toISOString(),
      runId: options.runId,
      fence: journal.fence,
      step: entry.step,
      phase: entry.phase,
      data: safe(entry.data ?? {}) as Record<string, unknown>,
    });
    const bytes = Buffer.from(line);
    try {
      await writeAt(state, bytes);
    } catch (error) {
      if (spent || !isFull(error)) throw asWriteError(error, state.path);
      spent = true;
      await rm(join(state.folder, BALLAST_FILE), { force: true });
      await syncFolder(state.folder);
      await writeAt(state, bytes).catch((again: unknown) => {
        throw asWriteError(again, state.path);
      });
    }
    state.size += bytes.length;
    state.records.push(record);
    return record;
  };
  return journal;
}

/** Writes whole bytes at the end and makes them durable; on failure the file has its old length again. */
async function writeAt(state: State, bytes: Buffer): Promise<void> {
  try {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await state.file.write(bytes, done, bytes.length - done, state.size + done);
      done += bytesWritten;
    }
    await state.file.datasync();
  } catch (error) {
    await state.file.truncate(state.size).catch(() => {});
    throw error;
  }
}

function checkOwner(path: string, runId: string, first: JournalRecord | undefined): void {
  if (first === undefined || first.runId === runId) return;
  throw new AirgapError('RUN_MISMATCH', `${path} belongs to another run`, {
    expected: runId,
    found: first.runId,
  });
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return open(path, 'wx+', 0o600);
  }
}

/** Room kept back so that a full disk cannot stop the last words of a run (threats.md, 85). */
async function layBallast(folder: string): Promise<void> {
  const path = join(folder, BALLAST_FILE);
  const file = await open(path, 'a', 0o600);
  try {
    const { size } = await file.stat();
    if (size < BALLAST_SIZE) await file.appendFile(Buffer.alloc(BALLAST_SIZE - size, 0x2e));
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');
}

/** Every string redacted and capped: a record outlives the run and leaves the site in support files. */
function safe(value: unknown): unknown {
  if (typeof value === 'string') return printable(redact(value), MOST_TEXT);
  if (Array.isArray(value)) return value.map(safe);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, safe(inner)]));
}
