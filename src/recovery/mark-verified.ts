import { writeMark } from './marks.js';
import type { VerifyBackupReport } from './types.js';

/** Says beside a backup that all of it was found right just now, and what its databases hold. */
export async function markVerified(path: string, report: VerifyBackupReport, now: number): Promise<void> {
  const { createdAt, clusterUid, backupId, totals, snapshots } = report;
  const verifiedAt = new Date(now).toISOString();
  await writeMark(path, {
    verifiedAt,
    createdAt,
    clusterUid,
    backupId,
    databases: [...totals],
    snapshots: [...snapshots],
  });
}
