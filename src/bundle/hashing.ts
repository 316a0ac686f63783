import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { AirgapError, isAirgapError } from '../errors.js';
import { type HashAnswer, type HashTask, hashWorkerMain } from './hash-worker.js';
import type { ByteSource } from './source.js';

/** Bytes of one positioned read; measured: larger gains nothing, smaller costs calls. */
const BUFFER = 1024 * 1024;
/** Below this many bytes starting threads costs more than it saves. */
const INLINE_LIMIT = 16 * 1024 * 1024;
const REPORT_EVERY_MS = 200;

/** A run of bytes to hash. */
export interface ByteRange {
  readonly offset: number;
  readonly size: number;
}

/** What became of a range: its digest, or why it cannot be read (`offset` in the bundle). */
export type HashResult =
  | { readonly sha256: string }
  | { readonly failed: { readonly offset: number; readonly code: string } };

export interface HashOptions {
  /** Threads. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  /** Bytes hashed so far, a few times a second. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * SHA-256 of many ranges of a bundle, in parallel, the largest first: one huge blob then sets the time, not one huge
 * blob after all others. A range that cannot be read is a result; the others go on (threats 20).
 */
export async function hashRanges(
  source: ByteSource,
  ranges: readonly ByteRange[],
  options: HashOptions,
): Promise<HashResult[]> {
  const order = ranges.map((_, index) => index).sort((a, b) => sizeAt(ranges, b) - sizeAt(ranges, a));
  const total = ranges.reduce((sum, { size }) => sum + size, 0);
  if (total < INLINE_LIMIT || source.pieces.length === 0) return hashInline(source, ranges, options);
  const results: HashResult[] = new Array(ranges.length);
  await hashInWorkers(
    source,
    order.map((index) => ranges[index] as ByteRange),
    {
      ...options,
      onAnswer: (answer) => {
        results[order[answer.job] as number] = answer;
      },
    },
  );
  return results;
}

function sizeAt(ranges: readonly ByteRange[], index: number): number {
  return (ranges[index] as ByteRange).size;
}

type WorkerOptions = HashOptions & { readonly onAnswer: (answer: HashAnswer) => void };

async function hashInWorkers(
  source: ByteSource,
  ranges: readonly ByteRange[],
  { concurrency, signal, onProgress, onAnswer }: WorkerOptions,
): Promise<void> {
  const task: HashTask = {
    pieces: source.pieces.map(({ fd, start, size }) => ({ fd, start, size })),
    ranges: Float64Array.from(ranges.flatMap(({ offset, size }) => [offset, size])),
    control: new Int32Array(new SharedArrayBuffer(8)),
    progress: new BigInt64Array(new SharedArrayBuffer(8)),
    bufferSize: BUFFER,
  };
  const stop = (): void => void Atomics.store(task.control, 1, 1);
  const timer = setInterval(() => onProgress?.(Number(Atomics.load(task.progress, 0))), REPORT_EVERY_MS);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const width = Math.max(1, Math.min(concurrency, ranges.length));
    await Promise.all(Array.from({ length: width }, () => runWorker(task, { onAnswer, stop })));
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  }
  signal?.throwIfAborted();
  onProgress?.(Number(Atomics.load(task.progress, 0)));
}

const WORKER_CODE = `(${hashWorkerMain.toString()})(require);`;

function runWorker(
  task: HashTask,
  { onAnswer, stop }: { onAnswer: (answer: HashAnswer) => void; stop: () => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER_CODE, { eval: true, workerData: task, execArgv: [] });
    worker.on('message', onAnswer);
    worker.on('error', (error) => {
      stop();
      reject(error);
    });
    worker.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new AirgapError('INTERNAL', `a hashing thread ended with ${code}`));
    });
  });
}

async function hashInline(
  source: ByteSource,
  ranges: readonly ByteRange[],
  { signal, onProgress }: HashOptions,
): Promise<HashResult[]> {
  const results: HashResult[] = [];
  let done = 0;
  for (const range of ranges) {
    signal?.throwIfAborted();
    results.push(await hashOne(source, range));
    done += range.size;
  }
  onProgress?.(done);
  return results;
}

async function hashOne(source: ByteSource, { offset, size }: ByteRange): Promise<HashResult> {
  const hash = createHash('sha256');
  for (let at = offset; at < offset + size; at += BUFFER) {
    try {
      hash.update(await source.read(at, Math.min(BUFFER, offset + size - at)));
    } catch (error) {
      if (!isAirgapError(error)) throw error;
      return { failed: { offset: at, code: error.found ?? error.code } };
    }
  }
  return { sha256: hash.digest('hex') };
}
