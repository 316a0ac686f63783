const STEPS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1234567 -> "1.2 MB"; decimal units, as disks and networks are sold. */
export function formatBytes(count: number): string {
  let value = count;
  let step = 0;
  while (value >= 1000 && step < STEPS.length - 1) {
    value /= 1000;
    step++;
  }
  const digits = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${STEPS[step]}`;
}

/** Exact count with thin groups, for expected and found: 48213004 -> "48 213 004 bytes". */
export function formatExactBytes(count: number): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ' ')} bytes`;
}

/** Milliseconds -> "0.4 s", "12 s", "3 min 05 s", "2 h 10 min". */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** 1 -> "1 image", 2 -> "2 images". */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
