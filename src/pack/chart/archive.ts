import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { AirgapError, type Fault } from '../../errors.js';
import { printable } from '../../redact.js';
import type { ChartLimits } from './types.js';

/** A regular file of a chart archive. */
export interface ArchivedFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** What is left to spend on one chart, archives within it included. */
export interface Budget {
  bytes: number;
  files: number;
}

/**
 * Reads a chart's tgz in memory and refuses what helm must never see: links, devices, paths that leave the
 * folder, files and sums beyond the limits (threat 50). Nothing is written to disk.
 * @param what the archive's name, for messages
 * @throws AirgapError CHART_INVALID with every bad entry
 */
export async function readArchive(
  tgz: Buffer,
  what: string,
  limits: ChartLimits,
  budget: Budget = { bytes: limits.total, files: limits.files },
): Promise<ArchivedFile[]> {
  if (tgz.length > limits.total) {
    throw new AirgapError('CHART_INVALID', `${what} is too large`, {
      expected: `at most ${limits.total} bytes`,
      found: `${tgz.length} bytes`,
    });
  }
  if (tgz[0] !== 0x1f || tgz[1] !== 0x8b) {
    throw new AirgapError('CHART_INVALID', `${what} is not a gzip-compressed tar`, {
      expected: 'a chart as helm package makes it (.tgz)',
    });
  }
  const reader = createReader(what, limits, budget);
  try {
    await reader.feed(tgz);
  } catch (error) {
    if (error instanceof AirgapError) throw error;
    throw new AirgapError('CHART_INVALID', `${what} cannot be read as a chart archive`, {
      found: printable(error instanceof Error ? error.message : String(error), 200),
      cause: error,
    });
  }
  if (reader.faults.length > 0) {
    throw new AirgapError('CHART_INVALID', `${what} holds what a chart must not`, { faults: reader.faults });
  }
  return reader.files;
}

interface Reader {
  readonly files: ArchivedFile[];
  readonly faults: Fault[];
  readonly feed: (tgz: Buffer) => Promise<void>;
}

function createReader(what: string, limits: ChartLimits, budget: Budget): Reader {
  const files: ArchivedFile[] = [];
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const onEntry = (entry: ReadEntry): void => {
    budget.files--;
    if (budget.files < 0) throw tooMuch(what, `more than ${limits.files} files`);
    const found = entryFaults(entry, limits, seen);
    faults.push(...found);
    seen.add(entry.path);
    if (found.length > 0 || entry.type === 'Directory') {
      entry.resume();
      return;
    }
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
    entry.on('end', () => files.push({ path: entry.path, bytes: Buffer.concat(chunks) }));
  };
  const feed = (tgz: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const parser = new Parser({ strict: true, onReadEntry: onEntry });
      const gunzip = createGunzip();
      const fail = (error: unknown): void => {
        gunzip.destroy();
        reject(error);
      };
      parser.on('error', fail);
      parser.on('end', () => resolve());
      gunzip.on('error', fail);
      gunzip.on('end', () => guarded(fail, () => parser.end()));
      gunzip.on('data', (chunk: Buffer) => {
        budget.bytes -= chunk.length;
        if (budget.bytes < 0) fail(tooMuch(what, `more than ${limits.total} bytes when unpacked`));
        else guarded(fail, () => parser.write(chunk));
      });
      gunzip.end(tgz);
    });
  return { files, faults, feed };
}

/** Types of tar entries that are plain files; the older codes are what old tars wrote. */
const FILES = new Set(['File', 'OldFile', 'ContiguousFile']);

function entryFaults(entry: ReadEntry, limits: ChartLimits, seen: ReadonlySet<string>): Fault[] {
  const faults: Fault[] = [];
  const where = printable(entry.path, 200);
  if (entry.type !== 'Directory' && !FILES.has(entry.type)) {
    faults.push({ where, what: 'is no regular file', expected: 'files and folders', found: entry.type });
  }
  const bad = badPath(entry.path);
  if (bad !== undefined) faults.push({ where, what: bad });
  if (entry.size > limits.file) {
    faults.push({
      where,
      what: 'is too large',
      expected: `at most ${limits.file} bytes`,
      found: `${entry.size} bytes`,
    });
  }
  if (entry.type !== 'Directory' && seen.has(entry.path)) faults.push({ where, what: 'is there twice' });
  return faults;
}

/** What is wrong with a path inside a chart, or undefined. */
export function badPath(path: string): string | undefined {
  const parts = path.replace(/\/$/, '').split('/');
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'is an absolute path';
  if (path.includes('\\') || path.includes('\0')) return 'has a backslash or NUL in its path';
  if (parts.some((part) => part === '..' || part === '.' || part === '')) return 'leaves its folder';
  return undefined;
}

function tooMuch(what: string, found: string): AirgapError {
  return new AirgapError('CHART_INVALID', `${what} is too large when unpacked`, { found });
}

function guarded(fail: (error: unknown) => void, work: () => void): void {
  try {
    work();
  } catch (error) {
    fail(error);
  }
}
