import { join } from 'node:path';
import { AirgapError } from '../errors.js';
import { runsFolder } from '../run/paths.js';
import { stepStates } from '../run/progress.js';
import type { JournalRecord } from '../run/record.js';
import type { ClusterSide } from '../run/session.js';
import { readRun } from '../run/store.js';
import { listUnfinished, type Unfinished } from './unfinished.js';

/** Where runs are recorded. */
export interface Records {
  readonly root: string;
  readonly clusterUid: string;
  readonly side: Pick<ClusterSide, 'mirror'>;
}

/**
 * A plan made anew knows what it finds: what an earlier run took away and saved, values among it, it neither carries
 * over nor puts back. So such a run is given up by name only, be it this host's or another's.
 * @throws AirgapError RUN_MISMATCH
 */
export async function mayGiveUp(records: Records, acknowledged: readonly string[]): Promise<void> {
  const { root, clusterUid, side } = records;
  for (const run of await listUnfinished(root, clusterUid, side))
    demandNothingTaken(run, await stillTaken(run, records), acknowledged);
}

/** @param missing what is away although no step of this run took it, in words */
export function demandNothingTaken(
  { identity, plan, committed, open }: Unfinished,
  missing: readonly string[],
  acknowledged: readonly string[],
): void {
  const { runId, kind } = identity;
  // What a backup stopped is told elsewhere, and it takes nothing away.
  if (kind === 'backup') return;
  const begun = plan.steps.filter(({ id }) => committed.includes(id) || open.includes(id));
  // Half of what a rollback or a restore brings back is at the site, whatever the step.
  const harmful = kind === 'install' ? begun.filter(({ destructive }) => destructive) : begun;
  const found = [...(harmful.length === 0 ? [] : [listed(harmful)]), ...missing];
  const id = giveUpId(runId);
  if (found.length === 0 || acknowledged.includes(id)) return;
  throw new AirgapError(
    'RUN_MISMATCH',
    `${kind} ${runId} took things away that a new run would not bring back`,
    {
      expected: kind === 'install' ? 'that run ended: gone on with, or rolled back' : 'that run gone on with',
      found: found.join('; '),
      hint: `${wayOut(identity)}; to lose the old values and hand-made changes all the same: ${giveUpFlags(runId)}`,
    },
  );
}

/** What to add to a command that begins anew over a run which took things away. */
export function giveUpFlags(runId: string): string {
  return `--new-run --acknowledge=${giveUpId(runId)}`;
}

function giveUpId(runId: string): string {
  return `give-up@${runId}`;
}

function wayOut({ kind, runId, origin, command }: Unfinished['identity']): string {
  if (kind === 'install') return `airgap rollback --run ${runId}, then install with other values`;
  if (kind === 'rollback')
    return `airgap rollback${origin === undefined ? '' : ` --run ${origin}`} goes on with it`;
  return command === undefined
    ? 'airgap status shows the command that goes on with it'
    : `${command} goes on with it`;
}

function listed(steps: Unfinished['plan']['steps']): string {
  return `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}: ${steps.map(({ id }) => id).join(', ')}`;
}

/** A rollback ends the run that it undoes: with an unfinished one, what that took away is away still. */
async function stillTaken({ identity }: Unfinished, { root, clusterUid }: Records): Promise<string[]> {
  const { kind, origin } = identity;
  if (kind !== 'rollback' || origin === undefined) return [];
  const run = await readRun(join(runsFolder(root, clusterUid), origin)).catch(() => undefined);
  const harmless = run && (isFinished(run.records) || !tookAway(run));
  return harmless ? [] : [`what run ${origin} took away, which is not finished either`];
}

function isFinished(records: readonly JournalRecord[]): boolean {
  return records.some(({ phase }) => phase === 'finished');
}

function tookAway({ plan, records }: Awaited<ReturnType<typeof readRun>>): boolean {
  const states = stepStates(plan, records);
  return plan.steps.some(({ destructive }, at) => destructive && states[at]?.state !== 'waiting');
}
