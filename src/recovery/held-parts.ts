import type { BackupManifest } from './archive/types.js';
import { CHOICES, type Choice, LEFT_OUT, WAYS } from './create-types.js';

type Facts = Pick<BackupManifest, 'skipped' | 'databases' | 'volumes'>;

/**
 * The parts that a backup can bring back by itself. Objects count when the operator did not leave them out; data only
 * when it is there: what the site saves, or had no volume for, is not. Pure.
 */
export function heldParts({ skipped, databases, volumes }: Facts): Choice[] {
  const isLeftOut = (choice: Choice): boolean =>
    skipped.some(({ what, why }) => what === choice && why === LEFT_OUT);
  const isThere = (choice: Choice): boolean =>
    !(choice in WAYS) ||
    (choice === 'database' && databases.length > 0) ||
    volumes.some(({ purpose, method }) => purpose === choice && method !== 'site');
  return CHOICES.filter((choice) => !isLeftOut(choice) && isThere(choice));
}
