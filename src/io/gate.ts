/** Lets at most so many pass at a time; the number shrinks on trouble and grows again on success. */
export interface Gate {
  /** Waits for room, runs `work`, makes room again. */
  pass<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Halves the width, not below one. */
  shrink(): void;
  readonly width: number;
}

/** Successes in a row after which the width grows by one. */
const GROW_AFTER = 8;

export function createGate(most: number): Gate {
  let width = most;
  let inside = 0;
  let successes = 0;
  const waiting: (() => void)[] = [];
  const letIn = (): void => {
    while (inside < width && waiting.length > 0) {
      inside += 1;
      waiting.shift()?.();
    }
  };
  const enter = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const admit = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        const place = waiting.indexOf(admit);
        if (place >= 0) waiting.splice(place, 1);
        reject(signal?.reason);
      };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(admit);
      letIn();
    });
  return {
    async pass(work, signal) {
      await enter(signal);
      try {
        const result = await work();
        successes += 1;
        if (successes >= GROW_AFTER && width < most) {
          width += 1;
          successes = 0;
        }
        return result;
      } finally {
        inside -= 1;
        letIn();
      }
    },
    shrink() {
      width = Math.max(1, Math.floor(width / 2));
      successes = 0;
    },
    get width() {
      return width;
    },
  };
}
