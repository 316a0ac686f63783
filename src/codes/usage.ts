import { type CodeRow, EXIT } from './row.js';

/** Faults of airgap itself and of the command line: exit 1 and 2. */
export const USAGE_CODES = {
  INTERNAL: {
    exit: EXIT.internal,
    meaning: 'A fault of airgap itself, not of its input.',
    next: 'run the command again with --debug and send the output to support',
  },
  USAGE: {
    exit: EXIT.usage,
    meaning: 'The command line cannot be understood or lacks something.',
    next: 'run the command with --help',
  },
  FILE_NOT_FOUND: {
    exit: EXIT.usage,
    meaning: 'A file named on the command line does not exist or cannot be read.',
    next: 'check the path and its permissions',
  },
  CONFIRMATION_NEEDED: {
    exit: EXIT.usage,
    meaning: 'The command changes something, there is no terminal to ask on, and --yes was not given.',
    next: 'look at the plan with --dry-run, then run the command again with --yes',
  },
  OUTPUT_UNWRITABLE: {
    exit: EXIT.usage,
    meaning: 'The place an output goes to cannot be written.',
    next: 'choose another place with -o or mend its permissions',
  },
  LISTEN_FAILED: {
    exit: EXIT.usage,
    meaning: 'The embedded registry cannot listen on its address, or its certificate cannot be used.',
    next: 'choose another address with --listen HOST:PORT',
  },
  DISK_FULL: {
    exit: EXIT.usage,
    meaning: 'A file system has no room (or no inodes, or no quota) left. What is complete so far is kept.',
    next: 'free the room named here and run the same command again; it goes on where it stopped',
  },
} as const satisfies Record<string, CodeRow>;
