import { setMaxListeners } from 'node:events';

/**
 * Runs `work` over `items`, at most `width` at a time, in order of the list. The first failure aborts the signal
 * that the others get, all are awaited, then it is thrown.
 */
export async function forEachPooled<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const combined = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  // Every item may listen; their number is bounded by the width, not by Node's default of ten.
  setMaxListeners(0, combined);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (;;) {
      if (combined.aborted) return;
      const next = queue.next();
      if (next.done) return;
      try {
        await work(next.value, combined);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, lane));
  if (failure) throw failure.error;
  signal?.throwIfAborted();
}

/** As forEachPooled, and gives the results in the order of the items. */
export async function mapPooled<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const results: R[] = [];
  const indexed = [...items].map((item, index) => ({ item, index }));
  await forEachPooled(
    indexed,
    width,
    async ({ item, index }, inner) => {
      results[index] = await work(item, inner);
    },
    signal,
  );
  return results;
}
