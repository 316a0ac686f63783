import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asWriteError, syncFolder } from '../io/atomic.js';
import { partName, partNumbers, partSizes } from './parts.js';
import type { Piece } from './source.js';

/** The file, or the parts, that a bundle is written to; under temporary names until finish. */
export interface Target {
  readonly pieces: readonly Piece[];
  /** Writes buffers one after the other from `offset` on. @throws AirgapError DISK_FULL, OUTPUT_UNWRITABLE */
  write(buffers: readonly Buffer[], offset: number): Promise<void>;
  /** Makes all durable and gives the final names. @returns the final names */
  finish(): Promise<string[]>;
  close(): Promise<void>;
}

/** Bytes of one system call: larger ones make the page cache look for large blocks of memory, at twice the cost. */
const CALL_SIZE = 64 * 1024;
/** Milliseconds that a write may take on this thread before the next ones are left to the pool's threads. */
const PATIENCE = 20;
/** Writes left to the pool's threads before this thread tries again. */
const PENANCE = 64;
/** Bytes after which the disk is made to catch up. */
const SYNC_EVERY = 128 * 1024 * 1024;

/** Final names and sizes of what will be written. */
export interface TargetPlan {
  readonly output: string;
  readonly files: readonly { readonly path: string; readonly partial: string; readonly size: number }[];
}

/** @param split bytes of a part; one file when absent */
export function planTarget(output: string, total: number, split?: number): TargetPlan {
  const sizes = split === undefined ? [total] : partSizes(total, split);
  const names = split === undefined ? [output] : sizes.map((_, index) => partName(output, index + 1));
  return {
    output,
    files: names.map((path, index) => ({ path, partial: `${path}.partial`, size: sizes[index] as number })),
  };
}

/** Opens or creates the temporary files at their full sizes; what they hold stays. */
export async function openTarget(plan: TargetPlan): Promise<Target> {
  const handles: FileHandle[] = [];
  const pieces: Piece[] = [];
  try {
    let start = 0;
    for (const { partial, size } of plan.files) {
      const handle = await open(partial, constants.O_RDWR | constants.O_CREAT, 0o644);
      handles.push(handle);
      await handle.truncate(size);
      pieces.push({ path: partial, fd: handle.fd, start, size });
      start += size;
    }
  } catch (error) {
    await closeAll(handles);
    throw asWriteError(error, plan.output);
  }
  const syncs = createSyncs();
  const pace = createPace();
  return {
    pieces,
    write: async (buffers, offset) => {
      try {
        const piece = await writePieces(handles, pieces, { buffers, offset, pace });
        const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
        syncs.wrote(handles[piece] as FileHandle, length);
      } catch (error) {
        throw asWriteError(error, plan.output);
      }
    },
    finish: async () => {
      try {
        await syncs.settled();
        for (const handle of handles) await handle.sync();
        return await publish(plan);
      } catch (error) {
        throw asWriteError(error, plan.output);
      }
    },
    close: async () => {
      await syncs.settled().catch(() => {});
      await closeAll(handles);
    },
  };
}

/**
 * Sends what was written to the disk while more is on its way, so that the sync at the end finds little to do. The
 * system tells a failure only once, so it is kept.
 */
function createSyncs() {
  let unsynced = 0;
  let running: Promise<void> | undefined;
  let failed: { readonly error: unknown } | undefined;
  const run = async (handle: FileHandle): Promise<void> => {
    try {
      await handle.datasync();
    } catch (error) {
      failed ??= { error };
    }
    running = undefined;
  };
  return {
    wrote(handle: FileHandle, length: number): void {
      unsynced += length;
      if (unsynced < SYNC_EVERY || running) return;
      unsynced = 0;
      running = run(handle);
    },
    /** @throws the failure of any sync so far */
    async settled(): Promise<void> {
      await running;
      if (failed) throw failed.error;
    },
  };
}

/** The first part gets its name last, so that a set is never taken for whole; parts of an older set go. */
async function publish({ output, files }: TargetPlan): Promise<string[]> {
  for (const { partial, path } of [...files].reverse()) await rename(partial, path);
  if (files.length > 1 || files[0]?.path !== output) {
    for (const number of await partNumbers(output)) {
      if (number > files.length) await rm(partName(output, number), { force: true });
    }
  }
  await syncFolder(dirname(output));
  return files.map(({ path }) => path);
}

interface Run {
  readonly buffers: readonly Buffer[];
  readonly offset: number;
  readonly pace: Pace;
}

/** @returns the index of the piece that was written to last */
async function writePieces(
  handles: readonly FileHandle[],
  pieces: readonly Piece[],
  run: Run,
): Promise<number> {
  let at = run.offset;
  let rest = [...run.buffers];
  let left = rest.reduce((sum, { length }) => sum + length, 0);
  let index = 0;
  while (left > 0) {
    index = pieces.findIndex(({ start, size }) => at >= start && at < start + size);
    const piece = pieces[index] as Piece;
    const room = piece.start + piece.size - at;
    const now = room >= left ? rest : [Buffer.concat(rest).subarray(0, room)];
    const bytesWritten = await writeSome(handles[index] as FileHandle, {
      buffers: now,
      offset: at - piece.start,
      pace: run.pace,
    });
    at += bytesWritten;
    left -= bytesWritten;
    if (left > 0) rest = [Buffer.concat(rest).subarray(bytesWritten)];
  }
  return index;
}

/** Whether this thread writes itself. */
interface Pace {
  isQuick(): boolean;
  took(milliseconds: number): void;
}

/**
 * While the page cache takes what is written at the speed of memory, this thread writes itself: handing a write to
 * another thread costs as much as the write. When the disk makes it wait, the pool's threads wait instead.
 */
function createPace(): Pace {
  let penance = 0;
  return {
    isQuick() {
      if (penance === 0) return true;
      penance -= 1;
      return false;
    },
    took(milliseconds) {
      if (milliseconds > PATIENCE) penance = PENANCE;
    },
  };
}

/** Writes at least a byte. @returns bytes written */
async function writeSome(handle: FileHandle, { buffers, offset, pace }: Run): Promise<number> {
  if (!pace.isQuick()) return (await handle.writev([...buffers], offset)).bytesWritten;
  const started = performance.now();
  let written = 0;
  for (const buffer of buffers) {
    for (let done = 0; done < buffer.length; ) {
      const length = Math.min(CALL_SIZE, buffer.length - done);
      const count = writeSync(handle.fd, buffer, done, length, offset + written);
      done += count;
      written += count;
    }
  }
  pace.took(performance.now() - started);
  return written;
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}
