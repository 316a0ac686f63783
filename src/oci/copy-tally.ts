import type { BlobTask } from './copy-plan.js';
import type { CopyCount, CopyOptions } from './copy-types.js';
import type { PutOutcome } from './types.js';

/** What was done so far, and the progress that is announced of it. */
export interface Tally {
  readonly tasks: readonly BlobTask[];
  /** Bytes that the registry took over. */
  sentBytes(count: number, current: string): void;
  /** A blob became of a repository. */
  add(outcome: PutOutcome, bytes: number): void;
  /** The bytes of a blob that need not be sent count as done. */
  spare(bytes: number, current: string): void;
  /** A blob has to be sent again after all. */
  grow(bytes: number): void;
  counts(): { readonly sent: CopyCount; readonly mounted: CopyCount; readonly skipped: CopyCount };
}

export function createTally(tasks: readonly BlobTask[], options: CopyOptions): Tally {
  const counts = {
    sent: { blobs: 0, bytes: 0 },
    mounted: { blobs: 0, bytes: 0 },
    present: { blobs: 0, bytes: 0 },
  };
  let total = tasks.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  let done = 0;
  const advance = (bytes: number, current: string): void => {
    done += bytes;
    const stage = options.stage ?? 'push';
    options.emit?.({ type: 'progress', stage, done, total, unit: 'bytes', current });
  };
  return {
    tasks,
    sentBytes: advance,
    spare: advance,
    add(outcome, bytes) {
      counts[outcome].blobs += 1;
      counts[outcome].bytes += bytes;
    },
    grow(bytes) {
      total += bytes;
    },
    counts: () => ({
      sent: { ...counts.sent },
      mounted: { ...counts.mounted },
      skipped: { ...counts.present },
    }),
  };
}
