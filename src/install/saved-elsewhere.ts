import { AirgapError } from '../errors.js';
import type { SavedStore } from '../run/types.js';
import { readBegun } from './steps/backup.js';

/**
 * The error for something that a run saved and that is neither here nor in the cluster. Absent is not the same as
 * nothing saved: who takes it for that leaves out what should come back.
 */
export async function savedElsewhere(
  saved: Pick<SavedStore, 'get'>,
  { what, name, command }: { readonly what: string; readonly name: string; readonly command: string },
): Promise<AirgapError> {
  const begun = await readBegun({ saved });
  const host = begun === undefined ? 'the host that began the run' : `host ${begun.place}`;
  return new AirgapError('DECISION_NEEDED', `the saved copy of ${what} is neither here nor in the cluster`, {
    expected: `saved/${name} in the folder of the run, which lies on ${host}`,
    found: 'no such copy',
    hint: `${command}, on ${host}`,
  });
}
