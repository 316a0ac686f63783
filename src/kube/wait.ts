import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Milliseconds in all. */
  readonly timeout: number;
  /** Milliseconds between two looks; 1000. */
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks again and again until `look` gives something, and gives that; undefined when the time is over. Polling
 * instead of a watch: a restarted API server or a dropped connection costs nothing but the next look.
 */
export async function waitFor<T>(
  look: () => Promise<T | undefined>,
  options: WaitOptions,
): Promise<T | undefined> {
  const end = performance.now() + options.timeout;
  for (;;) {
    options.signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined) return seen;
    const left = end - performance.now();
    if (left <= 0) return undefined;
    const wait = Math.min(options.every ?? 1000, left);
    await sleep(wait, undefined, options.signal ? { signal: options.signal } : {});
  }
}
