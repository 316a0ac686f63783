import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError, isAirgapError } from '../errors.js';
import { MOST_HELD } from '../io/hash-thread.js';
import { forEachPooled } from '../io/pool.js';
import { type Donor, findLeftovers, hasHeader, type Leftovers } from './donors.js';
import { hashRanges } from './hashing.js';
import { type BundleLayout, entriesToBring } from './layout.js';
import { lockOutput } from './output-lock.js';
import { PART_LIMIT } from './parts.js';
import type { Position } from './positions.js';
import { type EntryBytes, pourEntry } from './pour.js';
import { openFiles } from './source.js';
import { BLOCK, encodeHeader, TRAILER_SIZE } from './tar.js';
import { openTarget, planTarget, type Target, type TargetPlan } from './target.js';

/** Where the content of entries comes from. Asked once for each entry that is not there yet. */
export type OpenEntry = (entry: Position, signal: AbortSignal) => Promise<EntryBytes> | EntryBytes;

export interface WriteOptions {
  /** Entries at a time; 4 when absent. */
  readonly concurrency?: number;
  /** Threads that hash what an earlier pack left; 2 when absent. */
  readonly threads?: number;
  /** Bytes of one part; one file when absent. */
  readonly split?: number;
  readonly signal?: AbortSignal;
  /** Bytes that are in their place; never goes back. */
  readonly onProgress?: (done: number, current: string) => void;
}

export interface WriteReport {
  /** The file, or the parts in order. */
  readonly paths: readonly string[];
  /** Bytes of the bundle. */
  readonly size: number;
  readonly bundleId: string;
  /** Bytes of content that an earlier pack had already brought. */
  readonly reused: number;
  /** Bytes of content that were asked for. */
  readonly brought: number;
}

/**
 * Writes a bundle: manifest first, then every entry at its place, several at a time. What is complete survives in
 * OUTPUT.partial and is not asked for again; the file gets its name when all of it is there and durable.
 * @throws AirgapError LOCKED, DISK_FULL, OUTPUT_UNWRITABLE, BLOB_MISMATCH, USAGE, and what `openEntry` throws
 */
export async function writeBundle(
  output: string,
  layout: BundleLayout,
  openEntry: OpenEntry,
  options: WriteOptions = {},
): Promise<WriteReport> {
  checkSplit(layout.totalSize, options.split);
  await checkOutput(output);
  const plan = planTarget(output, layout.totalSize, options.split);
  const lock = await lockOutput(output);
  try {
    const leftovers = await findLeftovers(plan, layout);
    try {
      return await fill({ plan, layout, openEntry, leftovers, options });
    } finally {
      await leftovers.close();
    }
  } finally {
    await lock.release();
  }
}

interface Job {
  readonly plan: TargetPlan;
  readonly layout: BundleLayout;
  readonly openEntry: OpenEntry;
  readonly leftovers: Leftovers;
  readonly options: WriteOptions;
}

async function fill(job: Job): Promise<WriteReport> {
  const { plan, layout, leftovers, options } = job;
  const wanted = entriesToBring(layout);
  if (!leftovers.resumes) await checkRoom(plan, layout.totalSize);
  const target = await openTarget(plan);
  try {
    await writeFrame(target, layout);
    const present = leftovers.resumes ? await completeEntries(plan, wanted, options) : new Set<Position>();
    const tally = createTally(options);
    for (const position of present) tally.reuse(position);
    const missing = wanted.filter((position) => !present.has(position)).sort((a, b) => b.size - a.size);
    const work = (position: Position, signal: AbortSignal): Promise<void> =>
      bringEntry(job, { target, position, tally, signal });
    const width = Math.min(options.concurrency ?? 4, MOST_HELD);
    await forEachPooled(missing, width, work, options.signal);
    const paths = await target.finish();
    await leftovers.discard();
    return { paths, size: layout.totalSize, bundleId: layout.bundleId, ...tally.sums() };
  } finally {
    await target.close();
  }
}

/** Everything that is known before the first blob: manifest, generated entries, the end of the archive. */
async function writeFrame(target: Target, layout: BundleLayout): Promise<void> {
  for (const position of layout.positions) {
    const bytes = position.offset === BLOCK ? layout.bytes : layout.generated.get(position.path);
    if (bytes) await target.write([encodeHeader(position), bytes], position.offset - BLOCK);
  }
  await target.write([Buffer.alloc(TRAILER_SIZE)], layout.totalSize - TRAILER_SIZE);
}

/** Entries of a partial file of the same layout whose header is there and whose content has the right digest. */
async function completeEntries(
  plan: TargetPlan,
  wanted: readonly Position[],
  { signal, threads }: WriteOptions,
): Promise<Set<Position>> {
  const source = await openFiles(
    plan.output,
    plan.files.map(({ partial }) => partial),
  );
  try {
    const candidates: Position[] = [];
    for (const position of wanted) if (await hasHeader(source, position)) candidates.push(position);
    const results = await hashRanges(source, candidates, {
      concurrency: threads ?? 2,
      ...(signal ? { signal } : {}),
    });
    const right = candidates.filter(({ sha256 }, index) => {
      const result = results[index];
      return result && 'sha256' in result && result.sha256 === sha256;
    });
    return new Set(right);
  } finally {
    await source.close();
  }
}

interface Tally {
  reuse(position: Position): void;
  count(bytes: number, position: Position): void;
  sums(): { readonly reused: number; readonly brought: number };
}

function createTally({ onProgress }: WriteOptions): Tally {
  let reused = 0;
  let brought = 0;
  return {
    reuse: (position) => {
      reused += position.size;
      onProgress?.(reused + brought, position.path);
    },
    count: (bytes, position) => {
      brought += bytes;
      onProgress?.(reused + brought, position.path);
    },
    sums: () => ({ reused, brought }),
  };
}

interface Errand {
  readonly target: Target;
  readonly position: Position;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** Fills one entry from a donor or from its origin; its header comes last and marks it complete. */
async function bringEntry({ leftovers, openEntry }: Job, errand: Errand): Promise<void> {
  const { target, position, tally, signal } = errand;
  if (await takeFromDonor(leftovers.donors, errand)) {
    tally.reuse(position);
  } else {
    const bytes = await openEntry(position, signal);
    await pourEntry(bytes, { target, position, signal, onBytes: (count) => tally.count(count, position) });
  }
  await target.write([encodeHeader(position)], position.offset - BLOCK);
}

async function takeFromDonor(donors: readonly Donor[], errand: Errand): Promise<boolean> {
  for (const { bundle, find } of donors) {
    const found = await find(errand.position.sha256 as string);
    if (!found) continue;
    try {
      const checked = bundle.stream(found.path, { signal: errand.signal });
      await pourEntry({ checked }, { ...errand, onBytes: () => {} });
      return true;
    } catch (error) {
      const unusable = ['BLOB_MISMATCH', 'MEDIA_ERROR', 'BUNDLE_CHANGED'] as const;
      if (!unusable.some((code) => isAirgapError(error, code))) throw error;
    }
  }
  return false;
}

/** Said before hours of work, not at the rename. */
async function checkOutput(output: string): Promise<void> {
  const stats = await stat(output).catch(() => undefined);
  if (!stats || stats.isFile()) return;
  throw new AirgapError('OUTPUT_UNWRITABLE', `${output} is there already and is no file`, {
    hint: 'give the name of a file: -o FILE.tar',
  });
}

async function checkRoom({ output }: TargetPlan, total: number): Promise<void> {
  const fs = await statfs(dirname(output)).catch(() => undefined);
  if (!fs || fs.bavail * fs.bsize >= total) return;
  throw new AirgapError('DISK_FULL', `there is not enough room for ${output}`, {
    expected: `${total} bytes`,
    found: `${fs.bavail * fs.bsize} bytes free`,
  });
}

function checkSplit(total: number, split: number | undefined): void {
  if (split === undefined) return;
  const fewest = Math.max(BLOCK, Math.ceil(total / PART_LIMIT));
  if (Number.isSafeInteger(split) && split >= fewest) return;
  throw new AirgapError('USAGE', 'the size of the parts cannot be used', {
    expected: `at least ${fewest} bytes: at most ${PART_LIMIT} parts`,
    found: String(split),
  });
}
