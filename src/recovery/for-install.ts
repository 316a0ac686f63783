import { readFile } from 'node:fs/promises';
import { AirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { BackupSeen, BackupStage } from '../run/backup-stage.js';
import { parseIdentityFile, recipientOf } from './archive/age/keys.js';
import type { Unlock } from './archive/age/unlock.js';
import { type OpenBackup, openBackup } from './archive/open.js';
import { countRows } from './count-rows.js';
import { createBackup } from './create.js';
import { CHOICES, LEFT_OUT, type Savings } from './create-types.js';
import { makeFreshKey } from './fresh-key.js';
import { labelling, removeHelpersOf } from './left-helpers.js';
import { measureBackup } from './measure.js';
import { requireBackupOk, verifyBackup } from './verify.js';

export interface ForInstall {
  readonly stateRoot: string;
  readonly toolVersion: string;
  readonly savings: Savings;
  /** Opens a backup that the operator named. */
  readonly unlock: Unlock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
}

/** Backups of everything, encrypted for a key of their own, as the step of an install makes and checks them. */
export function backupsForInstall(options: ForInstall): BackupStage {
  const { savings, unlock, stateRoot, now, random, env, emit } = options;
  return {
    measure: (client, signal) => measureBackup(client, { savings, signal }),
    count: countRows,
    newKey: async (runId) => {
      const name = `before-${runId}-${random(4).toString('hex')}.txt`;
      return (await makeFreshKey(stateRoot, { name, now: now() })).path;
    },
    take: async ({ client, path, keyFile, runId, signal }) => {
      await removeHelpersOf(client, runId, signal);
      const identity = (await identitiesIn(keyFile))[0] ?? '';
      await createBackup({
        client: labelling(client, runId),
        output: path,
        encryption: { kind: 'recipients', recipients: [recipientOf(identity)], identity },
        choices: new Set(CHOICES),
        savings,
        least: {},
        toolVersion: options.toolVersion,
        env,
        now,
        random,
        emit,
        signal,
      });
      return opened(path, { identities: [identity] }, signal, async (backup) => summaryOf(backup));
    },
    look: (path, signal) => opened(path, unlock, signal, async (backup) => summaryOf(backup)),
    verify: async (path, { keyFile, signal }) => {
      const key = keyFile === undefined ? unlock : { identities: await identitiesIn(keyFile) };
      return opened(path, key, signal, async (backup) => {
        const stage = 'verify-backup';
        emit({ type: 'stage-started', stage, title: path });
        const report = await verifyBackup(backup, {
          env,
          signal,
          onProgress: (done, total) => emit({ type: 'progress', stage, done, total, unit: 'bytes' }),
        });
        emit({ type: 'stage-ended', stage, outcome: report.ok ? 'ok' : 'failed' });
        requireBackupOk(report);
        return summaryOf(backup);
      });
    },
  };
}

async function opened<T>(
  path: string,
  unlock: Unlock,
  signal: AbortSignal,
  work: (backup: OpenBackup) => Promise<T>,
): Promise<T> {
  const backup = await openBackup(path, { ...unlock, signal });
  try {
    return await work(backup);
  } finally {
    await backup.close();
  }
}

async function identitiesIn(keyFile: string): Promise<string[]> {
  const text = await readFile(keyFile, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('BACKUP_KEY', `${keyFile} cannot be read`, { cause });
  });
  return parseIdentityFile(text, keyFile);
}

function summaryOf({ path, backupId, size, manifest }: OpenBackup): BackupSeen {
  const { createdAt, clusterUid, databases, skipped, volumes } = manifest;
  const rows = databases.flatMap(({ tables }) => tables).reduce((sum, table) => sum + table.rows, 0);
  return {
    path,
    backupId,
    createdAt,
    clusterUid,
    size,
    leftOut: skipped.flatMap(({ what, why }) => (why === LEFT_OUT ? [what] : [])),
    summary: `${databases.length} databases with ${rows} rows, ${volumes.length} volumes`,
  };
}
