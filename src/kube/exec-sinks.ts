import type { Writable } from 'node:stream';
import { AirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';
import type { ExecOptions } from './types.js';

/** Standard output kept in memory when no stream was given. */
const MOST_KEPT = 1024 * 1024;
/** The last part of standard error that is kept for messages. */
const MOST_ERROR = 64 * 1024;

/** The side that can be held back: a websocket. */
export interface Source {
  pause(): void;
  resume(): void;
}

/** Where the output of a command goes. */
export interface Sinks {
  stdout(bytes: Buffer): Promise<void>;
  stderr(bytes: Buffer): Promise<void>;
  /** Ends the given streams; resolves when all of it was taken. */
  end(): Promise<void>;
  destroy(error: unknown): void;
  onError(listener: (error: unknown) => void): void;
  kept(): { readonly stdout: Buffer; readonly stderr: string };
}

/** Writes to the streams that were given, else into memory; a slow stream pauses the source. */
export function createSinks(source: Source, options: Pick<ExecOptions, 'stdout' | 'stderr'>): Sinks {
  const streams = [options.stdout, options.stderr].filter((stream) => stream !== undefined);
  const output: Buffer[] = [];
  let kept = 0;
  let errors = '';
  let held = 0;

  const write = async (stream: Writable, bytes: Buffer): Promise<void> => {
    if (stream.write(bytes)) return;
    held++;
    source.pause();
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stream.off('drain', go);
        stream.off('close', go);
        resolve();
      };
      stream.on('drain', go);
      stream.on('close', go);
    });
    held--;
    if (held === 0) source.resume();
  };
  const keep = (bytes: Buffer): void => {
    kept += bytes.length;
    if (kept > MOST_KEPT) {
      throw new AirgapError('EXEC_BROKEN', `the command printed more than ${MOST_KEPT} bytes`);
    }
    output.push(bytes);
  };

  return {
    stdout: async (bytes) => (options.stdout ? write(options.stdout, bytes) : keep(bytes)),
    stderr: async (bytes) => {
      errors = (errors + bytes.toString('utf8')).slice(-MOST_ERROR);
      if (options.stderr) await write(options.stderr, bytes);
    },
    end: async () => {
      await Promise.all(streams.map(endStream));
    },
    destroy: (error) => {
      for (const stream of streams) stream.destroy(error instanceof Error ? error : undefined);
    },
    onError: (listener) => {
      for (const stream of streams) stream.on('error', listener);
    },
    kept: () => ({ stdout: Buffer.concat(output), stderr: printable(redact(errors), MOST_ERROR) }),
  };
}

function endStream(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.end(() => resolve());
  });
}
