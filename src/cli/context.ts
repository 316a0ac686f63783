import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Emit } from '../events.js';

/** What a verb gets from the entry file: the only way to environment, time and the terminal. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  /** Data goes here: reports, JSON, paths. */
  readonly stdout: Writable;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Asks on the terminal; undefined when there is none. Answers true for yes. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  /** airgap's own version. */
  readonly version: string;
}

/** A verb: adds its command to the program. One file a verb; stages are imported in the action, not at the top. */
export type Verb = (program: Command, context: CliContext) => void;
