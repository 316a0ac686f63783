import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** Further tries after the first without progress. */
  readonly retries: number;
  /** Milliseconds before the first further try; doubles up to `most`, with up to a quarter of jitter. */
  readonly first?: number;
  readonly most?: number;
  readonly signal?: AbortSignal;
  /** Says whether an error may heal, and how long the other side asked to wait (milliseconds). */
  readonly heals: (error: unknown) => boolean | { readonly after: number };
  /** Anything that grew since the last try (bytes moved) resets the count. */
  readonly progress?: () => number;
  readonly onRetry?: (error: unknown, waitMs: number) => void;
  /** A number in [0,1); given in tests. */
  readonly random?: () => number;
}

/** Calls `work` until it succeeds, the error cannot heal, or there was no progress for `retries` tries. */
export async function withRetry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const first = options.first ?? 1000;
  const most = options.most ?? 60_000;
  const random = options.random ?? Math.random;
  let fruitless = 0;
  let before = options.progress?.() ?? 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      options.signal?.throwIfAborted();
      const verdict = options.heals(error);
      const now = options.progress?.() ?? 0;
      fruitless = now > before ? 1 : fruitless + 1;
      before = now;
      if (verdict === false || fruitless > options.retries) throw error;
      const backoff = Math.min(most, first * 2 ** (fruitless - 1)) * (1 + random() / 4);
      const wait = typeof verdict === 'object' ? Math.max(verdict.after, 0) : backoff;
      options.onRetry?.(error, wait);
      await sleep(wait, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}
