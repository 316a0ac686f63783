import { constants } from 'node:fs';
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
  return {
    pieces,
    write: async (buffers, offset) => {
      try {
        await writePieces(handles, pieces, { buffers, offset });
      } catch (error) {
        throw asWriteError(error, plan.output);
      }
    },
    finish: async () => {
      try {
        for (const handle of handles) await handle.sync();
        return await publish(plan);
      } catch (error) {
        throw asWriteError(error, plan.output);
      }
    },
    close: () => closeAll(handles),
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
}

async function writePieces(
  handles: readonly FileHandle[],
  pieces: readonly Piece[],
  run: Run,
): Promise<void> {
  let at = run.offset;
  let rest = [...run.buffers];
  let left = rest.reduce((sum, { length }) => sum + length, 0);
  while (left > 0) {
    const index = pieces.findIndex(({ start, size }) => at >= start && at < start + size);
    const piece = pieces[index] as Piece;
    const room = piece.start + piece.size - at;
    const now = room >= left ? rest : [Buffer.concat(rest).subarray(0, room)];
    const { bytesWritten } = await (handles[index] as FileHandle).writev(now, at - piece.start);
    at += bytesWritten;
    left -= bytesWritten;
    if (left > 0) rest = [Buffer.concat(rest).subarray(bytesWritten)];
  }
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}
