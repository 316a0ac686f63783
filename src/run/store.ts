import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError, syncFolder, writeFileAtomic } from '../io/atomic.js';
import { digestOf } from './canonical.js';
import { type RunIdentity, TOOL_SCHEMA } from './identity.js';
import { type Journal, openJournal, readJournal } from './journal.js';
import { runsFolder } from './paths.js';
import { checkPlan } from './plan.js';
import type { JournalRecord } from './record.js';
import type { Plan } from './types.js';

const IDENTITY_FILE = 'run.json';
const PLAN_FILE = 'plan.json';

/** A run as it lies on disk. */
export interface StoredRun {
  readonly folder: string;
  readonly identity: RunIdentity;
  readonly plan: Plan;
}

export interface NewRun {
  /** identity.ts, formatRunId. */
  readonly runId: string;
  readonly plan: Plan;
  /** What was asked for, by name: plain words or digests, never values that may hold secrets. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly toolVersion: string;
  /** The run that this one undoes or goes on from. */
  readonly origin?: string;
  /** What to type to go on with it. */
  readonly command?: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Begins a run: folder 0700 with identity, plan and a journal whose first record binds both.
 * The folder shows under its name only when all of it is durable.
 * @throws AirgapError DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function createRun(root: string, options: NewRun): Promise<StoredRun> {
  const { plan, now, runId } = options;
  checkPlan(plan);
  const identity: RunIdentity = {
    schema: TOOL_SCHEMA,
    runId,
    kind: plan.kind,
    title: plan.title,
    bundleId: plan.bundleId,
    planSha: digestOf(plan),
    clusterUid: plan.clusterUid,
    toolVersion: options.toolVersion,
    inputs: options.inputs,
    createdAt: new Date(now()).toISOString(),
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    ...(options.command === undefined ? {} : { command: options.command }),
  };
  return writeRun(root, { identity, plan, now });
}

/** How far another host came in a run. */
export interface Adopted {
  readonly committed: readonly string[];
  /** Begun there, and not known to have ended. */
  readonly open: readonly string[];
}

/** Records what another host did, as if it had been done here. */
export async function adopt(journal: Journal, { committed, open }: Adopted): Promise<void> {
  await journal.append({ step: '', phase: 'adopted', data: { committed } });
  for (const step of open) await journal.append({ step, phase: 'intent', data: { adopted: true } });
}

/** Writes a run that has its identity already: a new one, or one that another host began. */
export async function writeRun(
  root: string,
  run: { readonly identity: RunIdentity; readonly plan: Plan; readonly now: () => number },
  adopted?: Adopted,
): Promise<StoredRun> {
  const { identity, plan, now } = run;
  const parent = runsFolder(root, identity.clusterUid);
  const folder = join(parent, identity.runId);
  const temporary = join(parent, `.${identity.runId}.tmp`);
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o700 });
    await writeFileAtomic(join(temporary, IDENTITY_FILE), `${JSON.stringify(identity, null, 2)}\n`);
    await writeFileAtomic(join(temporary, PLAN_FILE), `${JSON.stringify(plan, null, 2)}\n`);
    const journal = await openJournal(temporary, { runId: identity.runId, now });
    const data = { identity: digestOf(identity), planSha: identity.planSha, steps: plan.steps.length };
    await journal.append({ step: '', phase: 'planned', data });
    if (adopted) await adopt(journal, adopted);
    await journal.close();
    await rename(temporary, folder);
    await syncFolder(parent);
    await syncFolder(dirname(parent));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw asWriteError(error, folder);
  }
  return { folder, identity, plan };
}

/**
 * Reads a run and proves that identity and plan are those its journal was begun with.
 * @throws AirgapError JOURNAL_DAMAGED
 */
export async function readRun(
  folder: string,
): Promise<StoredRun & { readonly records: readonly JournalRecord[]; readonly torn: boolean }> {
  const { records, torn } = await readJournal(folder);
  const identity = (await readJson(join(folder, IDENTITY_FILE))) as RunIdentity;
  const plan = (await readJson(join(folder, PLAN_FILE))) as Plan;
  const bound = records[0]?.phase === 'planned' && records[0].data['identity'] === digestOf(identity);
  if (!bound || digestOf(plan) !== identity.planSha) {
    throw new AirgapError('JOURNAL_DAMAGED', `${folder} is not what its journal was begun with`, {
      expected: `identity sha256:${String(records[0]?.data['identity'] ?? 'none')}, plan sha256:${identity.planSha}`,
      found: `identity sha256:${digestOf(identity)}, plan sha256:${digestOf(plan)}`,
    });
  }
  return { folder, identity, plan, records, torn };
}

/** Opens the journal of a stored run for writing; the caller holds the host lock. */
export function openRunJournal(run: StoredRun, now: () => number): Promise<Journal> {
  return openJournal(run.folder, { runId: run.identity.runId, now });
}

/** Folders of the runs on a cluster, oldest first; of all clusters when no UID is given. */
export async function listRunFolders(root: string, clusterUid?: string): Promise<string[]> {
  if (clusterUid !== undefined) return foldersIn(runsFolder(root, clusterUid));
  const clusters = await foldersIn(join(root, 'runs'));
  const lists = await Promise.all(clusters.map(foldersIn));
  return lists.flat().sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * The newest run on the cluster that neither finished nor was given up, or undefined.
 * @throws AirgapError JOURNAL_DAMAGED when the newest run cannot be read
 */
export async function findUnfinished(
  root: string,
  clusterUid: string,
): Promise<Awaited<ReturnType<typeof readRun>> | undefined> {
  const folders = await listRunFolders(root, clusterUid);
  const newest = folders.at(-1);
  if (newest === undefined) return undefined;
  const run = await readRun(newest);
  return isOver(run.records) ? undefined : run;
}

/** True when nothing of the run is left to do. */
export function isOver(records: readonly JournalRecord[]): boolean {
  const last = records.at(-1)?.phase;
  return last === 'finished' || last === 'given-up';
}

/**
 * Ends an unfinished run without finishing it (`--new-run`); one that is over stays as it is (threats.md, G9).
 * A damaged journal is put aside whole.
 */
export async function giveUp(folder: string, now: () => number): Promise<void> {
  const run = await readRun(folder).catch(() => undefined);
  if (run === undefined) {
    await rename(folder, join(dirname(folder), `.damaged-${nameOf(folder)}`));
    await syncFolder(dirname(folder));
    return;
  }
  if (isOver(run.records)) return;
  const journal = await openRunJournal(run, now);
  await journal.append({ step: '', phase: 'given-up' });
  await journal.close();
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    return names.map((entry) => join(folder, entry.name)).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new AirgapError('JOURNAL_DAMAGED', `${path} cannot be read`, { cause: error });
  }
}

function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf('/') + 1);
}
