import { AirgapError, type Fault } from '../errors.js';
import type { BackupSeen } from '../run/backup-stage.js';

/** A backup that is older than this does not hold what people did since (threats 118). */
export const FRESH_HOURS = 24;
/** Clocks of two hosts may differ by so much. */
const SKEW_MS = 10 * 60_000;

export interface Wanted {
  readonly clusterUid: string;
  /** Milliseconds since the epoch; absent when the age does not count any more. */
  readonly now?: number;
}

/** Everything that keeps a whole backup from being the one that the next steps need; empty when it fits. Pure. */
export function unfitness(seen: BackupSeen, { clusterUid, now }: Wanted): Fault[] {
  const faults: Fault[] = [];
  if (seen.clusterUid !== clusterUid) {
    const what = 'is of another cluster';
    faults.push({ where: seen.path, what, expected: clusterUid, found: seen.clusterUid });
  }
  if (seen.leftOut.includes('database'))
    faults.push({ where: seen.path, what: 'was made without the database' });
  const age = now === undefined ? 0 : now - Date.parse(seen.createdAt);
  if (age > FRESH_HOURS * 3_600_000 || age < -SKEW_MS) {
    const expected = `made in the last ${FRESH_HOURS} hours`;
    faults.push({ where: seen.path, what: 'is not recent', expected, found: `made ${seen.createdAt}` });
  }
  return faults;
}

/** @throws AirgapError BACKUP_UNFIT with all faults */
export function demandFit(seen: BackupSeen, wanted: Wanted): void {
  const faults = unfitness(seen, wanted);
  if (faults.length === 0) return;
  throw new AirgapError('BACKUP_UNFIT', `${seen.path} is not the backup that these steps need`, { faults });
}
