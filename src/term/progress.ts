import type { Progress } from '../events.js';
import { formatBytes, formatDuration } from './units.js';

/** Two points of acknowledged progress are enough for a rate; older ones than this are forgotten (ms). */
const WINDOW = 10_000;

/** Keeps the recent points of one stage and turns them into "1.2 GB of 1.8 GB, 67 %, 350 MB/s, 2 s left". */
export function createMeter(now: () => number): (progress: Progress) => string {
  let points: { readonly at: number; readonly done: number }[] = [];
  let stage = '';
  return (progress) => {
    if (progress.stage !== stage) {
      stage = progress.stage;
      points = [];
    }
    const at = now();
    points = [...points.filter((point) => at - point.at <= WINDOW), { at, done: progress.done }];
    const oldest = points[0] as { at: number; done: number };
    const elapsed = at - oldest.at;
    const rate = elapsed > 200 ? ((progress.done - oldest.done) * 1000) / elapsed : undefined;
    return describe(progress, rate);
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
