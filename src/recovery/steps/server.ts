import * as v from 'valibot';
import type { StepContext } from '../../run/types.js';
import { parseAnswer } from '../answer.js';
import { findDatabase } from '../database-place.js';
import { runSql, type Server } from '../restore-database.js';
import { STATE_SCRIPT } from '../restore-script.js';
import type { RestoreWork } from './types.js';

/** Looked for at every step: the pod may be another one by now. */
export async function serverOf(work: RestoreWork, { signal }: Pick<StepContext, 'signal'>): Promise<Server> {
  if (work.external) return work.external.server(signal);
  const { target, user, password } = await findDatabase(work.client, work.values, signal);
  return { client: work.client, target, user, password, signal };
}

const schema = v.object({
  /** Comments by database. */
  databases: v.record(v.string(), v.string()),
  roles: v.array(v.string()),
});

/** What a server has. */
export type ServerState = v.InferOutput<typeof schema>;

/** @throws AirgapError RESTORE_FAILED */
export async function readState(server: Server): Promise<ServerState> {
  const what = 'the list of databases and roles';
  return parseAnswer(await runSql(server, STATE_SCRIPT, []), schema, { code: 'RESTORE_FAILED', what });
}

/** The comment of a database that this run restored and compared. */
export function markOf(
  { backup }: Pick<RestoreWork, 'backup'>,
  { runId }: Pick<StepContext, 'runId'>,
): string {
  return `airgap restore ${runId} of backup ${backup.backupId}`;
}
