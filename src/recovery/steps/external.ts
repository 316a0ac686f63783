import { AirgapError } from '../../errors.js';
import type { StepExecutor } from '../../run/types.js';
import type { ExternalServer } from '../external-server.js';
import type { RestoreWork } from './types.js';

/** Looks whether the login may restore at all, before anything of the product or of the database is touched. */
export function accessStep(work: RestoreWork): StepExecutor {
  let done = false;
  return {
    observe: async () => ({ state: done ? 'done' : 'ready' }),
    perform: async ({ signal }) => {
      await externalOf(work).demand(signal);
      done = true;
    },
  };
}

/**
 * Who owns a database that is restored on a server that others use too: the saved owner where the login may name him,
 * else the login itself.
 */
export async function ownerThere(
  work: RestoreWork,
  database: string,
  { saved, signal }: { readonly saved: string; readonly signal: AbortSignal },
): Promise<string> {
  const { rights } = await externalOf(work).rights(database, signal);
  const isOurs = ['ours', 'admin'].includes(rights.roles[saved] ?? '');
  return rights.superuser || isOurs ? saved : rights.user;
}

/** Roles that the server lacks, a restore needs and the login may make; those of others on it are not brought back. */
export async function missingRoles(work: RestoreWork, signal: AbortSignal): Promise<Set<string>> {
  const missing = new Set<string>();
  for (const { name } of work.backup.manifest.databases) {
    const { rights } = await externalOf(work).rights(name, signal);
    if (!rights.superuser) continue;
    for (const [role, state] of Object.entries(rights.roles)) if (state === 'missing') missing.add(role);
  }
  return missing;
}

function externalOf({ external }: RestoreWork): ExternalServer {
  if (external) return external;
  throw new AirgapError('INTERNAL', 'a step for a server outside of the cluster, without one');
}
