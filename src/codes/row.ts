/** What a command ends with (design.md, section 4). */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  invalid: 3,
  integrity: 4,
  registry: 5,
  cluster: 6,
  preflight: 7,
  backup: 8,
  locked: 9,
  interrupted: 10,
  decision: 11,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** One row of the table: the exit status that a code leads to and what it means, for docs/errors.md. */
export interface CodeRow {
  readonly exit: ExitStatus;
  readonly meaning: string;
  /** What to do when the place of the fault has nothing more exact to say. */
  readonly next: string;
}
