import type { BackupManifest } from './archive/types.js';
import { CHOICES, type Choice, LEFT_OUT, WAYS } from './create-types.js';
import { listAt } from './value-at.js';

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

/** Where a manifest names the claims of the server that its dumps are of. */
export const DUMPED_FROM = 'dumpedFrom';

/**
 * Claims (NAMESPACE/NAME) of which a backup holds the content: a volume that it saved or that the site saves, and the
 * one under a database that it dumped. Pure.
 */
export function heldClaims({ volumes, meta }: Pick<BackupManifest, 'volumes' | 'meta'>): Set<string> {
  const dumped = listAt(meta, [DUMPED_FROM]).map(String);
  return new Set([...volumes.map(({ namespace, claim }) => `${namespace}/${claim}`), ...dumped]);
}
