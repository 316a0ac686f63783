import type { Progress } from '../events.js';
import { formatBytes, formatDuration } from './units.js';

/** Older points of acknowledged progress than this say nothing of the rate now (ms). */
const WINDOW = 10_000;
/** Points are kept no closer than this (ms): progress may come thousands of times a second. */
const SPACING = 200;

/** What a stage has done so far, and how fast. */
export interface Meter {
  note(progress: Progress): void;
  /** "1.2 GB of 1.8 GB, 67 %, 350 MB/s, 2 s left"; empty before anything was noted. */
  text(): string;
}

/** Keeps the recent points of one stage. */
export function createMeter(now: () => number): Meter {
  let points: { readonly at: number; readonly done: number }[] = [];
  let last: Progress | undefined;
  return {
    note(progress) {
      if (progress.stage !== last?.stage) points = [];
      last = progress;
      const at = now();
      const newest = points.at(-1);
      if (newest && at - newest.at < SPACING) return;
      points = [...points.filter((point) => at - point.at <= WINDOW), { at, done: progress.done }];
    },
    text() {
      if (last === undefined) return '';
      const oldest = points[0] as { at: number; done: number };
      const elapsed = now() - oldest.at;
      return describe(last, elapsed > SPACING ? ((last.done - oldest.done) * 1000) / elapsed : undefined);
    },
  };
}

function describe(progress: Progress, rate: number | undefined): string {
  const count = progress.unit === 'bytes' ? formatBytes : String;
  const percent = Math.floor((progress.done / progress.total) * 100);
  // A total of 0: nobody knows how much there will be (a dump).
  const parts =
    progress.total > 0
      ? [`${count(progress.done)} of ${count(progress.total)}`, `${percent} %`]
      : [count(progress.done)];
  if (rate !== undefined && rate > 0) {
    if (progress.unit === 'bytes') parts.push(`${formatBytes(rate)}/s`);
    const left = ((progress.total - progress.done) * 1000) / rate;
    if (left > 0) parts.push(`${formatDuration(left)} left`);
  }
  if (progress.current) parts.push(progress.current.replace(/\s+/g, ' ').trim());
  return parts.join(', ');
}
