import { Readable } from 'node:stream';
import { AirgapError } from '../../errors.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { findDatabase } from '../database-place.js';
import { GLOBALS_PATH } from '../dump-databases.js';
import { execInto, lastWords } from '../exec-stream.js';
import { roleStatements } from '../globals.js';
import { oldName, sideName } from '../plan.js';
import { call, restoreAside, runSql, type Server } from '../restore-database.js';
import { DROP_SCRIPT, ROLES_SCRIPT, STATE_SCRIPT, SWAP_SCRIPT } from '../restore-script.js';
import type { RestoreWork } from './types.js';

/** Brings the roles back. A second time changes nothing, so a run that goes on does it again. */
export function globalsStep(work: RestoreWork): StepExecutor {
  let done = false;
  return {
    observe: async () => ({ state: done ? 'done' : 'ready' }),
    perform: async (context) => {
      const server = await serverOf(work, context);
      const { roles } = await readState(server);
      const text = (await work.backup.read(GLOBALS_PATH)).toString('utf8');
      const sql = Buffer.from(`${roleStatements(text, new Set(roles)).join('\n')}\n`);
      await context.guard();
      const { exitCode, report } = await execInto(
        call(server, ROLES_SCRIPT, [String(sql.length)]),
        Readable.from([sql]),
        () => {},
      );
      if (exitCode !== 0) {
        throw new AirgapError('RESTORE_FAILED', 'the roles could not be brought back', {
          found: `exit ${exitCode}: ${lastWords(report)}`,
        });
      }
      done = true;
    },
  };
}

/** Restores one database beside the live one. */
export function databaseStep(work: RestoreWork, database: string): StepExecutor {
  const facts = work.backup.manifest.databases.find(({ name }) => name === database);
  const part = facts && work.backup.part(facts.part);
  if (!facts || !part) throw new AirgapError('RUN_MISMATCH', `the backup has no database ${database}`);
  return {
    observe: async (context) => {
      const { databases } = await readState(await serverOf(work, context));
      const mark = markOf(work, context);
      const isThere = databases[sideName(database)] === mark || databases[database] === mark;
      return isThere ? { state: 'done', detail: `${facts.tables.length} tables equal` } : { state: 'ready' };
    },
    perform: async (context) => {
      const server = await serverOf(work, context);
      await context.guard();
      await restoreAside(
        server,
        { facts, part, stream: () => work.backup.stream(facts.part) },
        {
          name: sideName(database),
          mark: markOf(work, context),
          onBytes: (done) =>
            work.emit({
              type: 'progress',
              stage: `database:${database}`,
              done,
              total: part.size,
              unit: 'bytes',
            }),
        },
      );
    },
  };
}

/** Gives the restored database the live one's name. */
export function swapStep(work: RestoreWork, database: string): StepExecutor {
  return {
    observe: async (context) => {
      const { databases } = await readState(await serverOf(work, context));
      const mark = markOf(work, context);
      if (databases[database] === mark) return { state: 'done' };
      if (databases[sideName(database)] !== mark)
        return {
          state: 'impossible',
          detail: `${sideName(database)} is not the database that this run restored`,
        };
      if (oldName(database) in databases)
        return {
          state: 'impossible',
          detail: `${oldName(database)} of an earlier restore is still there; look at it and drop it`,
        };
      return { state: 'ready' };
    },
    perform: async (context) => {
      const server = await serverOf(work, context);
      await context.guard();
      await runSql(server, SWAP_SCRIPT, [database, sideName(database), oldName(database)]);
    },
  };
}

/** Drops what the fresh install had made. */
export function dropOldStep(work: RestoreWork, database: string): StepExecutor {
  return {
    observe: async (context) => {
      const { databases } = await readState(await serverOf(work, context));
      if (!(oldName(database) in databases)) return { state: 'done' };
      const isSwapped = databases[database] === markOf(work, context);
      return isSwapped
        ? { state: 'ready' }
        : { state: 'impossible', detail: `${database} is not the restored one` };
    },
    perform: async (context) => {
      const server = await serverOf(work, context);
      await context.guard();
      await runSql(server, DROP_SCRIPT, [oldName(database)]);
    },
  };
}

/** Looked for at every step: the pod may be another one by now. */
async function serverOf(work: RestoreWork, { signal }: StepContext): Promise<Server> {
  const { target, user, password } = await findDatabase(work.client, work.values, signal);
  return { client: work.client, target, user, password, signal };
}

interface State {
  /** Comments by database. */
  readonly databases: Readonly<Record<string, string>>;
  readonly roles: readonly string[];
}

async function readState(server: Server): Promise<State> {
  return JSON.parse(await runSql(server, STATE_SCRIPT, [])) as State;
}

function markOf({ backup }: RestoreWork, { runId }: StepContext): string {
  return `airgap restore ${runId} of backup ${backup.backupId}`;
}
