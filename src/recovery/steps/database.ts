import { Readable } from 'node:stream';
import { AirgapError } from '../../errors.js';
import type { StepExecutor } from '../../run/types.js';
import { readBeforeSwap, readMade } from '../before-swap.js';
import { oldName, sideName } from '../database-names.js';
import { GLOBALS_PATH } from '../dump-databases.js';
import { execInto, lastWords } from '../exec-stream.js';
import { roleStatements, statementsAbout } from '../globals.js';
import { dropCommand } from '../old-left.js';
import { call, type Dump, restoreAside, runSql } from '../restore-database.js';
import { DROP_SCRIPT, ROLES_SCRIPT } from '../restore-script.js';
import { savedSettings } from '../saved-settings.js';
import { missingRoles, ownerThere } from './external.js';
import { markOf, readState, serverOf } from './server.js';
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
      const all = roleStatements(text, new Set(roles));
      const statements = work.external
        ? statementsAbout(all, await missingRoles(work, context.signal), new Set(roles))
        : all;
      if (statements.length === 0) {
        done = true;
        return;
      }
      const sql = Buffer.from(`${statements.join('\n')}\n`);
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

/** Restores one database beside the live one, which goes on as it is. */
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
      const settings = await savedSettings(work, database);
      const dump: Dump = {
        facts,
        part,
        stream: () => work.backup.stream(facts.part),
        ...(settings === undefined ? {} : { settings }),
      };
      const saved = String(facts.meta?.['owner'] ?? '');
      const owner = work.external && (await ownerThere(work, database, { saved, signal: context.signal }));
      const stage = `database:${database}`;
      await context.guard();
      work.emit({ type: 'stage-started', stage, title: `pg_restore into ${sideName(database)}` });
      const summary = `${part.size} bytes; its tables are compared now`;
      await restoreAside(server, dump, {
        name: sideName(database),
        mark: markOf(work, context),
        ...(owner === undefined ? {} : { owner }),
        onBytes: (done) => work.emit({ type: 'progress', stage, done, total: part.size, unit: 'bytes' }),
        onPoured: () => work.emit({ type: 'stage-ended', stage, outcome: 'ok', summary }),
      });
    },
  };
}

/**
 * Drops what the fresh install had made. Storage may hand a volume back that outlived its cluster: what is not known to
 * come from this run's install stays, and is named with the command that drops it.
 */
export function dropOldStep(work: RestoreWork, database: string): StepExecutor {
  const old = oldName(database);
  return {
    observe: async (context) => {
      const server = await serverOf(work, context);
      const { databases } = await readState(server);
      if (!(old in databases)) return { state: 'done' };
      if (databases[database] !== markOf(work, context))
        return { state: 'impossible', detail: `${database} is not the restored one` };
      const before = await readBeforeSwap(context.saved);
      if (!before?.fresh) {
        const detail = `kept: ${old} was not made by this run’s install; when nobody needs it: ${dropCommand(old)}`;
        return { state: 'done', detail };
      }
      const { system, oids } = await readMade(server);
      return system === before.system && oids[old] === before.oids[database]
        ? { state: 'ready' }
        : { state: 'impossible', detail: `${old} is not what was called ${database} before the swap` };
    },
    perform: async (context) => {
      const server = await serverOf(work, context);
      await context.guard();
      await runSql(server, DROP_SCRIPT, [old]);
    },
  };
}
