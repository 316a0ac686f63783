import type { MessagePort } from 'node:worker_threads';

export interface HashThreadTask {
  /** Shared: all blocks, one after the other. */
  readonly memory: SharedArrayBuffer;
  /** Shared: for each block 1 while somebody has it; after them a number that grows with each block given back. */
  readonly taken: Int32Array;
  /**
   * Shared: number of orders so far, then a ring of them, three numbers each: hash, block, bytes. A block of -1 asks
   * for the digest, one of -2 drops the hash.
   */
  readonly orders: Int32Array;
  /** Bytes. */
  readonly blockSize: number;
}

/**
 * The whole program of the thread, started from its own source text (bundle/hash-worker.ts says why): it uses nothing
 * from outside itself. It waits for orders without an event loop: a message costs more than hashing what it names.
 */
export function hashThreadMain(load: NodeJS.Require): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const { memory, taken, orders, blockSize } = workerData as HashThreadTask;
  const port = parentPort as MessagePort;
  const hashes = new Map<number, import('node:crypto').Hash>();
  const capacity = (orders.length - 1) / 3;
  for (let next = 0; ; next++) {
    while (Atomics.load(orders, 0) === next) Atomics.wait(orders, 0, next);
    const at = 1 + 3 * (next % capacity);
    const id = orders[at] as number;
    const index = orders[at + 1] as number;
    const hash = hashes.get(id) ?? createHash('sha256');
    if (index < 0) {
      hashes.delete(id);
      if (index === -1) port.postMessage({ id, sha256: hash.digest('hex') });
    } else {
      hashes.set(id, hash);
      hash.update(new Uint8Array(memory, index * blockSize, orders[at + 2]));
      Atomics.store(taken, index, 0);
      Atomics.add(taken, taken.length - 1, 1);
      Atomics.notify(taken, taken.length - 1);
    }
  }
}
