import { AirgapError } from '../errors.js';
import { sha256 } from './canonical.js';

/**
 * What a record says about its step; the run itself speaks with an empty step.
 * planned, finished, interrupted, given-up: of the run. The others: of a step.
 */
export const PHASES = [
  'planned',
  'saved',
  'intent',
  'observed-bad',
  'committed',
  'failed',
  'needs-operator',
  'interrupted',
  'given-up',
  'adopted',
  'note',
  'finished',
] as const;

export type Phase = (typeof PHASES)[number];

/** One line of the journal (threats.md, section 3). */
export interface JournalRecord {
  /** From 0, without gaps. */
  readonly seq: number;
  /** `h` of the record before; empty for the first. */
  readonly prev: string;
  /** ISO time of the host that wrote it; never compared with another clock. */
  readonly t: string;
  readonly runId: string;
  /** The fencing number held when it was written; 0 before the cluster's lease was taken. */
  readonly fence: number;
  readonly step: string;
  readonly phase: Phase;
  /** No secrets: names, digests, counts, error codes. */
  readonly data: Readonly<Record<string, unknown>>;
  /** SHA-256 of the line without this member. */
  readonly h: string;
}

export interface DecodedJournal {
  readonly records: readonly JournalRecord[];
  /** Bytes up to the end of the last whole record. */
  readonly size: number;
  /** True when a torn last record follows. */
  readonly torn: boolean;
}

/** The line of a record, with its newline. */
export function encodeRecord(body: Omit<JournalRecord, 'h'>): {
  readonly line: string;
  readonly record: JournalRecord;
} {
  const { seq, prev, t, runId, fence, step, phase, data } = body;
  const ordered = { seq, prev, t, runId, fence, step, phase, data };
  const text = JSON.stringify(ordered);
  const h = sha256(text);
  return { line: `${text.slice(0, -1)},"h":"${h}"}\n`, record: { ...ordered, h } };
}

/**
 * Reads a journal. A torn last record is dropped: it was not durable, so nothing was done on its word.
 * @throws AirgapError JOURNAL_DAMAGED when a record before the last is damaged or the chain breaks
 */
export function decodeJournal(bytes: Buffer, where: string): DecodedJournal {
  const records: JournalRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    const record = end < 0 ? undefined : decodeLine(bytes.toString('utf8', at, end), records);
    if (record === undefined) {
      if (end < 0 || end === bytes.length - 1) return { records, size: at, torn: true };
      throw new AirgapError('JOURNAL_DAMAGED', `record ${records.length} of ${where} is damaged`, {
        expected: 'a record that continues the chain of hashes',
        found: `a break at byte ${at}, with ${bytes.length - end - 1} bytes after it`,
      });
    }
    records.push(record);
    at = end + 1;
  }
  return { records, size: at, torn: false };
}

function decodeLine(line: string, before: readonly JournalRecord[]): JournalRecord | undefined {
  const cut = line.lastIndexOf(',"h":"');
  if (cut < 0) return undefined;
  const body = `${line.slice(0, cut)}}`;
  if (line.slice(cut) !== `,"h":"${sha256(body)}"}`) return undefined;
  const record = parse(line);
  const last = before.at(-1);
  if (record === undefined || record.seq !== before.length) return undefined;
  if (record.prev !== (last?.h ?? '')) return undefined;
  return last === undefined || last.runId === record.runId ? record : undefined;
}

function parse(line: string): JournalRecord | undefined {
  try {
    const value = JSON.parse(line) as JournalRecord;
    return PHASES.includes(value.phase) && typeof value.data === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}
