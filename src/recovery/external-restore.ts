import { AirgapError } from '../errors.js';
import { describeAddress, type ServerAddress } from './database-address.js';
import type { RestoreOptions } from './restore-types.js';

/**
 * A database outside of the cluster is not touched by a restore: it may have outlived what burnt down, and others use
 * that server. Said before anything is installed.
 * @throws AirgapError RESTORE_REFUSED
 */
export function demandOwnDatabase({ backup, choices }: Pick<RestoreOptions, 'backup' | 'choices'>): void {
  const address = backup.manifest.meta['externalDatabase'] as ServerAddress | undefined;
  const [dump] = backup.manifest.databases;
  if (!address || !dump || !choices.has('database')) return;
  throw new AirgapError('RESTORE_REFUSED', 'the database of this backup is outside of the cluster', {
    expected: 'a database that the product brings',
    found: `${dump.name} at ${describeAddress(address)}`,
    hint: `restore the rest with --skip database; if that server lost it too, its administrator restores ${dump.part} with pg_restore: age -d -i KEYFILE FILE | tar x (chunks ${dump.part}/000001… joined by cat)`,
  });
}
