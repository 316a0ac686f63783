import * as v from 'valibot';
import type { SavedStore, StepContext } from '../run/types.js';
import { parseAnswer } from './answer.js';
import { runSql, type Server } from './restore-database.js';
import { MADE_SCRIPT } from './restore-script.js';
import type { RestoreWork } from './steps/types.js';

const KEPT = 'databases/before-swap.json';

const schema = v.object({
  /** Seconds since initdb, by the server's own clock; the system identifier begins with that moment. */
  age: v.number(),
  /** The system identifier: of the data directory. */
  system: v.string(),
  /** Object ids by database. */
  oids: v.record(v.string(), v.string()),
});

/** What tells one data directory, and one database in it, from another. */
export type Made = Readonly<v.InferOutput<typeof schema>>;

/** What was there before restored databases took the names. */
export interface BeforeSwap extends Made {
  /** The data directory is younger than the beginning of this run's install: all that was in it came from that. */
  readonly fresh: boolean;
}

/** @throws AirgapError RESTORE_FAILED */
export async function readMade(server: Server): Promise<Made> {
  const what = 'what tells the data directory from another';
  return parseAnswer(await runSql(server, MADE_SCRIPT, []), schema, { code: 'RESTORE_FAILED', what });
}

/**
 * Looks at what is about to be replaced. Ages are compared, not times: the clocks of host and node may differ. A clock
 * that was set meanwhile makes it look older than it is, or younger than nothing: then it counts as not ours.
 */
export async function keepBeforeSwap(
  { sinceInstall }: Pick<RestoreWork, 'sinceInstall'>,
  server: Server,
  { saved }: Pick<StepContext, 'saved'>,
): Promise<void> {
  const most = sinceInstall() ?? -1;
  const made = await readMade(server);
  const before: BeforeSwap = { ...made, fresh: made.age >= 0 && made.age * 1000 <= most };
  await saved.put(KEPT, JSON.stringify(before));
}

/** Undefined for a run that swapped nothing, or that an earlier version began. */
export async function readBeforeSwap(saved: Pick<SavedStore, 'get'>): Promise<BeforeSwap | undefined> {
  const text = (await saved.get(KEPT))?.toString('utf8');
  return text === undefined ? undefined : (JSON.parse(text) as BeforeSwap);
}
