import { basename } from 'node:path';
import { AirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import { endedHere } from './ended-here.js';
import { type ExecuteOptions, execute, type RunResult } from './engine.js';
import { acquireHostLock } from './host-lock.js';
import { checkResumption, formatRunId } from './identity.js';
import type { Journal } from './journal.js';
import { acquireLease, type Clock, type Lease, type LeaseApi } from './lease.js';
import { adoptRun, formatMirror, type MirrorApi, type MirroredRun, parseMirror } from './mirror.js';
import { locksFolder } from './paths.js';
import { hasOpenIntent, stepStates } from './progress.js';
import { openSavedStore, type SavedMirror } from './saved.js';
import {
  adopt,
  createRun,
  findUnfinished,
  giveUp,
  isOver,
  listRunFolders,
  openRunJournal,
  readRun,
  type StoredRun,
} from './store.js';
import type { ExecutorOf, Plan, SavedStore } from './types.js';

/** The cluster's part in a run; install and recovery implement it with their Kubernetes client. */
export interface ClusterSide {
  readonly lease: LeaseApi;
  readonly mirror: MirrorApi;
  /** The cluster's copy of what a run saves; each run has its own. */
  readonly saved?: (runId: string) => SavedMirror;
}

export interface SessionOptions {
  /** paths.ts, stateRoot. */
  readonly root: string;
  readonly kind: Plan['kind'];
  readonly bundleId: string;
  readonly clusterUid: string;
  /** What was asked for, by name: plain words or digests. Only what was given. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly toolVersion: string;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  /** Short and stable: the host's name and, say, a digest of `root`. */
  readonly place: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly cluster?: ClusterSide;
  /** The run that the operator says is gone. */
  readonly takeover?: string;
  /** `give-up`: an unfinished run is ended and a new one begun (`--new-run`). */
  readonly unfinished?: 'resume' | 'give-up';
  /** Throws when what is unfinished may not be given up; asked while the locks are held. */
  readonly mayGiveUp?: () => Promise<void>;
  readonly origin?: string;
  /** What to type to go on with the run; no secrets. */
  readonly command?: string;
  /** Makes the plan, when there is no run to go on with; called while the locks are held. */
  readonly plan: () => Promise<Plan>;
}

/** A run with both locks held and its journal open. */
export interface Session {
  readonly run: StoredRun;
  readonly journal: Journal;
  readonly saved: SavedStore;
  /** True when the run was begun earlier, here or on another host. */
  readonly resumed: boolean;
  execute(executorOf: ExecutorOf, extra?: Pick<ExecuteOptions, 'onBoundary'>): Promise<RunResult>;
  /** Closes the journal and gives both locks back; never throws. */
  close(): Promise<void>;
}

const MOST_TRIES = 3;

/**
 * Opens a run: host lock, lease, then the unfinished run of this cluster (of this host, or of another host by
 * its copy in the cluster), else a new one.
 * @throws AirgapError LOCKED, RUN_MISMATCH, JOURNAL_DAMAGED, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const session = await openAs(await expect(options), options);
    if (session !== 'changed') return session;
  }
  throw new AirgapError('LOCKED', 'the runs of this cluster kept changing while one was being opened');
}

/** The locks are taken in the name of a run; when it turns out to be over, that name was wrong. */
async function openAs(expected: Expected, options: SessionOptions): Promise<Session | 'changed'> {
  const { runId } = expected;
  const { root, clusterUid, kind, clock, takeover } = options;
  const lock = await acquireHostLock({
    folder: locksFolder(root, clusterUid),
    runId,
    purpose: kind,
    now: clock.now,
    ...(takeover === undefined ? {} : { takeover }),
  });
  let lease: Lease | undefined;
  const letGo = async (): Promise<void> => {
    await lease?.release();
    await lock.release().catch(() => {});
  };
  try {
    if (options.cluster) lease = await takeLease(options.cluster.lease, runId, options);
    const found = await settle(options);
    if (found?.identity.runId !== (expected.known ? runId : undefined)) {
      await letGo();
      return 'changed';
    }
    const run = found ?? (await begin(runId, options));
    return await session(run, options, { resumed: found !== undefined, letGo, ...(lease ? { lease } : {}) });
  } catch (error) {
    await letGo();
    throw error;
  }
}

async function begin(runId: string, options: SessionOptions): Promise<StoredRun> {
  const { root, inputs, toolVersion, clock, origin, command } = options;
  const plan = await options.plan();
  const extra = {
    ...(origin === undefined ? {} : { origin }),
    ...(command === undefined ? {} : { command }),
  };
  return createRun(root, { runId, plan, inputs, toolVersion, now: clock.now, ...extra });
}

interface Holds {
  readonly resumed: boolean;
  readonly lease?: Lease;
  readonly letGo: () => Promise<void>;
}

async function session(run: StoredRun, options: SessionOptions, holds: Holds): Promise<Session> {
  const { cluster, clock, signal, emit } = options;
  const { lease, resumed } = holds;
  const journal = await openRunJournal(run, clock.now);
  journal.fence = lease?.fence ?? journal.fence;
  const saved = openSavedStore(run.folder, cluster?.saved?.(run.identity.runId));
  const { monotonic } = clock;
  const command = options.command ?? run.identity.command;
  const common = {
    ...{ journal, saved, runFolder: run.folder, signal, emit, monotonic },
    ...(lease ? { lease } : {}),
    ...(command === undefined ? {} : { resumeCommand: command }),
  };
  const mirror = cluster
    ? { mirror: (current: Journal) => cluster.mirror.write(formatMirror(run, current.records)) }
    : {};
  return {
    run,
    journal,
    saved,
    resumed,
    execute: (executorOf, extra = {}) => execute(run.plan, executorOf, { ...common, ...mirror, ...extra }),
    close: async () => {
      await journal.close().catch(() => {});
      await holds.letGo();
    },
  };
}

/** Finds the run to go on with, after it was brought up to what its copy in the cluster knows. */
async function settle(options: SessionOptions): Promise<StoredRun | undefined> {
  const { root, clusterUid, clock, emit } = options;
  if (options.unfinished === 'give-up') {
    await demandNothingStopped(root, clusterUid);
    await options.mayGiveUp?.();
    const newest = (await listRunFolders(root, clusterUid)).at(-1);
    if (newest) await giveUp(newest, clock.now);
    return undefined;
  }
  const local = await findUnfinished(root, clusterUid);
  const remote = await readMirror(options);
  const open = remote !== undefined && !isOverPhase(remote.phase);
  if (local === undefined) {
    if (!open) return undefined;
    checkResumption(remote.identity, options);
    emit({ type: 'note', level: 'info', text: `going on with run ${remote.identity.runId} of another host` });
    return adoptRun(root, remote, clock.now);
  }
  if (remote !== undefined && remote.identity.runId !== local.identity.runId) {
    if (open) throw otherRun(local, remote);
    if (remote.identity.runId > local.identity.runId) {
      await giveUp(local.folder, clock.now);
      emit({
        type: 'note',
        level: 'warn',
        text: `a later run on another host finished; ${local.identity.runId} ends`,
      });
      return undefined;
    }
  }
  if (remote?.identity.runId === local.identity.runId && (await catchUp(local, remote, clock)))
    return undefined;
  checkResumption(local.identity, options);
  return local;
}

/** A backup that was killed may have left the database stopped: that is brought back first. */
export async function demandNothingStopped(root: string, clusterUid: string): Promise<void> {
  const newest = (await listRunFolders(root, clusterUid)).at(-1);
  const run = newest === undefined ? undefined : await readRun(newest).catch(() => undefined);
  if (run?.identity.kind !== 'backup' || isOver(run.records)) return;
  throw new AirgapError(
    'RUN_MISMATCH',
    `backup ${run.identity.runId} was interrupted with something stopped`,
    {
      expected: 'everything started again before another run begins',
      found: run.identity.title,
      hint: 'airgap backup resume',
    },
  );
}

/** Takes over what another host did in the same run; true when the run is over by that. */
async function catchUp(local: StoredRun, remote: MirroredRun, clock: Clock): Promise<boolean> {
  const journal = await openRunJournal(local, clock.now);
  try {
    const known = stepStates(local.plan, journal.records).filter((step) => step.state === 'committed');
    const missing = remote.committed.filter((id) => !known.some((step) => step.id === id));
    const open = remote.open.filter(
      (id) => !hasOpenIntent(id, journal.records) && !known.some((step) => step.id === id),
    );
    if (missing.length + open.length > 0) await adopt(journal, { committed: missing, open });
    if (remote.phase === 'finished') await journal.append({ step: '', phase: 'finished' });
    if (remote.phase === 'given-up') await journal.append({ step: '', phase: 'given-up' });
    return isOver(journal.records);
  } finally {
    await journal.close();
  }
}

async function readMirror({ root, cluster, clusterUid }: SessionOptions): Promise<MirroredRun | undefined> {
  const data = await cluster?.mirror.read();
  const run = data === undefined ? undefined : parseMirror(data);
  if (run?.identity.clusterUid !== clusterUid) return undefined;
  return !isOverPhase(run.phase) && (await endedHere(root, run)) ? undefined : run;
}

interface Expected {
  readonly runId: string;
  /** True for an unfinished run, false for a fresh id. */
  readonly known: boolean;
}

/** The id under which the locks are taken: the unfinished run's, else a fresh one. */
async function expect(options: SessionOptions): Promise<Expected> {
  const { root, clusterUid, clock, random } = options;
  const fresh = { runId: formatRunId(clock.now(), random(4)), known: false };
  if (options.unfinished === 'give-up') return fresh;
  const local = await findUnfinished(root, clusterUid);
  if (local) return { runId: local.identity.runId, known: true };
  const remote = await readMirror(options);
  if (remote === undefined || isOverPhase(remote.phase)) return fresh;
  return { runId: remote.identity.runId, known: true };
}

async function takeLease(api: LeaseApi, runId: string, options: SessionOptions): Promise<Lease> {
  const { clock, signal, takeover, place, emit } = options;
  const folders = await listRunFolders(options.root, options.clusterUid);
  return acquireLease(api, {
    holder: { runId, place },
    recorded: new Set(folders.map((folder) => basename(folder))),
    clock,
    signal,
    ...(takeover === undefined ? {} : { takeover }),
    onWait: (done, total) => emit({ type: 'progress', stage: 'takeover', done, total, unit: 'items' }),
  });
}

function isOverPhase(phase: string): boolean {
  return phase === 'finished' || phase === 'given-up';
}

function otherRun(local: StoredRun, remote: MirroredRun): AirgapError {
  return new AirgapError('RUN_MISMATCH', 'this host and the cluster have different unfinished runs', {
    expected: `run ${local.identity.runId} (${local.identity.title}), as on this host`,
    found: `run ${remote.identity.runId} (${remote.identity.title}), as in the cluster`,
    hint: 'finish the later one on the host that began it; --new-run gives both up, when neither took anything away',
  });
}
