import { writeMark } from './marks.js';
import type { VerifyBackupReport } from './types.js';

/** Says beside a backup that all of it was found right just now. */
export async function markVerified(path: string, report: VerifyBackupReport, now: number): Promise<void> {
  const { createdAt, clusterUid, backupId } = report;
  await writeMark(path, { verifiedAt: new Date(now).toISOString(), createdAt, clusterUid, backupId });
}
