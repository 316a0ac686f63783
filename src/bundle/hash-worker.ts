import type { MessagePort } from 'node:worker_threads';

/** What a worker is started with. Numbers are offsets and lengths in the bundle. */
export interface HashTask {
  readonly pieces: readonly { readonly fd: number; readonly start: number; readonly size: number }[];
  /** Pairs of offset and length, in the order in which they are to be taken. */
  readonly ranges: Float64Array;
  /** Shared: the next job, and whether to stop. */
  readonly control: Int32Array;
  /** Shared: bytes hashed so far by all workers. */
  readonly progress: BigInt64Array;
  readonly bufferSize: number;
}

/** What a worker says about one job. */
export type HashAnswer =
  | { readonly job: number; readonly sha256: string }
  | { readonly job: number; readonly failed: { readonly offset: number; readonly code: string } };

/**
 * The whole program of a worker. It is started from its own source text, so that it works unbundled, bundled and in
 * a single executable, where a worker cannot be started from a file: it must use nothing from outside itself.
 */
export function hashWorkerMain(load: NodeJS.Require): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { readSync } = load('node:fs') as typeof import('node:fs');
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const { pieces, ranges, control, progress, bufferSize } = workerData as HashTask;
  const port = parentPort as MessagePort;
  const buffer = Buffer.allocUnsafeSlow(bufferSize);

  const readAt = (offset: number, length: number): number => {
    const piece = pieces.find(({ start, size }) => offset >= start && offset < start + size);
    if (!piece) return 0;
    const most = Math.min(length, piece.start + piece.size - offset);
    return readSync(piece.fd, buffer, 0, most, offset - piece.start);
  };

  const hashRange = (job: number): HashAnswer | undefined => {
    const hash = createHash('sha256');
    let offset = ranges[2 * job] as number;
    const end = offset + (ranges[2 * job + 1] as number);
    while (offset < end) {
      if (Atomics.load(control, 1) !== 0) return undefined;
      let count: number;
      try {
        count = readAt(offset, Math.min(bufferSize, end - offset));
      } catch (error) {
        return { job, failed: { offset, code: (error as NodeJS.ErrnoException).code ?? 'EIO' } };
      }
      if (count === 0) return { job, failed: { offset, code: 'EOF' } };
      hash.update(buffer.subarray(0, count));
      offset += count;
      Atomics.add(progress, 0, BigInt(count));
    }
    return { job, sha256: hash.digest('hex') };
  };

  for (;;) {
    const job = Atomics.add(control, 0, 1);
    if (2 * job >= ranges.length) break;
    const answer = hashRange(job);
    if (!answer) break;
    port.postMessage(answer);
  }
  port.close();
}
