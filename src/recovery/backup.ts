import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../kube/client.js';
import { acquireHostLock } from '../run/host-lock.js';
import { formatRunId } from '../run/identity.js';
import { locksFolder } from '../run/paths.js';
import { generateIdentity, writeIdentityFile } from './archive/age/keys.js';
import type { Encryption } from './archive/encryption.js';
import { createBackup } from './create.js';
import type { CreatedBackup, CreateOptions } from './create-types.js';

export interface BackupRequest extends Omit<CreateOptions, 'client' | 'encryption'> {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Folder of the record of runs: holds the locks, and the keys that are made here. */
  readonly stateRoot: string;
  /** `fresh`: a new key is made for this backup and written to a file of its own. */
  readonly encryption: Encryption | 'fresh';
}

export interface BackupOutcome extends CreatedBackup {
  /** The file of the key that was made. */
  readonly keyFile?: string;
}

/**
 * Makes a backup while no other run of ours changes the cluster.
 * @throws AirgapError LOCKED and whatever createBackup throws
 */
export async function backup(request: BackupRequest): Promise<BackupOutcome> {
  const { env, emit, signal, stateRoot, now, random, kubeconfig, context } = request;
  const client = await connect({
    env,
    emit,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  try {
    const clusterUid = await client.clusterUid({ signal });
    const runId = formatRunId(now(), random(4));
    const folder = locksFolder(stateRoot, clusterUid);
    const lock = await acquireHostLock({ folder, runId, purpose: 'backup', now });
    try {
      return await withKey(request, runId, (encryption) => createBackup({ ...request, client, encryption }));
    } finally {
      await lock.release().catch(() => {});
    }
  } finally {
    client.close();
  }
}

/** Encrypted by default: a key is made when none was named, and goes away again with a backup that failed. */
async function withKey(
  { encryption, stateRoot, now }: BackupRequest,
  runId: string,
  work: (encryption: Encryption) => Promise<CreatedBackup>,
): Promise<BackupOutcome> {
  if (encryption !== 'fresh') return work(encryption);
  const identity = generateIdentity();
  const folder = join(stateRoot, 'keys');
  const keyFile = join(folder, `backup-${runId}.txt`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeIdentityFile(keyFile, identity, new Date(now()).toISOString());
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
