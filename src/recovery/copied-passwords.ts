import { isDeepStrictEqual } from 'node:util';
import { AirgapError } from '../errors.js';
import { POSTGRES, passwordsIn } from '../runai/postgres.js';
import type { VolumeFacts } from './archive/types.js';
import { decoded, secretPasswords } from './database-place.js';
import type { RestoreOptions } from './restore-types.js';
import { savedObjects } from './site-changes.js';
import { valueAt } from './value-at.js';

/**
 * A copy of the database's volume brings the passwords that its data was made with, and what runs has those of the live
 * secret until it is started anew: over a product with other passwords it would shut that out of its own database.
 * Nothing is said where either secret is not known. Decision 0073.
 * @throws AirgapError RESTORE_REFUSED
 */
export async function demandSamePasswords(
  { backup, installer, replace, signal }: RestoreOptions,
  copies: readonly VolumeFacts[],
): Promise<void> {
  const copy = copies.find(({ purpose }) => purpose === 'database');
  if (!replace || copy === undefined) return;
  const { namespace, secret } = POSTGRES;
  const object = (await savedObjects(backup, ['secrets'])).find(
    ({ metadata }) => metadata.name === secret && metadata.namespace === namespace,
  );
  const saved = passwordsIn(decoded(valueAt(object, ['data'])));
  const live = await secretPasswords(installer.client, secret, signal);
  const isKnown = Object.keys(saved).length > 0 && Object.keys(live).length > 0;
  if (!isKnown || isDeepStrictEqual(saved, live)) return;
  throw new AirgapError('RESTORE_REFUSED', 'the saved database has other passwords than the one that runs', {
    expected: `secret ${namespace}/${secret} with the passwords of the backup, for the volume ${copy.claim} brings them`,
    found: 'others',
    hint: 'remove the product first, after a backup of it (helm uninstall runai-backend, then its claims), and restore without --replace',
  });
}
