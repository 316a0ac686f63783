import { AirgapError, isAirgapError } from '../errors.js';
import { BACKEND } from '../runai/names.js';
import { POSTGRES } from '../runai/postgres.js';
import type { ServerAddress } from './database-address.js';
import { oldName } from './database-names.js';
import { findDatabase } from './database-place.js';
import type { RestoreOptions } from './restore-types.js';
import { savedValues } from './restore-values.js';
import { readState } from './steps/server.js';

/** The command that drops a database which a restore left beside the new one. */
export function dropCommand(name: string, server?: ServerAddress): string {
  const { namespace, pod, superuser } = POSTGRES;
  const sql = `DROP DATABASE "${name.replaceAll('"', '""')}"`;
  const psql = server
    ? `psql -h ${server.host} -p ${server.port} -d ${server.database}`
    : `kubectl -n ${namespace} exec -it ${pod} -- psql -U ${superuser}`;
  return `${psql} -c '${sql.replaceAll("'", "'\\''")}'`;
}

/**
 * A database that an earlier restore put aside has the name that this one needs. Asked before the safety backup and
 * the long restore beside the live one, and not only when the names are to change.
 * @throws AirgapError RESTORE_REFUSED
 */
export async function demandNoOldDatabases(options: RestoreOptions): Promise<void> {
  const { backup, choices, installer, signal } = options;
  if (!choices.has('database')) return;
  const { client } = installer;
  try {
    const values = await savedValues(backup, BACKEND.release);
    const { target, user, password } = await findDatabase(client, values, signal);
    const { databases } = await readState({ client, target, user, password, signal });
    const left = backup.manifest.databases
      .map(({ name }) => oldName(name))
      .filter((name) => name in databases);
    if (left.length === 0) return;
    throw new AirgapError('RESTORE_REFUSED', 'a database that an earlier restore replaced is still there', {
      expected: `no database ${left.join(', ')}: what is replaced now gets this name`,
      found: left.join(', '),
      hint: `when nobody needs it any more, drop it: ${dropCommand(left[0] ?? '')}`,
    });
  } catch (error) {
    // One that does not answer now is met by the safety backup, with its own words.
    if (!isAirgapError(error, 'BACKUP_FAILED')) throw error;
  }
}
