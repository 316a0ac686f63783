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
 * a single executable, where a worker cannot be started from a file. It must therefore use nothing from outside
 * itself, and hold no named function of its own: compilers wrap those in a helper that lies outside.
 */
export function hashWorkerMain(load: NodeJS.Require): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { readSync } = load('node:fs') as typeof import('node:fs');
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const { pieces, ranges, control, progress, bufferSize } = workerData as HashTask;
  const port = parentPort as MessagePort;
  const buffer = Buffer.allocUnsafeSlow(bufferSize);
  let job = Atomics.add(control, 0, 1);
  while (2 * job < ranges.length && Atomics.load(control, 1) === 0) {
    const hash = createHash('sha256');
    let offset = ranges[2 * job] as number;
    const end = offset + (ranges[2 * job + 1] as number);
    let failure: string | undefined;
    while (offset < end && failure === undefined && Atomics.load(control, 1) === 0) {
      try {
        const at = offset;
        const piece = pieces.find((one) => at >= one.start && at < one.start + one.size);
        const most = piece ? Math.min(bufferSize, end - at, piece.start + piece.size - at) : 0;
        const count = piece ? readSync(piece.fd, buffer, 0, most, at - piece.start) : 0;
        if (count === 0) failure = 'EOF';
        hash.update(buffer.subarray(0, count));
        offset += count;
        Atomics.add(progress, 0, BigInt(count));
      } catch (error) {
        failure = (error as NodeJS.ErrnoException).code ?? 'EIO';
      }
    }
    if (failure !== undefined)
      port.postMessage({ job, failed: { offset, code: failure } } satisfies HashAnswer);
    else if (offset >= end) port.postMessage({ job, sha256: hash.digest('hex') } satisfies HashAnswer);
    job = Atomics.add(control, 0, 1);
  }
  port.close();
}
