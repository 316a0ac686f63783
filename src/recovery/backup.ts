import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connect } from '../kube/client.js';
import { acquireHostLock, type HostLock } from '../run/host-lock.js';
import { formatRunId } from '../run/identity.js';
import type { Clock } from '../run/lease.js';
import { locksFolder } from '../run/paths.js';
import type { Encryption } from './archive/encryption.js';
import { type BackupView, viewOf } from './backup-view.js';
import { createBackup } from './create.js';
import type { CreatedBackup, CreateOptions, WhileStopped } from './create-types.js';
import { expireBackups } from './expire.js';
import { makeFreshKey } from './fresh-key.js';
import { bundleLookup } from './installed-bundle.js';
import { lastVerified } from './list.js';
import { makeBackupName } from './names.js';
import { observeSite } from './observe-site.js';
import type { RetentionPolicy } from './retention.js';
import { type StopOptions, startAgain, whileStopped } from './stop-run.js';

/** Where a run on a cluster has its place: the cluster, the record, the locks. */
export interface ClusterPlace {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Folder of the record of runs: holds the locks, and the keys that are made here. */
  readonly stateRoot: string;
  /** Tells hosts apart. */
  readonly place: string;
  readonly clock: Clock;
  /** The run of another host that the operator says is gone. */
  readonly takeover?: string;
}

type Given = Omit<
  CreateOptions,
  'client' | 'encryption' | 'output' | 'whileStopped' | 'bundleIdOf' | 'least'
>;

export interface BackupRequest extends Given, ClusterPlace {
  /** A file; a folder gets a file that is named by cluster and time. */
  readonly output: { readonly file: string } | { readonly folder: string };
  /** `fresh`: a new key is made for this backup and written to a file of its own. */
  readonly encryption: Encryption | 'fresh';
  /** Whether the databases may hold much less than at the last backup. */
  readonly smaller: 'refuse' | 'accept';
  /** What stays in the folder of the backup; nothing is deleted when absent. */
  readonly retention?: Omit<RetentionPolicy, 'now'>;
}

export interface BackupOutcome extends CreatedBackup {
  /** The file of the key that was made. */
  readonly keyFile?: string;
  /** Backups that went by the retention policy. */
  readonly expired: readonly string[];
}

/**
 * Makes a backup while no other run of ours changes the cluster. What an earlier one left stopped is started first.
 * @throws AirgapError LOCKED and whatever createBackup throws
 */
export async function backup(request: BackupRequest): Promise<BackupOutcome> {
  return onCluster(request, async (stop) => {
    await startAgain(stop);
    const { client, clusterUid } = stop;
    const { stateRoot, now, random } = request;
    const runId = formatRunId(now(), random(4));
    const folder = locksFolder(stateRoot, clusterUid);
    const lock = await acquireHostLock({ folder, runId, purpose: 'backup', now });
    const output = outputOf(request, clusterUid);
    try {
      const last = request.smaller === 'accept' ? undefined : await lastVerified(dirname(output), clusterUid);
      const common = {
        ...request,
        client,
        output,
        whileStopped: stopping(stop, lock),
        bundleIdOf: bundleLookup({ client, clusterUid, stateRoot }),
        least: last === undefined ? {} : { last },
      };
      const made = await withKey(request, runId, (encryption) => createBackup({ ...common, encryption }));
      return { ...made, expired: await expire(output, request, { client, clusterUid }) };
    } finally {
      await lock.release().catch(() => {});
    }
  });
}

/** What a backup would hold. Changes nothing. */
export function planBackup(
  request: Omit<BackupRequest, 'output' | 'encryption' | 'smaller'>,
): Promise<BackupView> {
  return onCluster(request, async ({ client }) => {
    const options = { ...request, client, output: '', encryption: { kind: 'plain' } as const };
    return viewOf(await observeSite(options), options);
  });
}

/**
 * Starts again what a backup that was killed had stopped.
 * @returns the run, or undefined when nothing was stopped
 * @throws AirgapError LOCKED, NOT_HEALTHY and those of the cluster
 */
export function resumeBackup(
  request: ClusterPlace & Pick<CreateOptions, 'env' | 'emit' | 'signal' | 'random' | 'toolVersion'>,
): Promise<{ readonly runId: string } | undefined> {
  return onCluster(request, startAgain);
}

async function onCluster<T>(
  request: ClusterPlace & Pick<CreateOptions, 'env' | 'emit' | 'signal' | 'random' | 'toolVersion'>,
  work: (stop: StopOptions) => Promise<T>,
): Promise<T> {
  const { env, emit, signal, kubeconfig, context, stateRoot, place, clock, random, toolVersion, takeover } =
    request;
  const client = await connect({
    env,
    emit,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  try {
    const clusterUid = await client.clusterUid({ signal });
    const more = takeover === undefined ? {} : { takeover };
    return await work({ client, clusterUid, stateRoot, place, clock, random, toolVersion, emit, ...more });
  } finally {
    client.close();
  }
}

/** A run that stops something takes the host's lock and the cluster's lease itself. */
function stopping(stop: StopOptions, lock: HostLock): WhileStopped {
  return async (stopped, work) => {
    await lock.release();
    return whileStopped(stop, stopped, work);
  };
}

function outputOf({ output, now }: BackupRequest, clusterUid: string): string {
  return 'file' in output ? output.file : join(output.folder, makeBackupName(clusterUid, now()));
}

/** A backup that was made is worth more than a tidy folder: what cannot be looked at or deleted is said, no more. */
async function expire(
  output: string,
  { retention, now, emit }: BackupRequest,
  cluster: Pick<StopOptions, 'client' | 'clusterUid'>,
): Promise<string[]> {
  if (retention === undefined) return [];
  const policy = { ...retention, now: now() };
  return expireBackups(dirname(output), policy, { ...cluster, emit }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    emit({ type: 'note', level: 'warn', text: `no backup beside ${output} was deleted: ${why}` });
    return [];
  });
}

/** Encrypted by default: a key is made when none was named, and goes away again with a backup that failed. */
async function withKey(
  { encryption, stateRoot, now }: BackupRequest,
  runId: string,
  work: (encryption: Encryption) => Promise<CreatedBackup>,
): Promise<CreatedBackup & { readonly keyFile?: string }> {
  if (encryption !== 'fresh') return work(encryption);
  const identity = await makeFreshKey(stateRoot, { name: `backup-${runId}.txt`, now: now() });
  const keyFile = identity.path;
  try {
    const made = await work({
      kind: 'recipients',
      recipients: [identity.recipient],
      identity: identity.secret,
    });
    return { ...made, keyFile };
  } catch (error) {
    await rm(keyFile, { force: true });
    throw error;
  }
}
