import { AirgapError } from '../../errors.js';
import type { BackupNeed, BackupSeen } from '../../run/backup-stage.js';
import { unfitness } from '../backup-fit.js';
import type { BackupOptions } from '../backup-types.js';
import type { Finding } from '../findings.js';
import { backupIn } from '../plan.js';
import { type DiskFacts, readDisk } from './disk.js';
import { formatGb } from './quantity.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'backup', title: 'backup before the first step that risks data' };

/** Whether the backup that the plan has can be made, or is the right one: before gigabytes are pushed. */
export const backupCheck: Check = {
  row: ROW,
  applies: ({ made, backup }) => backup !== undefined && backupIn(made.plan) !== undefined,
  run: async (context) => (context.backup ? [await check(context, context.backup)] : []),
};

async function check(context: CheckContext, { choice, stage }: BackupOptions): Promise<Finding> {
  const { client, signal, stateRoot, site, now, need = () => stage.measure(client, signal) } = context;
  try {
    switch (choice.kind) {
      case 'none':
        return {
          ...ROW,
          outcome: 'warn',
          seen: 'none is made: --no-backup',
          advice: 'leave --no-backup out, unless something else saved database and configuration just now',
        };
      case 'use':
        return judgeNamed(await stage.look(choice.file, signal), {
          clusterUid: site.cluster.uid,
          now: now(),
        });
      case 'take': {
        const disk = await readDisk('backup', choice.folder ?? stateRoot);
        return judgeRoom(await need(), disk);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AirgapError)) throw error;
    const said = error.found === undefined ? '' : `: ${error.found}`;
    return {
      ...ROW,
      outcome: 'fail',
      seen: `${error.message}${said}`,
      advice: error.hint,
      code: 'BACKUP_FAILED',
    };
  }
}

/** @param now milliseconds since the epoch */
export function judgeNamed(
  seen: BackupSeen,
  wanted: { readonly clusterUid: string; readonly now: number },
): Finding {
  const faults = unfitness(seen, wanted);
  const shown = `${seen.path}, ${seen.backupId.slice(0, 12)} of ${seen.createdAt}: ${seen.summary}`;
  if (faults.length === 0) return { ...ROW, outcome: 'pass', seen: shown };
  return {
    ...ROW,
    outcome: 'fail',
    seen: faults.map(({ where, what, found }) => `${where} ${what}${found ? `: ${found}` : ''}`).join('; '),
    expected: faults.flatMap(({ expected }) => expected ?? []).join('; ') || 'a backup with the database',
    advice: 'leave --backup out, and a fresh one is made',
    code: 'BACKUP_UNFIT',
  };
}

export function judgeRoom({ bytes, parts }: BackupNeed, { path, free }: DiskFacts): Finding {
  const seen = `${formatGb(free)} free at ${path}`;
  const expected = `${formatGb(bytes)}: ${parts.join(', ')}, and a fifth`;
  if (free >= bytes) return { ...ROW, outcome: 'pass', seen, expected };
  return {
    ...ROW,
    outcome: 'fail',
    seen,
    expected,
    advice: `make room at ${path}, or name a folder that has it: --backup-dir`,
    code: 'BACKUP_FAILED',
  };
}
