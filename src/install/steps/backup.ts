import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, EXIT } from '../../errors.js';
import type { BackupSeen } from '../../run/backup-stage.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { demandFit, unfitness } from '../backup-fit.js';
import type { PlannedBackup } from '../backup-types.js';
import { giveUpFlags } from '../giving-up.js';
import type { BackupWork, Work } from './types.js';

type Needs = Pick<Work, 'results' | 'now'> & { readonly backup: BackupWork };

/** What is known of a backup before it is begun: where it will lie and what opens it. */
interface Begun {
  readonly path: string;
  readonly keyFile: string;
  /** Host and state folder that it is made on. */
  readonly place: string;
}

const BEGUN = 'backup/begun.json';
export const NO_BACKUP = 'NO BACKUP is made, because of --no-backup: what gets lost is lost';

/** Sees to the backup that the plan asks for. */
export function backupStep(work: Needs, planned: PlannedBackup): StepExecutor {
  switch (planned.kind) {
    case 'none':
      return withoutBackup(work);
    case 'use':
      return namedBackup(work, planned);
    case 'take':
      return freshBackup(work, planned.folder);
  }
}

function withoutBackup({ results }: Needs): StepExecutor {
  return {
    observe: async ({ emit }) => {
      results.backup = { kind: 'none' };
      emit({ type: 'note', level: 'warn', text: NO_BACKUP });
      return { state: 'done', detail: NO_BACKUP };
    },
    perform: async () => {},
  };
}

/** A backup of the operator's is read whole before anything is put at risk, and again by a run that goes on. */
function namedBackup(work: Needs, planned: Extract<PlannedBackup, { kind: 'use' }>): StepExecutor {
  const { backup, results } = work;
  return {
    observe: async ({ signal }) => {
      const seen = await backup.stage.verify(planned.file, { signal });
      if (seen.backupId !== planned.backupId) {
        throw new AirgapError('BACKUP_UNFIT', `${planned.file} is another backup than the one of the plan`, {
          expected: `backup ${planned.backupId}`,
          found: `backup ${seen.backupId}`,
        });
      }
      demandFit(seen, wantedOf(work));
      results.backup = { kind: 'use', ...seen };
      return { state: 'done', detail: describe(seen) };
    },
    perform: async () => {},
  };
}

/**
 * A fresh backup. What is on the disk is never trusted: a run that goes on reads it again. One that is found broken
 * before anything was put at risk is made again under another name; later nothing can be saved any more, and the run
 * stops.
 */
function freshBackup(work: Needs, folder: string | undefined): StepExecutor {
  const { backup, results } = work;
  let made: BackupSeen | undefined;
  const done = (seen: BackupSeen, { keyFile }: Begun) => {
    results.backup = { kind: 'take', ...seen, keyFile };
    return { state: 'done', detail: `${describe(seen)}; its key: ${keyFile}` } as const;
  };
  return {
    observe: async (context) => {
      const begun = await readBegun(context);
      if (begun && made) return done(made, begun);
      const looked = begun ? await look(work, begun, context) : 'none was begun';
      if (begun && typeof looked === 'object') return done(looked, begun);
      if (!backup.harmBegun) return { state: 'ready', ...(begun ? { detail: String(looked) } : {}) };
      if (begun && begun.place !== backup.place && looked === GONE) return elsewhere(begun, context);
      throw new AirgapError(
        'BACKUP_INVALID',
        'the backup of this run is broken, and some of its steps are done',
        {
          expected: `a whole backup${begun ? ` at ${begun.path}` : ''}`,
          found: String(looked),
          hint: `put a whole copy of it back there; or airgap rollback --run ${context.runId}; or go on without it as a new run: --no-backup ${giveUpFlags(context.runId)}`,
        },
      );
    },
    perform: async (context) => {
      const { signal, runId, saved, emit } = context;
      const path = await freePath(folder ?? context.runFolder, runId);
      const keyFile = await backup.stage.newKey(runId);
      await saved.put(BEGUN, JSON.stringify({ path, keyFile, place: backup.place } satisfies Begun));
      emit({ type: 'note', level: 'info', text: `backup into ${path}, its key into ${keyFile}` });
      const { client, stage } = backup;
      made = await stage.take({ client, path, keyFile, runId, signal }).catch(refuse);
    },
  };
}

const GONE = 'there is no such file';

/** What became of a backup that was begun: what it says of itself, or what is wrong with it. */
async function look(
  work: Needs,
  { path, keyFile }: Begun,
  { signal }: StepContext,
): Promise<BackupSeen | string> {
  if (!(await isThere(path))) return GONE;
  try {
    const seen = await work.backup.stage.verify(path, { keyFile, signal });
    const faults = unfitness(seen, wantedOf(work));
    return faults.length === 0 ? seen : faults.map(({ what }) => `${path} ${what}`).join('; ');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AirgapError)) throw error;
    return `${path}: ${error.message}`;
  }
}

/** Another host of this run made it, and nothing was put at risk before it was whole. */
function elsewhere({ path, place }: Begun, { emit }: StepContext) {
  const text = `the backup of this run lies on another host (${place}), at ${path}; it is not looked at here`;
  emit({ type: 'note', level: 'warn', text });
  return { state: 'done', detail: text } as const;
}

/** Whatever kept the backup from being made: nothing was put at risk, and the exit status says backup. */
function refuse(error: unknown): never {
  if (!(error instanceof AirgapError) || error.exitStatus === EXIT.backup || error.code === 'LOCK_LOST')
    throw error;
  throw new AirgapError('BACKUP_FAILED', `the backup could not be made: ${error.message}`, {
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.found === undefined ? {} : { found: error.found }),
    hint: 'mend the cause and run the same command again; nothing was put at risk so far',
    cause: error,
  });
}

/** Once steps are done that cannot be taken back, the age of the backup from before them counts no more. */
function wantedOf({ backup: { clusterUid, harmBegun }, now }: Needs) {
  return { clusterUid, ...(harmBegun ? {} : { now: now() }) };
}

/** What is known of the run's fresh backup from before it was made. */
export async function readBegun({
  saved,
}: {
  readonly saved: Pick<StepContext['saved'], 'get'>;
}): Promise<Begun | undefined> {
  const content = await saved.get(BEGUN);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as Begun);
}

/** A backup is never written over another file: one that is old or broken stays beside its successor. */
async function freePath(folder: string, runId: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const path = join(folder, `before-${runId}${attempt === 1 ? '' : `-${attempt}`}.backup`);
    if (!(await isThere(path))) return path;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function describe({ path, backupId, createdAt, summary }: BackupSeen): string {
  return `${path}, ${backupId.slice(0, 12)} of ${createdAt}, verified: ${summary}`;
}
