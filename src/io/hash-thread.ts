import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { AirgapError } from '../errors.js';
import { type HashThreadTask, hashThreadMain } from './hash-thread-worker.js';

/** A piece of memory that a hashing thread can read. It is used again: whoever took it gives it back. */
export interface Block {
  readonly bytes: Buffer;
  readonly index: number;
}

/** SHA-256 of bytes that come in blocks. */
export interface RunningHash {
  /** Takes the first `length` bytes, and gives the block back when it is done with them. */
  update(block: Block, length: number): void;
  /** 64 hex digits. */
  digest(): Promise<string>;
  /** Gives it up, when no digest will be asked for. */
  drop(): void;
}

/** Bytes of a block. */
export const BLOCK_SIZE = 1024 * 1024;
/** Blocks in all; this bounds the memory. */
const BLOCKS = 24;
/** Blocks that callers may hold at a time; the rest is for those that wait to be hashed. */
export const MOST_HELD = 16;
/** Below this many bytes a thread costs more than it saves. */
const INLINE_LIMIT = 4 * BLOCK_SIZE;
/** Milliseconds after which a thread that does nothing counts as lost. */
const PATIENCE = 60_000;

interface Pool {
  readonly memory: SharedArrayBuffer;
  /** Shared. For each block 1 while somebody has it; after them a number that grows with each block given back. */
  readonly taken: Int32Array;
  readonly blocks: readonly Block[];
}

/** Orders in the ring: every block once and every digest asked for, with room to spare. */
const ORDERS = 256;

interface Thread {
  readonly worker: Worker;
  readonly orders: Int32Array;
  readonly answers: Map<number, { resolve(sha256: string): void; reject(error: unknown): void }>;
  next: number;
}

/** Orders that name no block; hash-thread-worker.ts. */
const ASK = -1;
const DROP = -2;

let pool: Pool | undefined;
let thread: Thread | undefined;

/**
 * A block that nobody has. Waits for the hashing thread when all are taken, without giving way to others: callers hold
 * at most MOST_HELD at a time.
 * @throws AirgapError INTERNAL when none comes back
 */
export function takeBlock(): Block {
  pool ??= makePool();
  const { taken, blocks } = pool;
  while (true) {
    const given = Atomics.load(taken, BLOCKS);
    const block = blocks.find(({ index }) => Atomics.compareExchange(taken, index, 0, 1) === 0);
    if (block) return block;
    if (Atomics.wait(taken, BLOCKS, given, PATIENCE) === 'timed-out')
      throw new AirgapError('INTERNAL', 'the hashing thread does not answer');
  }
}

/** Gives a block back that no hash took. */
export function giveBack({ index }: Block): void {
  if (pool) Atomics.store(pool.taken, index, 0);
}

/**
 * A running SHA-256; of many bytes in a thread of its own, which all such hashes share: hashing then goes on while the
 * caller reads and writes.
 * @param size bytes to come
 */
export function startHash(size: number): RunningHash {
  if (size < INLINE_LIMIT) return inlineHash();
  pool ??= makePool();
  thread ??= startThread(pool);
  const { worker, answers, orders } = thread;
  const id = thread.next++;
  return {
    update: ({ index }, length) => order(orders, [id, index, length]),
    digest: () =>
      new Promise((resolve, reject) => {
        if (answers.size === 0) worker.ref();
        answers.set(id, { resolve, reject });
        order(orders, [id, ASK, 0]);
      }),
    drop: () => order(orders, [id, DROP, 0]),
  };
}

/** The ring never overflows: callers hold few blocks, and ask for one digest each or drop it. */
function order(orders: Int32Array, entry: readonly [number, number, number]): void {
  const count = Atomics.load(orders, 0);
  orders.set(entry, 1 + 3 * (count % ORDERS));
  Atomics.store(orders, 0, count + 1);
  Atomics.notify(orders, 0);
}

function inlineHash(): RunningHash {
  const hash = createHash('sha256');
  return {
    update(block, length) {
      hash.update(block.bytes.subarray(0, length));
      giveBack(block);
    },
    digest: async () => hash.digest('hex'),
    drop() {},
  };
}

function makePool(): Pool {
  const memory = new SharedArrayBuffer(BLOCKS * BLOCK_SIZE);
  const blocks = Array.from({ length: BLOCKS }, (_, index) => ({
    bytes: Buffer.from(memory, index * BLOCK_SIZE, BLOCK_SIZE),
    index,
  }));
  return { memory, taken: new Int32Array(new SharedArrayBuffer(4 * (BLOCKS + 1))), blocks };
}

function startThread({ memory, taken }: Pool): Thread {
  const orders = new Int32Array(new SharedArrayBuffer(4 * (1 + 3 * ORDERS)));
  const workerData: HashThreadTask = { memory, taken, orders, blockSize: BLOCK_SIZE };
  const program = `(${hashThreadMain.toString()})(require);`;
  const worker = new Worker(program, { eval: true, workerData, execArgv: [] });
  const started: Thread = { worker, orders, answers: new Map(), next: 0 };
  const settle = ({ id, sha256 }: { readonly id: number; readonly sha256: string }): void => {
    const answer = started.answers.get(id);
    started.answers.delete(id);
    if (started.answers.size === 0) worker.unref();
    answer?.resolve(sha256);
  };
  const lose = (error: unknown): void => {
    if (thread === started) thread = undefined;
    for (const { reject } of started.answers.values()) reject(error);
    started.answers.clear();
  };
  worker.on('message', settle);
  worker.on('error', lose);
  worker.on('exit', (code) => lose(new AirgapError('INTERNAL', `the hashing thread ended with ${code}`)));
  worker.unref();
  return started;
}
