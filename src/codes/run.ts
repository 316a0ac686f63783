import { type CodeRow, EXIT } from './row.js';

/** Backups, locks, interrupted runs and decisions: exit 8 to 11. */
export const RUN_CODES = {
  BACKUP_INVALID: {
    exit: EXIT.backup,
    meaning: 'A backup is damaged, incomplete, or not a backup.',
    next: 'use another backup: airgap backup list',
  },
  BACKUP_FAILED: {
    exit: EXIT.backup,
    meaning: 'Something could not be saved; no backup was left under its final name.',
    next: 'mend the cause and run the same command again',
  },
  BACKUP_KEY: {
    exit: EXIT.backup,
    meaning: 'A backup does not open with the identity or passphrase given, or a key is not well formed.',
    next: 'give the right key: --identity FILE or --passphrase-file FILE',
  },
  BACKUP_UNFIT: {
    exit: EXIT.backup,
    meaning:
      'A backup is whole and yet not what the next steps need: too old, of another cluster, without the database.',
    next: 'leave --backup out, and a fresh one is made',
  },
  RESTORE_REFUSED: {
    exit: EXIT.backup,
    meaning: 'The target is not empty, or another cluster, and nobody said that this is wanted.',
    next: 'read what would be replaced, then decide with the flag named here',
  },
  RESTORE_FAILED: {
    exit: EXIT.backup,
    meaning: 'The restore could not be finished.',
    next: 'mend the cause and run the same command again; it goes on where it stopped',
  },
  LOCKED: {
    exit: EXIT.locked,
    meaning: 'Another run is at work on the same thing.',
    next: 'wait for it: airgap status',
  },
  LOCK_LOST: {
    exit: EXIT.locked,
    meaning: 'Another run took over while this one was at work; this one stopped before its next change.',
    next: 'look at the other run: airgap status',
  },
  INTERRUPTED: {
    exit: EXIT.interrupted,
    meaning: 'The run was interrupted at a safe place; nothing is half done unrecorded.',
    next: 'run the same command again; it goes on where it stopped',
  },
  DECISION_NEEDED: {
    exit: EXIT.decision,
    meaning: 'Going on needs a decision that only the operator can make.',
    next: 'read the finding and choose one of the flags named here',
  },
  JOURNAL_DAMAGED: {
    exit: EXIT.decision,
    meaning: 'The record of an earlier run is damaged in the middle.',
    next: 'keep the file, and start a new run with --new-run after a look at the cluster',
  },
  RUN_MISMATCH: {
    exit: EXIT.decision,
    meaning: 'An unfinished run belongs to another bundle, plan or cluster.',
    next: 'finish that run first, or give it up with --new-run',
  },
} as const satisfies Record<string, CodeRow>;
